"""What a workload makes of many arrays at once: time, traffic, energy and area of each."""

from collections.abc import Sequence

import numpy as np

from truncmac.golden.types import Array, Integers, Reals
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.schedule.blocks import MemoryArrays
from truncmac.sim.schedule.platforms import KIB
from truncmac.sim.schedule.schedule import Schedule, schedule

from .costs import Costs, LibraryFigures
from .loads import Load
from .spec import ENERGY_COLUMNS
from .tables import Table

__all__ = ["MEASURES", "measure_workload"]

MEASURES = ("cycles", "array_cycles", "latency_ms", "images_per_s", "utilisation", "dram_bytes")


def measure_workload(
    load: Load, columns: Table, arrays: Sequence[ArrayConfig], figures: LibraryFigures | None
) -> Table:
    """Measures of a workload on some designs at each k: arrays (designs, bit-widths).

    Parameters
    ----------
    columns : sizes of the designs, arrays (designs,)
    arrays : the array of each design
    figures : of energy and area; None: there are no such columns
    """
    shape = (len(arrays), len(load.bits))
    if not arrays:
        names = MEASURES if figures is None else (*MEASURES, *ENERGY_COLUMNS)
        return {name: np.zeros(shape) for name in names} | {"fits": np.zeros(shape, bool)}

    sizes = Sizes(**{name: _deep(values) for name, values in vars(Sizes.of(arrays)).items()})
    clock_hz = columns["clock_mhz"] * 1e6
    memory = MemoryArrays(
        activation_bytes=_deep(columns["activation_kib"] * KIB),
        weight_bytes=_deep(columns["weight_kib"] * KIB),
        dram_bytes_per_cycle=_deep(columns["dram_gb_s"] * 1e9) / _deep(clock_hz),
    )
    found = schedule(load.layers, sizes, memory, load.layer_bits)
    seconds = _total(found, found.cycles) / clock_hz[:, None]
    multipliers = (columns["pes"] * columns["lanes"])[:, None]
    table = _time(load, found, sizes, seconds, multipliers)
    if figures is None:
        return table
    costs = figures.costs(load.layers, arrays, found=found, bits=load.layer_bits, clock_hz=clock_hz)
    return table | _energy(costs, load, seconds)


def _time(
    load: Load,
    found: Schedule,
    sizes: Sizes,
    seconds: Reals,
    multipliers: Integers,
) -> Table:
    """Columns of time and traffic."""
    cycles = _total(found, found.cycles)
    steps = (load.layers.macs * ceil_div(load.layer_bits, sizes.planes)).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # what does not fit takes no time
        return {
            "fits": np.broadcast_to(found.fits, found.cycles.shape).all(axis=-1),
            "cycles": cycles,
            "array_cycles": _total(found, found.counts.cycles),
            "latency_ms": 1e3 * seconds,
            "images_per_s": load.images / seconds,
            "utilisation": steps / (multipliers * cycles),
            "dram_bytes": _total(found, found.dram_bytes),
        }


def _energy(costs: Costs, load: Load, seconds: Reals) -> Table:
    """Columns of energy and area: the energy of one image; a MAC is two operations."""
    operations = 2.0 * load.layers.macs.sum()
    energy = costs.energy_pj.sum(axis=-1)
    area = np.broadcast_to(costs.area_um2[:, None] * 1e-6, energy.shape)
    with np.errstate(divide="ignore", invalid="ignore"):  # what does not fit takes no time
        return {
            "energy_uj": energy * 1e-6 / load.images,
            "area_mm2": area,
            "fmax_mhz": np.broadcast_to(costs.fmax_mhz[:, None], energy.shape),
            "edp_uj_ms": energy * 1e-6 / load.images * 1e3 * seconds,
            "tops_per_w": operations / energy,
            "tops_per_mm2": operations / seconds * 1e-12 / area,
        }


def _deep(values: Array) -> Array:
    """Values of designs (n,), shaped to broadcast with bit-widths and layers: (n, 1, 1)."""
    return values[:, None, None]


def _total(found: Schedule, of_layers: Integers) -> Integers:
    """The sum over the layers, for every design and k."""
    return np.broadcast_to(of_layers, found.cycles.shape).sum(axis=-1)
