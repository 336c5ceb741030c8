"""Energy of a schedule's layers: the core's, by the figures of its netlist."""

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import ArrayConfig

from .analysis import Energy
from .energy import Characterisation, Counts
from .schedule import Layers, Schedule

__all__ = ["layer_energies"]


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

    def energies(
        config: ArrayConfig, found: Schedule, bits: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        cycles, everywhere = np.broadcast_arrays(found.cycles, bits)
        counters = found.counts.arrays()
        result = np.zeros(cycles.shape)
        for at in np.ndindex(cycles.shape):
            layer = at[-1]
            tiles = float(np.broadcast_to(counters["tiles"], cycles.shape)[at])
            column_tiles = -(-int(layers.columns[layer]) // config.cols)
            row_tiles = -(-int(layers.rows[layer]) // config.rows)
            row_blocks = int(np.broadcast_to(found.row_blocks, cycles.shape)[at])
            raw = bool(layers.raw[layer])
            counts = Counts(
                cycles=float(cycles[at]),
                chunks=float(np.broadcast_to(counters["chunks"], cycles.shape)[at]),
                beats=float(np.broadcast_to(counters["beats"], cycles.shape)[at]),
                tiles=tiles,
                sets=0.0 if raw else float(layers.groups[layer] * column_tiles * row_blocks),
                residual_rows=tiles * config.rows if layers.residual[layer] else 0.0,
                raw_tiles=tiles if raw else 0.0,
            )
            parts = figures.energy(
                config,
                counts,
                int(everywhere[at]),
                rows_used=float(layers.rows[layer]) / (row_tiles * config.rows),
                columns_used=float(layers.columns[layer]) / (column_tiles * config.cols),
                period_ps=1e12 / clock_hz,
            )
            result[at] = sum(parts.values())
        return result

    return energies
