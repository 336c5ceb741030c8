"""What an exploration found: fronts, a sample and counts, merged chunk by chunk."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .evaluation import too_fast, unknown
from .fronts import Fronts
from .spec import Spec
from .tables import Table

__all__ = ["Exploration", "Sample"]

SAMPLE = 4000  # entries that a plot shows beside its fronts


class Sample:
    """A uniform sample of the feasible entries, which does not depend on their order.

    Each entry has a fixed pseudo-random number; the entries with the least ones are the sample.
    """

    def __init__(self, seed: int, size: int = SAMPLE) -> None:
        self.seed, self.size = np.uint64(seed), size
        self.keys = np.zeros(0, np.uint64)
        self.table: Table = {}

    def add(self, table: Table) -> None:
        """Take all entries of some designs."""
        kept = np.flatnonzero(table["feasible"])
        keys = self._keys(table)[kept]
        least = np.argsort(keys, kind="stable")[: self.size]
        self._take(keys[least], {name: column[kept[least]] for name, column in table.items()})

    def merge(self, other: "Sample") -> None:
        """Take the sample of other designs."""
        self._take(other.keys, other.table)

    def _take(self, keys: npt.NDArray[np.uint64], table: Table) -> None:
        if self.table and table:
            keys = np.concatenate([self.keys, keys])
            table = {name: np.concatenate([self.table[name], table[name]]) for name in table}
        elif not table:
            return
        least = np.argsort(keys, kind="stable")[: self.size]
        self.keys = keys[least]
        self.table = {name: column[least] for name, column in table.items()}

    def _keys(self, table: Table) -> npt.NDArray[np.uint64]:
        """The number of each entry: splitmix64 (Steele et al., 2014) of seed, point and place.

        The place is that of the entry among those of its design.
        """
        points, count = table["point"], len(table["point"])
        first = np.r_[True, points[1:] != points[:-1]] if count else np.zeros(0, bool)
        starts = np.maximum.accumulate(np.where(first, np.arange(count), 0))
        place = (np.arange(count) - starts).astype(np.uint64)
        with np.errstate(over="ignore"):
            x = points.astype(np.uint64) * np.uint64(1 << 10) + place
            x = (x + self.seed) * np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


@dataclass
class Exploration:
    """What was found in some designs; all but the fronts and the sample are numbers of them.

    Attributes
    ----------
    designs : designs that were evaluated
    entries : their entries, one for each workload and k
    feasible : entries that may be built and keep all constraints
    unknown : entries that lack a value that an objective or a constraint needs
    too_fast : entries whose clock is faster than static timing, or place and route, lets it be
    reused : chunks that were there already
    chunks : chunks that were taken, those included
    """

    fronts: Fronts
    sample: Sample
    designs: int = 0
    entries: int = 0
    feasible: int = 0
    unknown: int = 0
    too_fast: int = 0
    reused: int = field(default=0, compare=False)
    chunks: int = 0

    @classmethod
    def of(cls, spec: Spec, table: Table | None = None) -> "Exploration":
        """What is found in the table of a chunk; without one, nothing yet."""
        found = cls(Fronts(spec), Sample(spec.seed))
        if table is not None:
            found.fronts.add(table)
            found.sample.add(table)
            found.designs = len(np.unique(table["point"]))
            found.entries = len(table["point"])
            found.feasible = int(table["feasible"].sum())
            found.unknown = int(unknown(spec, table).sum())
            found.too_fast = int(too_fast(table).sum())
            found.chunks = 1
        return found

    def merge(self, other: "Exploration") -> None:
        """Take what was found in other designs."""
        self.fronts.merge(other.fronts)
        self.sample.merge(other.sample)
        for name in ("designs", "entries", "feasible", "unknown", "too_fast", "reused", "chunks"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
