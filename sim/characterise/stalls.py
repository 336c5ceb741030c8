"""Energy of a cycle in which the core waits for operands, or is held by blocked results.

A layer runs with pauses and without. The energy of a stalled cycle is the extra energy of the
paused run divided by its extra stalled cycles, place by place. The root of the clock is not in it:
it toggles in every cycle, and is counted by cycles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import EventFigures, Pauses
from truncmac.sim.energy.places import PLACES

from .measure import Core, Measured

__all__ = ["PAUSES", "StalledRuns", "measure_stalls", "with_stalls"]

# Results leave while the next tile runs, so they must pause long to hold the array.
PAUSES = Pauses(waiting=(96, 0), held=(0, 250), held_out=((48, 0), (24, 246)))


@dataclass(frozen=True)
class StalledRuns:
    """Runs of one array at one k.

    Attributes
    ----------
    plain : of a layer, without pauses
    waiting, held : of the same layer, with pauses of the inputs and with pauses of the results
    held_out : of another layer if there is one, with the pauses of `Pauses.held_out`; only for
        the errors
    """

    plain: Measured
    waiting: Measured
    held: Measured
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
        waiting=core.measure(first, pauses=PAUSES.waiting),
        held=core.measure(first, pauses=PAUSES.held),
        held_out=[core.measure(last, pauses=pauses) for pauses in PAUSES.held_out],
    )


def with_stalls(
    name: str,
    own: EventFigures,
    runs: Sequence[StalledRuns],
    shapes: Mapping[tuple[int, int], ArrayConfig],
) -> EventFigures:
    """The figures of a place with the energy of a cycle that waits, and of one that is held.

    Parameters
    ----------
    name : of the place
    runs : of one k
    shapes : arrays by rows and columns
    """

    def of(
        paused: Callable[[StalledRuns], Measured], stalled: Callable[[Measured], float]
    ) -> tuple[float, float]:
        more, extent = np.zeros(2), 0.0
        for run in runs:
            m, plain = paused(run), run.plain
            own, before = m.places[name], plain.places[name]
            more += (own.data_fj - before.data_fj, own.gated_clock_fj - before.gated_clock_fj)
            cycles = stalled(m) - stalled(plain)
            extent += cycles * PLACES[name].size(shapes[plain.rows, plain.cols])
        data, clock = (more / extent).tolist() if extent else (0.0, 0.0)
        return data, clock

    waiting, waiting_clock = of(lambda run: run.waiting, lambda m: m.counts.waiting)
    held, held_clock = of(lambda run: run.held, lambda m: m.counts.held)
    return replace(
        own,
        waiting_fj=waiting,
        waiting_clock_fj=waiting_clock,
        held_fj=held,
        held_clock_fj=held_clock,
    )


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
