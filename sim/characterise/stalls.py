"""Energy of a cycle in which the core waits for operands, or is held by blocked results.

Measured as a difference: a layer runs with pauses and without; what the run with them takes more,
over the cycles that it waits or is held more, is the cycle's energy, place by place. The root of
the clock is not in it: it toggles in every cycle, and is counted by cycles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.places import PLACES

from .measure import Core, Measured

__all__ = ["HELD_OUT_PAUSES", "PAUSES", "StalledRuns", "measure_stalls", "stall_figures"]

# Of 256 cycles, those in which inputs and results pause. Results leave while the next tile runs,
# so they must pause long to hold the array.
PAUSES: Mapping[str, tuple[int, int]] = {"waiting": (96, 0), "held": (0, 250)}
HELD_OUT_PAUSES = ((48, 0), (24, 246))


@dataclass(frozen=True)
class StalledRuns:
    """Runs of one size and k.

    Attributes
    ----------
    plain : without pauses
    paused : the same layer with each of `PAUSES`
    held_out : another layer with each of `HELD_OUT_PAUSES`, for the errors; the same layer if
        there is no other
    """

    plain: Measured
    paused: Mapping[str, Measured]
    held_out: Sequence[Measured]


def followers(layers: Mapping[int, Sequence[Gemm]]) -> list[str]:
    """Names of the layers that follow the network's k; of all, if none does."""
    lowest = min(layers)
    names = [gemm.name for gemm in layers[lowest] if gemm.bits == lowest]
    return names or [gemm.name for gemm in layers[lowest]]


def measure_stalled(core: Core, layers: Mapping[int, Sequence[Gemm]], bits: int) -> StalledRuns:
    """Run the first layer that follows k with pauses, and the last one for the errors."""
    names = followers(layers)
    first, last = (
        next(gemm for gemm in layers[bits] if gemm.name == name) for name in (names[0], names[-1])
    )
    return StalledRuns(
        plain=core.measure(first),
        paused={kind: core.measure(first, pauses=at) for kind, at in PAUSES.items()},
        held_out=[core.measure(last, pauses=at) for at in HELD_OUT_PAUSES],
    )


def stall_figures(
    runs: Sequence[StalledRuns], shapes: Mapping[tuple[int, int], ArrayConfig]
) -> dict[str, dict[str, float]]:
    """By place, fJ of a cycle of each of `PAUSES`, for a place of size one: data and clock."""
    figures: dict[str, dict[str, float]] = {name: {} for name in PLACES}
    for name, place in PLACES.items():
        for kind in PAUSES:
            more, extent = np.zeros(2), 0.0
            for run in runs:
                paused, plain = run.paused[kind], run.plain
                more += np.subtract(paused.places[name][:2], plain.places[name][:2])
                cycles = getattr(paused.counts, kind) - getattr(plain.counts, kind)
                extent += cycles * place.size(shapes[plain.rows, plain.cols])
            data, clock = more / extent if extent else np.zeros(2)
            figures[name] |= {f"{kind}_fj": float(data), f"{kind}_clock_fj": float(clock)}
    return figures


def measure_stalls(
    core: Core,
    layers: Mapping[int, Sequence[Gemm]],
    on_step: Callable[[str], None] = lambda what: None,
) -> dict[int, StalledRuns]:
    """Runs of each k."""
    found = {}
    for k in layers:
        on_step(f"{core.config.rows} x {core.config.cols}, k = {k}, with pauses")
        found[k] = measure_stalled(core, layers, k)
    return found
