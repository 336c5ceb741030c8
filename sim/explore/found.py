"""What an exploration found: fronts, a sample and counts, which add up over chunks."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .chunks import Fronts
from .evaluation import too_fast, unknown
from .spec import Spec

__all__ = ["Exploration", "Sample"]

Rows = dict[str, npt.NDArray[Any]]
SAMPLE = 4000  # rows of a plot beside its fronts


class Sample:
    """A uniform sample of feasible rows, the same whatever the order in which they come.

    Each row has a fixed pseudo-random number; those with the least ones are the sample.
    """

    def __init__(self, seed: int, size: int = SAMPLE) -> None:
        self.seed, self.size = np.uint64(seed), size
        self.keys = np.zeros(0, np.uint64)
        self.rows: Rows = {}

    def add(self, rows: Rows) -> None:
        """Take the rows of whole designs."""
        kept = np.flatnonzero(rows["feasible"])
        keys = self._keys(rows)[kept]
        least = np.argsort(keys, kind="stable")[: self.size]
        self._take(keys[least], {name: column[kept[least]] for name, column in rows.items()})

    def merge(self, other: "Sample") -> None:
        """Take what another sample has, of other designs."""
        self._take(other.keys, other.rows)

    def _take(self, keys: npt.NDArray[np.uint64], rows: Rows) -> None:
        if self.rows and rows:
            keys = np.concatenate([self.keys, keys])
            rows = {name: np.concatenate([self.rows[name], rows[name]]) for name in rows}
        elif not rows:
            return
        least = np.argsort(keys, kind="stable")[: self.size]
        self.keys, self.rows = keys[least], {name: column[least] for name, column in rows.items()}

    def _keys(self, rows: Rows) -> npt.NDArray[np.uint64]:
        """Mixed by splitmix64 (Steele et al., 2014) of seed, point, and place in the design."""
        count = len(rows["point"])
        first = np.r_[True, rows["point"][1:] != rows["point"][:-1]] if count else np.zeros(0, bool)
        starts = np.maximum.accumulate(np.where(first, np.arange(count), 0))
        place = (np.arange(count) - starts).astype(np.uint64)
        with np.errstate(over="ignore"):
            x = rows["point"].astype(np.uint64) * np.uint64(1 << 10) + place
            x = (x + self.seed) * np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


@dataclass
class Exploration:
    """What was found in some designs.

    Attributes
    ----------
    designs, rows, feasible : how many were evaluated, and of the rows, how many may be built
    unknown : rows that lack a value that an objective or a constraint needs
    too_fast : rows whose clock is faster than static timing lets it be
    reused : chunks that were there already
    """

    fronts: Fronts
    sample: Sample
    designs: int = 0
    rows: int = 0
    feasible: int = 0
    unknown: int = 0
    too_fast: int = 0
    reused: int = field(default=0, compare=False)
    chunks: int = 0

    @classmethod
    def of(cls, spec: Spec, rows: Rows | None = None) -> "Exploration":
        """Of nothing yet, or of the rows of a chunk."""
        found = cls(Fronts(spec), Sample(spec.seed))
        if rows is not None:
            found.fronts.add(rows)
            found.sample.add(rows)
            found.designs = len(np.unique(rows["point"]))
            found.rows = len(rows["point"])
            found.feasible = int(rows["feasible"].sum())
            found.unknown = int(unknown(spec, rows).sum())
            found.too_fast = int(too_fast(rows).sum())
            found.chunks = 1
        return found

    def merge(self, other: "Exploration") -> None:
        """Take what was found in other designs."""
        self.fronts.merge(other.fronts)
        self.sample.merge(other.sample)
        for name in ("designs", "rows", "feasible", "unknown", "too_fast", "reused", "chunks"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
