"""Runs of layers that were measured on netlists, and the model's errors on them.

Energies here are without leakage and without glitches, as the netlist's zero-delay simulation
gives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.hw.config import ArrayConfig

from .model import Characterisation
from .places import Counts
from .switching import Switching

__all__ = [
    "LayerRun",
    "NetworkError",
    "layer_error",
    "network_errors",
    "predicted_pj",
    "without_stalls",
]


@dataclass(frozen=True)
class LayerRun:
    """A run of a part of a layer: what the model needs to predict it, and what was measured.

    Attributes
    ----------
    config : the array
    network, layer : the layer, and the network that it is of
    network_bits : k of the network
    bits : k of the layer, which differs if the layer has a bit-width of its own
    held_out : no figure was made from this run
    paused : the inputs or the results paused
    counts : events of the part that ran
    switching : of the part's data
    rows_used, columns_used : share of the tiles' rows and columns that hold outputs, 0..1
    macs : multiply-accumulates of the part, without padding
    layer_macs : multiply-accumulates of the whole layer
    measured_pj : energy of the part on the netlist
    """

    config: ArrayConfig
    network: str
    layer: str
    network_bits: int
    bits: int
    held_out: bool
    paused: bool
    counts: Counts
    switching: Switching
    rows_used: float
    columns_used: float
    macs: float
    layer_macs: int
    measured_pj: float


@dataclass(frozen=True)
class NetworkError:
    """The model's error on a network, whose layers count as often as the whole of each needs.

    Attributes
    ----------
    config : the array
    network, bits : the network and its k
    held_out : no figure was made from these runs
    pj_per_mac : measured energy of a multiply-accumulate, pJ
    error : predicted energy over measured, minus one
    """

    config: ArrayConfig
    network: str
    bits: int
    held_out: bool
    pj_per_mac: float
    error: float


def predicted_pj(model: Characterisation, run: LayerRun) -> float:
    """Energy of a run as the model predicts it, pJ, without leakage and glitches."""
    parts = model.energy(
        run.config,
        run.counts,
        run.bits,
        switching=run.switching,
        rows_used=run.rows_used,
        columns_used=run.columns_used,
        glitches=False,
    )
    return sum(value for part, value in parts.items() if part != "leakage")


def layer_error(model: Characterisation, run: LayerRun) -> float:
    """Predicted energy of a run over the measured one, minus one."""
    return predicted_pj(model, run) / run.measured_pj - 1


def network_errors(model: Characterisation, runs: Sequence[LayerRun]) -> list[NetworkError]:
    """Errors of the networks whose layers ran without pauses, one for each array and each k."""
    sums: dict[tuple[ArrayConfig, str, int, bool], np.ndarray[tuple[int], np.dtype[np.float64]]]
    sums = {}
    for run in runs:
        if not run.paused:
            key = run.config, run.network, run.network_bits, run.held_out
            total = sums.setdefault(key, np.zeros(3))
            energies = np.array([predicted_pj(model, run), run.measured_pj, run.macs])
            total += energies * run.layer_macs / run.macs
    return [
        NetworkError(
            *key,
            pj_per_mac=float(measured / macs),
            error=float(predicted / measured - 1),
        )
        for key, (predicted, measured, macs) in sums.items()
    ]


def without_stalls(model: Characterisation) -> Characterisation:
    """The model if cycles that wait or are held took nothing but the root of their clock."""
    bits = {}
    for k, width in model.figures.bits.items():
        places = {
            name: replace(own, waiting_fj=0.0, waiting_clock_fj=0.0, held_fj=0.0, held_clock_fj=0.0)
            for name, own in width.places.items()
        }
        bits[k] = replace(width, places=places)
    return Characterisation(replace(model.figures, bits=bits))
