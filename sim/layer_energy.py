"""Energy of a schedule's layers: the core's, by the figures of its netlist."""

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import ArrayConfig

from .analysis import Energy
from .cycles import RESTART
from .energy import PARTS, Characterisation, Counts
from .schedule import Layers, Schedule

__all__ = ["layer_energies", "layer_parts"]

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


def layer_energies(layers: Layers, figures: Characterisation, clock_hz: float) -> Energy:
    """What gives each layer's energy in the core, pJ, glitches included; without memories.

    The root of the clock toggles, and leakage flows, while the array waits for memory too.
    Activations have the density of those that the figures come from.

    Parameters
    ----------
    layers : those that are scheduled
    figures : of the array's lanes and planes, at each k that a layer has
    clock_hz : of the array, for the leakage
    """

    def energies(config: ArrayConfig, found: Schedule, bits: Integers) -> Reals:
        parts = layer_parts(layers, figures, clock_hz, config, found, bits)
        return np.sum(list(parts.values()), axis=0)

    return energies


def layer_parts(
    layers: Layers,
    figures: Characterisation,
    clock_hz: float,
    config: ArrayConfig,
    found: Schedule,
    bits: Integers,
    *,
    glitches: bool = True,
) -> dict[str, Reals]:
    """The same by part of the core, `PARTS`; without glitches where they are not wanted."""
    cycles, everywhere = np.broadcast_arrays(found.cycles, bits)
    result = {part: np.zeros(cycles.shape) for part in PARTS}
    for at in np.ndindex(cycles.shape):
        layer = at[-1]
        column_tiles = -(-int(layers.columns[layer]) // config.cols)
        row_tiles = -(-int(layers.rows[layer]) // config.rows)
        parts = figures.energy(
            config,
            _counts(layers, config, found, at),
            int(everywhere[at]),
            rows_used=float(layers.rows[layer]) / (row_tiles * config.rows),
            columns_used=float(layers.columns[layer]) / (column_tiles * config.cols),
            period_ps=1e12 / clock_hz,
            glitches=glitches,
        )
        for part, value in parts.items():
            result[part][at] = value
    return result


def _counts(layers: Layers, config: ArrayConfig, found: Schedule, at: tuple[int, ...]) -> Counts:
    """Events of a layer; what it waits for the DRAM, it waits for operands."""

    def pick(array: npt.ArrayLike) -> float:
        return float(np.broadcast_to(array, np.shape(found.cycles))[at])

    layer = at[-1]
    counters = found.counts.arrays()
    tiles, cycles = pick(counters["tiles"]), pick(found.cycles)
    column_tiles = -(-int(layers.columns[layer]) // config.cols)
    raw = bool(layers.raw[layer])
    return Counts(
        cycles=cycles,
        chunks=pick(counters["chunks"]),
        beats=pick(counters["beats"]),
        tiles=tiles,
        sets=0.0 if raw else float(layers.groups[layer]) * column_tiles * pick(found.row_blocks),
        residual_rows=tiles * config.rows if layers.residual[layer] else 0.0,
        raw_tiles=tiles if raw else 0.0,
        waiting=max(cycles - pick(counters["cycles"]) - RESTART * pick(found.jobs), 0.0),
    )
