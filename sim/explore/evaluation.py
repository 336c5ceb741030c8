"""Evaluates designs of a space: every workload at every k, many designs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.hw.config import PLANE_COUNTS, ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.fpga.results import Placed

from .costs import LibraryFigures
from .loads import Load
from .measures import measure_workload
from .space import ARRAY_AXES, AUTO
from .spec import Spec
from .tables import Table

__all__ = ["Evaluator", "config_of", "derived", "options", "too_fast", "unknown"]

LAYERS_PER_S = 300_000  # that one core evaluates, about: it only decides on starting workers
AT_ONCE = 1 << 15  # designs x bit-widths x layers, so that intermediate arrays stay in the cache


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

    def command(self, entry: Mapping[str, Any]) -> str:
        """The command that writes the hardware of a table's entry."""
        return f"truncmac rtl {options(entry, ARRAY_AXES)} --max-reduction {self.max_reduction}"

    @property
    def expected_s(self) -> float:
        """Seconds that one core needs for the whole space, about."""
        layers = sum(len(load.bits) * len(load.layers.rows) for load in self.loads)
        return len(self.spec.design_space) * layers / LAYERS_PER_S

    @property
    def designs_at_once(self) -> int:
        """Designs that are evaluated together, at most."""
        largest = max(len(load.bits) * len(load.layers.rows) for load in self.loads)
        return max(AT_ONCE // largest, 1)

    def evaluate(self, points: Integers) -> Table:
        """The table of the designs numbered `points`.

        Designs of sizes for which there is no hardware have no entries.
        """
        step = self.designs_at_once
        starts = range(0, max(len(points), 1), step)
        parts = [self._part(points[start : start + step]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _part(self, points: Integers) -> Table:
        designs = self.spec.design_space.sizes_at(points)
        valid, columns, results = self._evaluated(designs)
        columns = {"point": points[valid], **columns}
        shape = (len(columns["point"]), self.entries_per_design)
        spread = {name: np.broadcast_to(values[:, None], shape) for name, values in columns.items()}
        table = {name: np.ascontiguousarray(v).ravel() for name, v in (spread | results).items()}
        return table | {"feasible": self._feasible(table)}

    def _evaluated(self, designs: Table) -> tuple[npt.NDArray[np.bool_], Table, Table]:
        """Evaluate designs of these sizes.

        Returns which of them there is hardware for, and of those their columns, arrays (designs,),
        and what each workload makes of them, arrays (designs, entries of a design).
        """
        sizes = zip(*(designs[name].tolist() for name in ARRAY_AXES), strict=True)
        configs = [config_of(*size, self.max_reduction) for size in sizes]
        valid = np.array([config is not None for config in configs], bool)
        arrays = [config for config in configs if config is not None]
        columns = {name: values[valid] for name, values in designs.items()}
        columns["requantisers"] = np.array([config.requantisers for config in arrays], int)
        buffers = columns["activation_kib"] + columns["weight_kib"]
        columns |= derived(columns) | {"buffer_kib": buffers}
        if self.placed is not None:
            columns |= self.placed.columns(arrays)
        parts = [measure_workload(load, columns, arrays, self.figures) for load in self.loads]
        return valid, columns, self._joined(parts, len(arrays))

    def _joined(self, parts: Sequence[Table], designs: int) -> Table:
        """What all workloads make of the designs, with what does not depend on them."""
        results = {
            name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]
        }
        names = [load.name for load in self.loads for _ in load.bits]
        bits = [k for load in self.loads for k in load.bits]
        fixed = {"workload": np.array(names), "bits": np.array(bits)}
        if self.loads[0].accuracy is not None:
            fixed["accuracy"] = np.array([a for load in self.loads for a in load.accuracy or ()])
        tiled = {name: np.broadcast_to(v, (designs, len(v))) for name, v in fixed.items()}
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


def options(entry: Mapping[str, Any], axes: Sequence[str]) -> str:
    """The sizes of a table's entry as options of a command."""
    return " ".join(f"--{name.replace('_', '-')} {int(entry[name])}" for name in axes)


def derived(columns: Table) -> Table:
    """Sizes of arrays that follow from others."""
    chunks = ceil_div(8, columns["planes"])
    pes = columns["rows"] * columns["cols"]
    return {
        "pes": pes,
        "peak_macs": pes * columns["lanes"] / chunks,
    }
