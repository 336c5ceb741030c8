"""An exploration's parts: chunks of its space, and the fronts of what was evaluated."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.integers import ceil_div
from truncmac.sim.fpga.results import read_placed

from .costs import known_figures
from .evaluation import Evaluator
from .loads import loads_of
from .pareto import Front
from .spec import COLUMNS, NEEDS_FIGURES, Spec

__all__ = [
    "Chunk",
    "Fronts",
    "chunks_of",
    "evaluator_of",
    "group_rows",
]

Rows = dict[str, npt.NDArray[Any]]
CHUNKS = 64  # about so many, for progress and for equal shares
LEAST_ROWS, MOST_ROWS = 1 << 10, 1 << 17  # of a chunk: worth its file; bounds the memory


def evaluator_of(
    spec: Spec,
    on_progress: Callable[[str], None] = lambda what: None,
) -> Evaluator:
    """What evaluates the designs of `spec`.

    Raises
    ------
    ValueError
        If a workload or a library cannot be had, or no design of the space has figures that an
        objective or a constraint needs.
    """
    figures = known_figures(spec.figures) if spec.figures is not None else None
    loads = loads_of(spec, on_progress)
    longest = max(int(load.layers.reduction.max()) for load in loads)
    placed = read_placed(spec.fpga) if spec.fpga is not None else None
    evaluator = Evaluator(spec, loads, longest, figures, placed)
    needing = sorted(spec.columns & set(NEEDS_FIGURES))
    if figures is not None and needing and not evaluator.shapes & set(figures.shapes):
        known = ", ".join(map(str, sorted(figures.shapes)))
        raise ValueError(
            f"{needing[0]} needs figures of (lanes, planes), of which {figures.library} has {known}"
            ", and the space none"
        )
    return evaluator


@dataclass(frozen=True)
class Chunk:
    """Designs that are evaluated together: a range of the space, or some points of it."""

    index: int
    points: Integers | range

    @property
    def array(self) -> Integers:
        """Numbers of the designs."""
        return np.array(self.points, np.int64)


def chunks_of(evaluator: Evaluator) -> list[range]:
    """The whole space, cut into ranges of designs: always the same for a spec."""
    count, each = len(evaluator.spec.designs), evaluator.rows_of_design
    least, most = (max(rows // each, 1) for rows in (LEAST_ROWS, MOST_ROWS))
    size = int(np.clip(ceil_div(count, CHUNKS), least, most))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


class Fronts:
    """A Pareto front for each group of rows: a workload and k, a workload, or all.

    Attributes
    ----------
    groups : Front by (workload, k), with 0 for every k and "" for every workload
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.objectives = {name: COLUMNS[name] for name in spec.objectives}
        self.groups: dict[tuple[str, int], Front] = {}

    def add(self, rows: Rows) -> None:
        """Take the rows of whole designs."""
        for key, part in group_rows(self.spec, rows):
            front = self.groups.setdefault(key, Front(self.objectives))
            kept = part["feasible"]
            front.add({name: column[kept] for name, column in part.items()})

    def merge(self, other: "Fronts") -> None:
        """Take the fronts of other designs."""
        for key, front in other.groups.items():
            own = self.groups.setdefault(key, Front(self.objectives))
            if len(front):
                own.add(front.rows)

    @property
    def rows(self) -> Rows:
        """All fronts, one after the other, each by its objectives, the best of the first first."""
        parts = [front.rows for front in self.groups.values() if len(front)]
        if not parts:
            return {}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def group_rows(spec: Spec, rows: Rows) -> Iterator[tuple[tuple[str, int], Rows]]:
    """Rows of whole designs by what they compete in, see `Fronts`."""
    if spec.front == "worst":
        yield ("", 0), worst(rows, {name: COLUMNS[name] for name in spec.objectives})
        return
    if spec.front == "all":
        yield ("", 0), rows
        return
    workloads = rows["workload"]
    for workload in dict.fromkeys(workloads.tolist()):
        own = workloads == workload
        widths = dict.fromkeys(rows["bits"][own].tolist()) if spec.front == "each" else [0]
        for k in widths:
            some = own & (rows["bits"] == k) if k else own
            yield (workload, k), {name: column[some] for name, column in rows.items()}


def worst(rows: Rows, objectives: Mapping[str, int]) -> Rows:
    """A row for each design: of each objective the worst of all its rows, all feasible or none.

    Other columns are those of the design's row that is worst in the first objective.
    """
    if not len(rows["point"]):
        return rows
    _, first, counts = np.unique(rows["point"], return_index=True, return_counts=True)
    each = int(counts[0])  # rows of a design lie together, all designs have as many
    order = (np.sort(first)[:, None] + np.arange(each)).astype(np.intp)
    lead = next(iter(objectives))
    place = np.argmax(np.nan_to_num(rows[lead][order] * objectives[lead], nan=np.inf), axis=1)
    chosen = order[np.arange(len(order)), place]
    result = {name: column[chosen] for name, column in rows.items()}
    for name, sign in objectives.items():
        result[name] = sign * (sign * rows[name][order]).max(axis=1)
    for name in ("feasible", "fits"):
        result[name] = rows[name][order].all(axis=1)
    return result
