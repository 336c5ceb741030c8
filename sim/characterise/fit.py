"""Fits the energy of an event at a place to measured runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import Gemm
from truncmac.golden.types import Reals
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import EventFigures
from truncmac.sim.energy.places import PLACES, Place, Size
from truncmac.sim.energy.switching import Switching

from .idle import IdleRuns, idle_figures
from .measure import Measured

__all__ = ["Beside", "dense_layer", "fit", "ratio"]

SEED = 1
NOTHING = EventFigures(fj=0.0, slope_fj=0.0, clock_fj=0.0, glitch_factor=1.0)
Worked = tuple[Measured, float]  # a run, and how much work of the place it did
Shapes = Mapping[tuple[int, int], ArrayConfig]  # arrays by rows and columns


@dataclass(frozen=True)
class Beside:
    """Runs beside those of the network's layers, at one k.

    Attributes
    ----------
    dense : runs of `dense_layer`
    sparse : runs of raw layers with a single row of each tile in use
    idle : runs of layers with a single row, and with a single column of each tile in use
    """

    dense: Sequence[Measured] = ()
    sparse: Sequence[Measured] = ()
    idle: Sequence[IdleRuns] = ()

    @property
    def all(self) -> list[Measured]:
        """All of these runs."""
        return [*self.dense, *self.sparse, *self.singles]

    @property
    def singles(self) -> list[Measured]:
        """The runs of `idle` in which rows or columns are idle."""
        return [m for run in self.idle for m in (run.single_row, run.single_column)]


def dense_layer(gemm: Gemm) -> Gemm:
    """The same layer with activations of all codes, equally often: half of their bits are ones.

    With its runs the lines span what networks have. A tenth to a quarter of the bits are ones in
    activations after a ReLU, and up to a half in images.
    """
    activations = np.random.default_rng(SEED).integers(0, 256, gemm.activations.shape, np.uint8)
    return replace(gemm, name=f"{gemm.name}_dense", activations=activations)


def ratio(value: float, count: float) -> float:
    """Value for each of `count`; 0 if there are none."""
    return value / count if count else 0.0


def fit(
    name: str,
    measured: Sequence[Measured],
    shapes: Shapes,
    means: Switching,
    beside: Beside = Beside(),
) -> EventFigures:
    """Fit the energy of an event at a place to runs of one k.

    Parameters
    ----------
    name : name of the place
    measured : runs of layers
    shapes : arrays by rows and columns
    means : the switching at which the energy is given
    beside : runs for what those of layers do not tell: lines, clocks and raw outputs
    """
    place, figures = PLACES[name], NOTHING
    runs = _worked(place, measured, shapes)
    if not runs:
        return figures
    if place.of_sums:
        rows, columns = idle_figures(name, beside.idle, shapes)
        fj = _by_toggles(name, runs, means.sum_toggles)
        figures = replace(figures, fj=fj, idle_rows_fj=rows, idle_columns_fj=columns)
    else:
        lined = _worked(place, [*beside.dense, *beside.singles], shapes)
        figures = _with_line(figures, place, name, [*runs, *lined], means)
    clocked = [*runs, *_worked(place, beside.all, shapes)]
    figures = _with_clock(figures, place, name, clocked, shapes)
    if name == "requantiser":
        sparse = [*beside.sparse, *(run.single_row for run in beside.idle)]
        outputs = [*runs, *_worked(place, sparse, shapes)]
        figures = _with_outputs(figures, outputs, shapes, means.sum_toggles)
    timed, settled = np.sum([m.timed[name] for m, _ in runs], axis=0).tolist()
    return replace(figures, glitch_factor=max(1.0, timed / settled) if settled > 0 else 1.0)


def _worked(place: Place, measured: Sequence[Measured], shapes: Shapes) -> list[Worked]:
    """The runs in which the place did something, and how much."""
    return [(m, work) for m in measured if (work := _work(place, m, shapes))]


def _work(place: Place, m: Measured, shapes: Shapes, of_event: Size | None = None) -> float:
    return m.counts.of(place.event) * (of_event or place.work)(shapes[m.rows, m.cols])


def _by_toggles(name: str, runs: Sequence[Worked], toggles: float) -> float:
    """Energy of an event in which a sum has so many toggles, in proportion to them."""
    work = sum(w * m.switching.sum_toggles for m, w in runs)
    return toggles * ratio(sum(m.places[name].data_fj for m, _ in runs), work)


def _with_line(
    figures: EventFigures, place: Place, name: str, runs: Sequence[Worked], means: Switching
) -> EventFigures:
    """Add the energy of the data: a line over what the place follows, and what is beside the line.

    Beside it is what idle rows, idle columns and a cycle take. The more work a run did, the more it
    counts.
    """
    work = np.array([w for _, w in runs])
    use = np.array([place.use(m.rows_used, m.columns_used) for m, _ in runs])
    idle = np.array([place.idle(m.rows_used, m.columns_used) for m, _ in runs])
    mean = getattr(means, place.follows)
    x = np.array([getattr(m.switching, place.follows) for m, _ in runs]) - mean
    working = np.array([m.counts.working for m, _ in runs])
    level, slope, cycle, rows, columns = _least_squares(
        [
            use,
            use * x if np.ptp(x) > 0.02 else None,
            working / work if place.by_cycle else None,
            idle[:, 0] if place.idle_rows else None,
            idle[:, 1] if place.idle_columns else None,
        ],
        np.array([m.places[name].data_fj for m, _ in runs]) / work,
        np.sqrt(work / work.sum()),
    )
    return replace(
        figures,
        fj=level,
        slope_fj=slope,
        cycle_fj=cycle,
        idle_rows_fj=max(rows, 0.0),
        idle_columns_fj=max(columns, 0.0),
    )


def _with_clock(
    figures: EventFigures, place: Place, name: str, runs: Sequence[Worked], shapes: Shapes
) -> EventFigures:
    """Add the energy of the gated clock in an event.

    A clock pin takes more where the data of its register change; the libraries have tables for
    both cases. So for places of which a part may stand still, a share of the energy of the data is
    added. For the control, the energy of a cycle is.
    """
    work = np.array([_work(place, m, shapes, place.clock_work) for m, _ in runs])
    energy = np.array([m.places[name].gated_clock_fj for m, _ in runs])
    stands_still = place.idle_rows or place.idle_columns
    if not (stands_still or place.by_cycle) or not energy.all():
        return replace(figures, clock_fj=float(energy.sum() / work.sum()))
    clock, share, cycle = _least_squares(
        [
            work,
            np.array([m.places[name].data_fj for m, _ in runs]) if stands_still else None,
            np.array([m.counts.working for m, _ in runs]) if place.by_cycle else None,
        ],
        energy,
        1.0 / energy,
    )
    return replace(figures, clock_fj=clock, clock_share=share, cycle_clock_fj=cycle)


def _least_squares(columns: Sequence[Reals | None], values: Reals, weight: Reals) -> list[float]:
    """What each column is to be multiplied with; 0 for a column that is None."""
    known = [column for column in columns if column is not None]
    found = iter(np.linalg.lstsq(np.stack(known, axis=1) * weight[:, None], values * weight)[0])
    return [0.0 if column is None else float(next(found)) for column in columns]


def _with_outputs(
    figures: EventFigures, runs: Sequence[Worked], shapes: Shapes, toggles: float
) -> EventFigures:
    """Add the energy of an output, a code or a raw sum, by the number of columns that share a unit.

    If columns take turns, the parameters of the unit change with each output, through a multiplexer
    that is the larger the more columns there are. What a toggle of a sum adds is the same for all
    codes, and the same for all raw sums.
    """
    shares = sorted({shapes[m.rows, m.cols].share for m, _ in runs})
    kinds = [(share, raw) for raw in (False, True) for share in shares]
    rows = []
    for m, work in runs:
        raw = m.counts.raw_tiles > 0
        own = (shapes[m.rows, m.cols].share, raw)
        more = m.switching.sum_toggles - toggles
        row = [float(kind == own) for kind in kinds]
        row += [0.0 if raw else more, more if raw else 0.0, m.places["requantiser"].data_fj / work]
        rows.append(np.sqrt(work) * np.array(row))
    table = np.array(rows)
    levels, *_ = np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)
    codes, raw_sums = levels[: len(shares)], levels[len(shares) : -2]
    slope, raw_slope = levels[-2:]
    without = raw_sums == 0.0  # no run: a level of zero
    known = np.where(codes == 0.0, raw_sums, codes)
    return replace(
        figures,
        shares=tuple(shares),
        codes_fj=tuple(known.tolist()),
        raw_fj=tuple(np.where(without, known, raw_sums).tolist()),
        fj_per_toggle=float(raw_slope if (codes == 0.0).all() else slope),
        raw_fj_per_toggle=float(slope if without.all() else raw_slope),
    )
