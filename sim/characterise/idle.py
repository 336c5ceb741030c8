"""Energy of rows and columns of the array that hold no output, while others do.

Their operands are zeros, but the operands that they share with the others still toggle at their
gates. A layer runs with a single row of each tile in use, then with a single column. The lines of
`.fit` go through these runs too. Of places that move sums, what the part in use takes, by the
layer's own run, is subtracted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.places import PLACES

from .measure import Core, Measured
from .parts import used_part

__all__ = ["IdleRuns", "idle_figures", "measure_idle", "measure_single_row"]


@dataclass(frozen=True)
class IdleRuns:
    """Runs of one layer on one array at one k.

    Attributes
    ----------
    plain : of the layer, which fills all rows and columns
    single_row, single_column : of the same with one row, and with one column of each tile in use
    """

    plain: Measured
    single_row: Measured
    single_column: Measured


def measure_idle(core: Core, gemm: Gemm) -> IdleRuns:
    """Run a layer that fills the array whole, with one row and with one column of each tile."""
    config = core.config
    columns = np.where(np.arange(gemm.columns) % config.cols == 0, 1, 0).astype(np.uint8)
    single = replace(gemm, codes=gemm.codes * columns)
    return IdleRuns(
        plain=core.measure(gemm),
        single_row=measure_single_row(core, gemm),
        single_column=core.measure(single, used=(1.0, 1 / config.cols)),
    )


def measure_single_row(core: Core, gemm: Gemm) -> Measured:
    """Run a layer with one row of each tile in use."""
    height = core.config.rows
    rows = np.where(np.arange(gemm.rows) % height == 0, 1, 0).astype(np.uint8)
    single = replace(gemm, activations=gemm.activations * rows[:, None])
    return core.measure(single, used=(1 / height, used_part(gemm, core.config)[1]))


def idle_figures(
    name: str, runs: Sequence[IdleRuns], shapes: Mapping[tuple[int, int], ArrayConfig]
) -> tuple[float, float]:
    """Energy of an event at a place in an idle row and in an idle column, fJ for a work of one.

    Parameters
    ----------
    name : of the place
    shapes : arrays by rows and columns
    """
    place = PLACES[name]

    def of(idle: bool, single: Callable[[IdleRuns], Measured]) -> float:
        energy = work = 0.0
        for run in runs if idle else ():
            m = single(run)
            use = place.use(m.rows_used, m.columns_used)
            energy += m.places[name].data_fj - use * run.plain.places[name].data_fj
            events = m.counts.of(place.event) * place.work(shapes[m.rows, m.cols])
            work += events * (1.0 - use)
        return max(energy / work, 0.0) if work else 0.0

    return (
        of(place.idle_rows, lambda run: run.single_row),
        of(place.idle_columns, lambda run: run.single_column),
    )
