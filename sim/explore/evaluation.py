"""Evaluates designs of a space: every workload at every k, many designs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import PLANES, ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.closed_form import Sizes
from truncmac.sim.fpga.results import Placed
from truncmac.sim.schedule.platforms import KIB
from truncmac.sim.schedule.schedule import MemoryArrays, Schedule, schedule

from .costs import Costs, Figures
from .loads import Load
from .space import AUTO
from .spec import NEEDS_FIGURES, Spec

__all__ = ["MEASURES", "Evaluator", "config_of", "too_fast", "unknown"]

Rows = dict[str, npt.NDArray[Any]]
AT_ONCE = 1 << 15  # designs x bit-widths x layers: so that intermediate arrays stay in the cache
MEASURES = ("cycles", "array_cycles", "latency_ms", "images_per_s", "utilisation", "dram_bytes")


@lru_cache(maxsize=1 << 16)
def config_of(
    rows: int, cols: int, lanes: int, planes: int, requantisers: int, max_reduction: int
) -> ArrayConfig | None:
    """The array of these sizes, or None if there is none."""
    units = None if requantisers == AUTO else requantisers
    try:
        return ArrayConfig(rows, cols, lanes, planes, max_reduction, units)
    except ValueError:
        return None


@dataclass(frozen=True)
class Evaluator:
    """Makes rows, one for each design, workload and k, in this order.

    Attributes
    ----------
    max_reduction : the longest K of all workloads, which the arrays are built for
    figures : of energy and area, if there are any
    placed : results of place and route, if there are any
    """

    spec: Spec
    loads: tuple[Load, ...]
    max_reduction: int
    figures: Figures | None = None
    placed: Placed | None = None

    @property
    def rows_of_design(self) -> int:
        """Rows that each design gives."""
        return sum(len(load.bits) for load in self.loads)

    @property
    def shapes(self) -> set[tuple[int, int]]:
        """Lanes and planes in the space."""
        space = self.spec.space
        return {(int(n), int(p)) for n in space["lanes"] for p in space["planes"] if p in PLANES}

    @property
    def without_figures(self) -> list[str]:
        """What the space has and there are no figures of, in words."""
        if self.figures is None:
            return []
        widths = {k for load in self.loads for k in load.layer_bits.ravel().tolist()}
        return self.figures.missing(sorted(self.shapes), widths)

    def config(self, design: Mapping[str, Any]) -> ArrayConfig | None:
        """The array of a design, or of a row."""
        sizes = ("rows", "cols", "lanes", "planes", "requantisers")
        return config_of(*(int(design[name]) for name in sizes), self.max_reduction)

    def rows(self, points: npt.NDArray[np.int64]) -> Rows:
        """Columns of the designs at `points`; points for which there is no array give no rows."""
        largest = max(len(load.bits) * len(load.layers.rows) for load in self.loads)
        step = max(AT_ONCE // largest, 1)
        starts = range(0, max(len(points), 1), step)
        parts = [self._part(points[start : start + step]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _part(self, points: npt.NDArray[np.int64]) -> Rows:
        designs = self.spec.designs.designs(points)
        sizes = zip(
            *(designs[name].tolist() for name in ("rows", "cols", "lanes", "planes")),
            designs["requantisers"].tolist(),
            strict=True,
        )
        configs = [config_of(*size, self.max_reduction) for size in sizes]
        valid = np.array([config is not None for config in configs], bool)
        arrays = [config for config in configs if config is not None]
        columns = {name: values[valid] for name, values in designs.items()}
        columns["requantisers"] = np.array([config.requantisers for config in arrays], int)
        columns = {"point": points[valid], **columns, **_sums(columns)}
        if self.placed is not None:
            columns |= self.placed.columns(arrays)
        results = self._measure(columns, arrays)
        shape = (len(arrays), self.rows_of_design)
        spread = {name: np.broadcast_to(values[:, None], shape) for name, values in columns.items()}
        rows = {name: np.ascontiguousarray(v).ravel() for name, v in (spread | results).items()}
        return rows | {"feasible": self._feasible(rows)}

    def _measure(self, columns: Rows, arrays: Sequence[ArrayConfig]) -> Rows:
        """What each workload makes of the designs: arrays (designs, rows of a design)."""
        count = len(arrays)
        parts = [_on_arrays(load, columns, arrays, self.figures) for load in self.loads]
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

    def _feasible(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Rows that may be built, and of which all is known that the spec asks for.

        Their layers fit the scratchpads, they keep all constraints, and their clock is not faster
        than static timing lets it be, where that is known.
        """
        kept = rows["fits"] & ~unknown(self.spec, rows) & ~too_fast(rows)
        for name, bound in self.spec.constraints.items():
            kept &= (rows[name] >= bound.min) & (rows[name] <= bound.max)
        return kept


def unknown(spec: Spec, rows: Rows) -> npt.NDArray[np.bool_]:
    """Rows that fit but lack a value that an objective or a constraint needs."""
    lacking = np.zeros(len(rows["fits"]), bool)
    for name in spec.columns:
        lacking |= np.isnan(rows[name])
    return lacking & rows["fits"]


def too_fast(rows: Rows) -> npt.NDArray[np.bool_]:
    """Rows whose clock is faster than static timing, or place and route, lets it be."""
    found = np.zeros(len(rows["fits"]), bool)
    for name in ("fmax_mhz", "fpga_mhz"):
        if name in rows:
            found |= rows["clock_mhz"] > rows[name]  # False where it is unknown
    return found


def _sums(columns: Rows) -> Rows:
    """Sizes that follow from others."""
    chunks = ceil_div(8, columns["planes"])
    pes = columns["rows"] * columns["cols"]
    return {
        "pes": pes,
        "peak_macs": pes * columns["lanes"] / chunks,
        "buffer_kib": columns["activation_kib"] + columns["weight_kib"],
    }


def _on_arrays(
    load: Load, columns: Rows, arrays: Sequence[ArrayConfig], figures: Figures | None
) -> Rows:
    """Measures of a workload on some designs, arrays (designs, bit-widths)."""
    shape = (len(arrays), len(load.bits))
    if not arrays:
        names = MEASURES if figures is None else (*MEASURES, *NEEDS_FIGURES)
        return {name: np.zeros(shape) for name in names} | {"fits": np.zeros(shape, bool)}

    def deep(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[:, None, None]

    sizes = Sizes(**{name: _deep(values) for name, values in vars(Sizes.of(arrays)).items()})
    clock = _deep(columns["clock_mhz"] * 1e6)
    memory = MemoryArrays(
        _deep(columns["activation_kib"] * KIB),
        _deep(columns["weight_kib"] * KIB),
        _deep(columns["dram_gb_s"] * 1e9) / clock,
    )
    bits = load.layer_bits
    found = schedule(load.layers, sizes, memory, bits)
    cycles = _total(found, found.cycles)
    seconds = cycles / clock[:, :, 0]
    steps = (load.layers.macs * ceil_div(bits, sizes.planes)).sum(axis=-1)
    multipliers = (columns["pes"] * columns["lanes"])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # what does not fit takes no time
        rows = {
            "fits": np.broadcast_to(found.fits, found.cycles.shape).all(axis=-1),
            "cycles": cycles,
            "array_cycles": _total(found, found.counts.cycles),
            "latency_ms": 1e3 * seconds,
            "images_per_s": load.images / seconds,
            "utilisation": steps / (multipliers * cycles),
            "dram_bytes": _total(found, found.dram_bytes),
        }
        if figures is None:
            return rows
        clock_hz = columns["clock_mhz"] * 1e6
        return rows | _with_figures(
            figures.costs(load.layers, arrays, found, bits, clock_hz), load, seconds
        )


def _with_figures(costs: Costs, load: Load, seconds: npt.NDArray[np.float64]) -> Rows:
    """Columns of energy, of an image, and area; an operation is a multiplication or an addition."""
    operations = 2.0 * load.layers.macs.sum()
    energy = costs.energy_pj.sum(axis=-1)
    area = np.broadcast_to(costs.area_um2[:, None] * 1e-6, energy.shape)
    return {
        "energy_uj": energy * 1e-6 / load.images,
        "area_mm2": area,
        "fmax_mhz": np.broadcast_to(costs.fmax_mhz[:, None], energy.shape),
        "edp_uj_ms": energy * 1e-6 / load.images * 1e3 * seconds,
        "tops_per_w": operations / energy,
        "tops_per_mm2": operations / seconds * 1e-12 / area,
    }


def _deep(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values of designs (n,), to broadcast with bit-widths and layers."""
    return values[:, None, None]


def _total(found: Schedule, of_layers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sum over the layers, for every design and k."""
    return np.broadcast_to(of_layers, found.cycles.shape).sum(axis=-1)
