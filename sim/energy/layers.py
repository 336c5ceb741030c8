"""Energy of the core for the layers of a schedule, without memories."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers, Reals
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.latencies import RESTART
from truncmac.sim.schedule.analysis import Energy
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import Schedule

from .config_columns import ConfigColumns
from .model import PARTS, Characterisation
from .places import Counts
from .switching import Switching

__all__ = ["LayerSwitching", "layer_energies", "layer_parts", "schedule_energies"]

LayerSwitching = Sequence[Sequence[Switching]]  # by bit-width, then by layer


def layer_energies(
    layers: Layers,
    model: Characterisation,
    clock_hz: float,
    switching: LayerSwitching | None = None,
) -> Energy:
    """A function that gives the energy of each layer in the core; see `schedule_energies`.

    Parameters
    ----------
    layers : the layers that are scheduled
    model : of the lanes and planes of the array, with figures at each k that a layer has
    clock_hz : clock of the array, for the leakage
    switching : what toggles in the layers' data on that array; by default as in the layers
        measured
    """

    def energies(config: ArrayConfig, found: Schedule, bits: Integers) -> Reals:
        return _sum(layer_parts(layers, model, clock_hz, config, found, bits, switching))

    return energies


def layer_parts(
    layers: Layers,
    model: Characterisation,
    clock_hz: float,
    config: ArrayConfig,
    found: Schedule,
    bits: Integers,
    switching: LayerSwitching | None = None,
    *,
    glitches: bool = True,
) -> dict[str, Reals]:
    """Energy of each layer in the core, pJ, by `PARTS`; see `layer_energies`.

    Parameters
    ----------
    glitches : whether transitions that cancel within a cycle count
    """
    shape = np.broadcast_shapes(found.cycles.shape, bits.shape)
    period = np.array([1e12 / clock_hz])
    every = (layers, model, [config], found, np.atleast_2d(bits), period)
    parts = _schedule_parts(*every, switching, glitches=glitches)
    return {part: value.reshape(shape) for part, value in parts.items()}


def schedule_energies(
    layers: Layers,
    model: Characterisation,
    configs: Sequence[ArrayConfig],
    found: Schedule,
    bits: Integers,
    period_ps: Reals,
) -> Reals:
    """Energy of layers on several arrays, pJ, with glitches, without memories.

    Cycles in which a layer waits for the DRAM cost as much as those in which it waits for operands.
    Data toggle as in the layers that the figures come from.

    Parameters
    ----------
    layers : the layers that are scheduled
    model : of the lanes and planes of the arrays
    configs : n arrays
    found : the schedules; its arrays broadcast to (n, bit-widths, layers)
    bits : k of each layer, (bit-widths, layers)
    period_ps : clock periods, (n,)

    Returns
    -------
    float array, shape (n, bit-widths, layers); NaN at a k that the figures do not have
    """
    return _sum(_schedule_parts(layers, model, configs, found, bits, period_ps))


def _sum(parts: Mapping[str, Reals]) -> Reals:
    return np.sum(list(parts.values()), axis=0)


def _schedule_parts(
    layers: Layers,
    model: Characterisation,
    configs: Sequence[ArrayConfig],
    found: Schedule,
    bits: Integers,
    period_ps: Reals,
    switching: LayerSwitching | None = None,
    *,
    glitches: bool = True,
) -> dict[str, Reals]:
    shape = (len(configs), *bits.shape)
    result = {part: np.full(shape, np.nan) for part in PARTS}
    for k in np.unique(bits):
        if int(k) in model.bits:
            widths, indices = np.nonzero(bits == k)
            counts, used = _counts(layers, configs, found, (widths, indices), shape)
            energies = model.energies(
                configs,
                counts,
                int(k),
                switching=None if switching is None else _at(switching, (widths, indices)),
                rows_used=used[0],
                columns_used=used[1],
                period_ps=period_ps[:, None],
                glitches=glitches,
            )
            for part, value in energies.items():
                result[part][:, widths, indices] = value
    return result


Places = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def _at(switching: LayerSwitching, places: Places) -> Switching:
    """Switching at places (bit-width, layer); its fields are arrays."""
    own = [switching[width][layer] for width, layer in zip(*places, strict=True)]
    names = [field.name for field in fields(Switching)]
    columns: dict[str, Any] = {n: np.array([getattr(s, n) for s in own]) for n in names}
    return Switching(**columns)


def _counts(
    layers: Layers,
    configs: Sequence[ArrayConfig],
    found: Schedule,
    places: Places,
    shape: tuple[int, ...],
) -> tuple[Counts, tuple[Reals, Reals]]:
    """Events at places (bit-width, layer) of `shape`; and the shares of rows and columns used."""
    _, index = places

    def at(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(values, shape)[:, places[0], index].astype(np.float64)

    arrays: Any = ConfigColumns(configs)
    rows, columns, raw = layers.rows[index], layers.columns[index], layers.raw[index]
    row_tiles, column_tiles = ceil_div(rows, arrays.rows), ceil_div(columns, arrays.cols)
    tiles = at(found.counts.tiles)
    sets: Any = layers.groups[index] * column_tiles * at(found.row_blocks)
    cycles = at(found.cycles)
    late = cycles - at(found.counts.cycles) - RESTART * at(found.jobs)
    counts: dict[str, Any] = {
        "cycles": cycles,
        "chunks": at(found.counts.chunks),
        "beats": at(found.counts.beats),
        "tiles": tiles,
        "sets": np.where(raw, 0.0, sets),
        "residual_rows": np.where(layers.residual[index], tiles * arrays.departures, 0.0),
        "raw_tiles": np.where(raw, tiles, 0.0),
        "waiting": np.maximum(late, 0.0),
    }
    used = rows / (row_tiles * arrays.rows), columns / (column_tiles * arrays.cols)
    return Counts(**counts), used
