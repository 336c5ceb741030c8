"""Energy of rows and columns of the array that hold no output, while others do.

Their operands are zeros, but the operands that they share with the others still toggle at their
gates. A layer runs with a single row of each tile, then with a single column. Lines are fitted
through these runs too (`sim.energy_fit`); of places that move sums, what the used part takes by the
layer's own run is subtracted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.places import PLACES

from .measure import Core, Measured, used_part

__all__ = ["IDLE", "IdleRuns", "idle_figures", "measure_idle", "measure_single_row"]

IDLE = ("idle_rows", "idle_columns")


@dataclass(frozen=True)
class IdleRuns:
    """Runs of one size and k.

    Attributes
    ----------
    plain : of a layer, all of its rows and columns in use
    idle : the same with one row and with one column in use, by `IDLE`
    """

    plain: Measured
    idle: Mapping[str, Measured]


def measure_idle(core: Core, gemm: Gemm) -> IdleRuns:
    """Run a layer that fills the array whole, with one row and with one column of each tile."""
    config = core.config
    columns = np.where(np.arange(gemm.columns) % config.cols == 0, 1, 0).astype(np.uint8)
    single = replace(gemm, codes=gemm.codes * columns)
    return IdleRuns(
        core.measure(gemm),
        {
            "idle_rows": measure_single_row(core, gemm),
            "idle_columns": core.measure(single, used=(1.0, 1 / config.cols)),
        },
    )


def measure_single_row(core: Core, gemm: Gemm) -> Measured:
    """Run a layer with one row of each tile in use."""
    height = core.config.rows
    rows = np.where(np.arange(gemm.rows) % height == 0, 1, 0).astype(np.uint8)
    single = replace(gemm, activations=gemm.activations * rows[:, None])
    return core.measure(single, used=(1 / height, used_part(gemm, core.config)[1]))


def idle_figures(
    name: str, runs: Sequence[IdleRuns], shapes: Mapping[tuple[int, int], ArrayConfig]
) -> dict[str, float]:
    """Energy of an event at a place, fJ, in an idle row and in an idle column."""
    place, figures = PLACES[name], {}
    for kind in IDLE:
        if not getattr(place, kind):
            continue
        energy = work = 0.0
        for run in runs:
            m = run.idle[kind]
            use = place.use(m.rows_used, m.columns_used)
            energy += m.places[name][0] - use * run.plain.places[name][0]
            events = m.counts.of(place.event) * place.work(shapes[m.rows, m.cols])
            work += events * (1.0 - use)
        figures[f"{kind}_fj"] = max(energy / work, 0.0) if work else 0.0
    return figures
