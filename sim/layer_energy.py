"""Energy of a schedule's layers: the core's, by the figures of its netlist."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import ArrayConfig

from .analysis import Energy
from .config_columns import ConfigColumns
from .energy import Characterisation, Counts
from .schedule import Layers, Schedule

__all__ = ["layer_energies", "schedule_energies"]

Reals = npt.NDArray[np.float64]


def layer_energies(layers: Layers, figures: Characterisation, clock_hz: float) -> Energy:
    """What gives each layer's energy in the core, see `schedule_energies`.

    Parameters
    ----------
    layers : those that are scheduled
    figures : of the array's lanes and planes, at each k that a layer has
    clock_hz : of the array, for the leakage
    """

    def energies(config: ArrayConfig, found: Schedule, bits: npt.NDArray[np.int64]) -> Reals:
        period = np.array([1e12 / clock_hz])
        result = schedule_energies(layers, figures, [config], found, np.atleast_2d(bits), period)
        return result.reshape(np.broadcast_shapes(found.cycles.shape, bits.shape))

    return energies


def schedule_energies(
    layers: Layers,
    figures: Characterisation,
    configs: Sequence[ArrayConfig],
    found: Schedule,
    bits: npt.NDArray[np.int64],
    period_ps: Reals,
) -> Reals:
    """Energy of layers on several arrays, pJ, glitches included; without memories.

    The root of the clock toggles, and leakage flows, while the array waits for memory too.
    Activations have the density of those that the figures come from.

    Parameters
    ----------
    layers : those that are scheduled
    figures : of the arrays' lanes and planes
    configs : n arrays
    found : arrays that broadcast to (n, bit-widths, layers)
    bits : k of each layer, (bit-widths, layers)
    period_ps : of the clock, (n,)

    Returns
    -------
    float array, shape (n, bit-widths, layers); NaN at a k that the figures do not have
    """
    shape = (len(configs), *bits.shape)
    result = np.full(shape, np.nan)
    for k in np.unique(bits):
        if int(k) in figures.bits:
            widths, indices = np.nonzero(bits == k)
            counts, used = _counts(layers, configs, found, (widths, indices), shape)
            result[:, widths, indices] = figures.energies(
                configs,
                counts,
                int(k),
                rows_used=used[0],
                columns_used=used[1],
                period_ps=period_ps[:, None],
            )
    return result


Places = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def _counts(
    layers: Layers,
    configs: Sequence[ArrayConfig],
    found: Schedule,
    places: Places,
    shape: tuple[int, ...],
) -> tuple[Counts, tuple[Reals, Reals]]:
    """Events at places (bit-width, layer) of `shape`, and shares of rows and columns used."""
    _, index = places

    def at(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(values, shape)[:, places[0], index].astype(np.float64)

    arrays: Any = ConfigColumns(configs)
    rows, columns, raw = layers.rows[index], layers.columns[index], layers.raw[index]
    row_tiles, column_tiles = -(-rows // arrays.rows), -(-columns // arrays.cols)
    tiles = at(found.counts.tiles)
    sets: Any = layers.groups[index] * column_tiles * at(found.row_blocks)
    counts: dict[str, Any] = {
        "cycles": at(found.cycles),
        "chunks": at(found.counts.chunks),
        "beats": at(found.counts.beats),
        "tiles": tiles,
        "sets": np.where(raw, 0.0, sets),
        "residual_rows": np.where(layers.residual[index], tiles * arrays.rows, 0.0),
        "raw_tiles": np.where(raw, tiles, 0.0),
    }
    used = rows / (row_tiles * arrays.rows), columns / (column_tiles * arrays.cols)
    return Counts(**counts), used
