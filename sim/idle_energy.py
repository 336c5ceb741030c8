"""Energy of rows and columns of the array that hold no output, while others do.

Their operands are zeros, but the operands that they share with the others still toggle at their
gates. Measured as a difference: a layer runs with a single row of each tile, then with a single
column, and what the used part takes by the layer's own run is subtracted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig

from .events import PLACES
from .measure import Core, Measured

__all__ = ["IDLE", "IdleRuns", "idle_figures", "measure_idle"]

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
    rows = np.where(np.arange(gemm.rows) % config.rows == 0, 1, 0).astype(np.uint8)
    columns = np.where(np.arange(gemm.columns) % config.cols == 0, 1, 0).astype(np.uint8)
    single = {
        "idle_rows": (
            replace(gemm, activations=gemm.activations * rows[:, None]),
            (1 / config.rows, 1.0),
        ),
        "idle_columns": (replace(gemm, codes=gemm.codes * columns), (1.0, 1 / config.cols)),
    }
    return IdleRuns(
        core.measure(gemm),
        {kind: core.measure(cut, used=used) for kind, (cut, used) in single.items()},
    )


def idle_figures(
    runs: Sequence[IdleRuns], shapes: Mapping[tuple[int, int], ArrayConfig]
) -> dict[str, dict[str, float]]:
    """By place, fJ of an event in an idle row and in an idle column."""
    figures: dict[str, dict[str, float]] = {name: {} for name in PLACES}
    for name, place in PLACES.items():
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
            figures[name][f"{kind}_fj"] = max(energy / work, 0.0) if work else 0.0
    return figures
