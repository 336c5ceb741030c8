"""Evaluates designs of a space: every workload at every k, many designs at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.hw.config import PLANE_COUNTS, ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.fpga.results import Placed, read_placed

from .costs import LibraryFigures, read_figures
from .loads import Load, loads_of
from .measures import measure_workload
from .space import AUTO
from .spec import ENERGY_COLUMNS, Spec
from .tables import Table

__all__ = ["Evaluator", "config_of", "evaluator_of", "too_fast", "unknown"]

AT_ONCE = 1 << 15  # designs x bit-widths x layers, so that intermediate arrays stay in the cache
ARRAY_AXES = ("rows", "cols", "lanes", "planes", "requantisers")


@lru_cache(maxsize=1 << 16)
def config_of(
    rows: int, cols: int, lanes: int, planes: int, requantisers: int, max_reduction: int
) -> ArrayConfig | None:
    """The array of these sizes, or None if there is none."""
    try:
        return ArrayConfig(
            rows=rows,
            cols=cols,
            lanes=lanes,
            planes=planes,
            max_reduction=max_reduction,
            requantisers=None if requantisers == AUTO else requantisers,
        )
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Makes tables of designs: an entry for each design, workload and k, in this order.

    Attributes
    ----------
    max_reduction : the longest K of all workloads, which the arrays are built for
    figures : characterised figures of energy and area, if there are any
    placed : results of place and route, if there are any
    """

    spec: Spec
    loads: tuple[Load, ...]
    max_reduction: int
    figures: LibraryFigures | None = None
    placed: Placed | None = None

    @property
    def entries_per_design(self) -> int:
        """The number of entries that each design gives."""
        return sum(len(load.bits) for load in self.loads)

    @property
    def pe_shapes(self) -> set[tuple[int, int]]:
        """The (lanes, planes) in the space."""
        space = self.spec.space
        return {
            (int(n), int(p)) for n in space["lanes"] for p in space["planes"] if p in PLANE_COUNTS
        }

    @property
    def without_figures(self) -> list[str]:
        """What is in the space and has no figures, in words."""
        if self.figures is None:
            return []
        widths = {k for load in self.loads for k in load.layer_bits.ravel().tolist()}
        return self.figures.missing(sorted(self.pe_shapes), widths)

    def config(self, entry: Mapping[str, Any]) -> ArrayConfig | None:
        """The array of a table's entry, or None if there is none of its sizes."""
        return config_of(*(int(entry[name]) for name in ARRAY_AXES), self.max_reduction)

    def evaluate(self, points: Integers) -> Table:
        """The table of the designs numbered `points`.

        Designs of sizes for which there is no array have no entries.
        """
        largest = max(len(load.bits) * len(load.layers.rows) for load in self.loads)
        step = max(AT_ONCE // largest, 1)
        starts = range(0, max(len(points), 1), step)
        parts = [self._part(points[start : start + step]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _part(self, points: Integers) -> Table:
        designs = self.spec.design_space.sizes_at(points)
        sizes = zip(*(designs[name].tolist() for name in ARRAY_AXES), strict=True)
        configs = [config_of(*size, self.max_reduction) for size in sizes]
        valid = np.array([config is not None for config in configs], bool)
        arrays = [config for config in configs if config is not None]
        columns = {name: values[valid] for name, values in designs.items()}
        columns["requantisers"] = np.array([config.requantisers for config in arrays], int)
        columns = {"point": points[valid], **columns, **_derived(columns)}
        if self.placed is not None:
            columns |= self.placed.columns(arrays)
        results = self._measure(columns, arrays)
        shape = (len(arrays), self.entries_per_design)
        spread = {name: np.broadcast_to(values[:, None], shape) for name, values in columns.items()}
        table = {name: np.ascontiguousarray(v).ravel() for name, v in (spread | results).items()}
        return table | {"feasible": self._feasible(table)}

    def _measure(self, columns: Table, arrays: Sequence[ArrayConfig]) -> Table:
        """What each workload makes of the designs: arrays (designs, entries of a design)."""
        count = len(arrays)
        parts = [measure_workload(load, columns, arrays, self.figures) for load in self.loads]
        results = {
            name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]
        }
        names = [load.name for load in self.loads for _ in load.bits]
        bits = [k for load in self.loads for k in load.bits]
        fixed = {"workload": np.array(names), "bits": np.array(bits)}
        if self.loads[0].accuracy is not None:
            fixed["accuracy"] = np.array([a for load in self.loads for a in load.accuracy or ()])
        tiled = {name: np.broadcast_to(v, (count, len(v))) for name, v in fixed.items()}
        return tiled | results

    def _feasible(self, table: Table) -> npt.NDArray[np.bool_]:
        """Entries that may be built and of which all that the spec asks for is known.

        Their layers fit the scratchpads, they keep all constraints, and their clock is not faster
        than static timing lets it be, where that is known.
        """
        kept = table["fits"] & ~unknown(self.spec, table) & ~too_fast(table)
        for name, bound in self.spec.constraints.items():
            kept &= (table[name] >= bound.min) & (table[name] <= bound.max)
        return kept


def evaluator_of(
    spec: Spec,
    on_progress: Callable[[str], None] = lambda what: None,
) -> Evaluator:
    """Read what `spec` names, and make what evaluates its designs.

    Parameters
    ----------
    on_progress : called with what is done next, in words

    Raises
    ------
    ValueError
        If a workload or a library cannot be read, or no design of the space has the figures that
        an objective or a constraint needs.
    """
    figures = read_figures(spec.energy_library) if spec.energy_library is not None else None
    loads = loads_of(spec, on_progress)
    evaluator = Evaluator(
        spec=spec,
        loads=loads,
        max_reduction=max(int(load.layers.reduction.max()) for load in loads),
        figures=figures,
        placed=read_placed(spec.fpga) if spec.fpga is not None else None,
    )
    needing = sorted(spec.needed_columns & set(ENERGY_COLUMNS))
    if figures is not None and needing and not evaluator.pe_shapes & set(figures.shapes):
        known = ", ".join(map(str, sorted(figures.shapes)))
        raise ValueError(
            f"{needing[0]} needs figures of (lanes, planes), of which {figures.library} has {known}"
            ", and the space none"
        )
    return evaluator


def unknown(spec: Spec, table: Table) -> npt.NDArray[np.bool_]:
    """Which entries fit but lack a value that an objective or a constraint needs."""
    lacking = np.zeros(len(table["fits"]), bool)
    for name in spec.needed_columns:
        lacking |= np.isnan(table[name])
    return lacking & table["fits"]


def too_fast(table: Table) -> npt.NDArray[np.bool_]:
    """Which entries have a faster clock than static timing, or place and route, lets it be."""
    found = np.zeros(len(table["fits"]), bool)
    for name in ("fmax_mhz", "fpga_mhz"):
        if name in table:
            found |= table["clock_mhz"] > table[name]  # False where it is unknown
    return found


def _derived(columns: Table) -> Table:
    """Sizes that follow from others."""
    chunks = ceil_div(8, columns["planes"])
    pes = columns["rows"] * columns["cols"]
    return {
        "pes": pes,
        "peak_macs": pes * columns["lanes"] / chunks,
        "buffer_kib": columns["activation_kib"] + columns["weight_kib"],
    }
