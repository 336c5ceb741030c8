"""Energy of an event at a place, fitted to measured runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from truncmac.golden import Gemm
from truncmac.golden.types import Reals
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.places import PLACES, Place, Size
from truncmac.sim.energy.switching import Switching

from .idle import IDLE, IdleRuns, idle_figures
from .measure import Measured

__all__ = ["Beside", "dense_layer", "fit", "ratio"]

SEED = 1
Worked = tuple[Measured, float]  # a run, and how much of the event it did
Shapes = Mapping[tuple[int, int], ArrayConfig]  # arrays by rows and columns


@dataclass(frozen=True)
class Beside:
    """Runs beside those of layers, at one k.

    Attributes
    ----------
    dense : of `dense_layer`
    sparse : of raw layers with a single row in use
    idle : of layers with a single row, and with a single column in use
    """

    dense: Sequence[Measured] = ()
    sparse: Sequence[Measured] = ()
    idle: Sequence[IdleRuns] = ()

    @property
    def all(self) -> list[Measured]:
        """One after the other."""
        return [*self.dense, *self.sparse, *self.singles]

    @property
    def singles(self) -> list[Measured]:
        """Those of `idle` with idle rows or columns."""
        return [run.idle[kind] for run in self.idle for kind in IDLE]


def dense_layer(gemm: Gemm) -> Gemm:
    """The same layer with activations of all codes, equally often: half of their bits are ones.

    With it the lines span what networks have: layers after a ReLU have a tenth to a quarter of
    ones, images up to a half.
    """
    activations = np.random.default_rng(SEED).integers(0, 256, gemm.activations.shape, np.uint8)
    return replace(gemm, name=f"{gemm.name}_dense", activations=activations)


def ratio(value: float, count: float) -> float:
    """Value of one of `count`; 0 of none."""
    return value / count if count else 0.0


def fit(
    name: str,
    measured: Sequence[Measured],
    shapes: Shapes,
    means: Switching,
    beside: Beside = Beside(),
) -> dict[str, Any]:
    """Energy of an event at a place, fJ, from runs of one k.

    Parameters
    ----------
    name : of the place
    measured : runs of layers
    shapes : arrays by rows and columns
    means : for which the energy is given
    beside : runs for what those of layers do not tell: lines, clocks and raw outputs

    Returns
    -------
    dict, as in a file of figures: `fj` of the data, `slope_fj` over what the place follows,
    `clock_fj`, ...
    """
    place = PLACES[name]
    runs = _worked(place, measured, shapes)
    if not runs:
        return {"fj": 0.0, "slope_fj": 0.0, "clock_fj": 0.0, "glitch_factor": 1.0}
    if place.of_sums:
        data = {"fj": _by_toggles(name, runs, means.sum_toggles), "slope_fj": 0.0}
        data |= idle_figures(name, beside.idle, shapes)
    else:
        lined = _worked(place, [*beside.dense, *beside.singles], shapes)
        data = _line(place, name, [*runs, *lined], means)
    sparse = [*beside.sparse, *(run.idle["idle_rows"] for run in beside.idle)]
    outputs = [*runs, *_worked(place, sparse, shapes)]
    timed = np.sum([m.timed[name] for m, _ in runs], axis=0)
    return {
        **data,
        **_clock(place, name, [*runs, *_worked(place, beside.all, shapes)], shapes),
        "glitch_factor": max(1.0, float(timed[0] / timed[1])) if timed[1] > 0 else 1.0,
        **(_by_share(outputs, shapes, means.sum_toggles) if name == "requantiser" else {}),
    }


def _worked(place: Place, measured: Sequence[Measured], shapes: Shapes) -> list[Worked]:
    """Those that did something at the place."""
    return [(m, work) for m in measured if (work := _work(place, m, shapes))]


def _work(place: Place, m: Measured, shapes: Shapes, of_event: Size | None = None) -> float:
    return m.counts.of(place.event) * (of_event or place.work)(shapes[m.rows, m.cols])


def _by_toggles(name: str, runs: Sequence[Worked], toggles: float) -> float:
    """Energy of an event at so many toggles of a sum, in proportion to them."""
    work = sum(w * m.switching.sum_toggles for m, w in runs)
    return toggles * ratio(sum(m.places[name][0] for m, _ in runs), work)


def _line(place: Place, name: str, runs: Sequence[Worked], means: Switching) -> dict[str, float]:
    """Level at the mean, slope, and what idle rows and columns and a cycle take beside.

    Runs count as the work that they did.
    """
    work = np.array([w for _, w in runs])
    use = np.array([place.use(m.rows_used, m.columns_used) for m, _ in runs])
    mean = getattr(means, place.follows)
    x = np.array([getattr(m.switching, place.follows) for m, _ in runs]) - mean
    columns = {"fj": use}
    if np.ptp(x) > 0.02:
        columns["slope_fj"] = use * x
    if place.by_cycle:
        columns["cycle_fj"] = np.array([m.counts.working for m, _ in runs]) / work
    for kind in IDLE:
        if getattr(place, kind):
            one = {f"{kind}_fj": 1.0}
            idle = [place.idle(one, m.rows_used, m.columns_used) for m, _ in runs]
            columns[f"{kind}_fj"] = np.array(idle)
    weight = np.sqrt(work / work.sum())
    energy = np.array([m.places[name][0] for m, _ in runs]) / work
    found = _least_squares(columns, energy, weight)
    kinds = [f"{kind}_fj" for kind in IDLE if getattr(place, kind)]
    return {"slope_fj": 0.0} | found | {kind: max(found[kind], 0.0) for kind in kinds}


def _clock(place: Place, name: str, runs: Sequence[Worked], shapes: Shapes) -> dict[str, float]:
    """Energy of the gated clock in an event.

    A register's clock pin takes more where the register's data change (the libraries have tables
    for each case), so in the array, parts of which stand still, a share of the data's energy is
    added; of control, what a cycle takes.
    """
    work = np.array([_work(place, m, shapes, place.clock_work) for m, _ in runs])
    energy = np.array([m.places[name][1] for m, _ in runs])
    columns = {"clock_fj": work}
    if place.idle_rows or place.idle_columns:
        columns["clock_share"] = np.array([m.places[name][0] for m, _ in runs])
    if place.by_cycle:
        columns["cycle_clock_fj"] = np.array([m.counts.working for m, _ in runs])
    if len(columns) == 1 or not energy.all():
        return {"clock_fj": float(energy.sum() / work.sum())}
    return _least_squares(columns, energy, 1.0 / energy)


def _least_squares(columns: Mapping[str, Reals], values: Reals, weight: Reals) -> dict[str, float]:
    basis = np.stack([*columns.values()], axis=1) * weight[:, None]
    found, *_ = np.linalg.lstsq(basis, values * weight)
    return dict(zip(columns, found.tolist(), strict=True))


def _by_share(runs: Sequence[Worked], shapes: Shapes, toggles: float) -> dict[str, Any]:
    """Energies of an output, of codes and of raw sums, by the columns that share a unit.

    Columns that take turns change the unit's parameters with each output, through a multiplexer
    that grows with them. What the sums' toggles add is the same for all of codes, and of raw sums.
    """
    shares = sorted({shapes[m.rows, m.cols].share for m, _ in runs})
    kinds = [(share, raw) for raw in (False, True) for share in shares]
    rows = []
    for m, work in runs:
        raw = m.counts.raw_tiles > 0
        own = (shapes[m.rows, m.cols].share, raw)
        more = m.switching.sum_toggles - toggles
        row = [float(kind == own) for kind in kinds]
        row += [0.0 if raw else more, more if raw else 0.0, m.places["requantiser"][0] / work]
        rows.append(np.sqrt(work) * np.array(row))
    table = np.array(rows)
    levels, *_ = np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)
    codes, raw_sums = levels[: len(shares)], levels[len(shares) : -2]
    slope, raw_slope = levels[-2:]
    without = raw_sums == 0.0  # no run: a level of zero
    known = np.where(codes == 0.0, raw_sums, codes)
    return {
        "shares": shares,
        "codes_fj": known.tolist(),
        "raw_fj": np.where(without, known, raw_sums).tolist(),
        "fj_per_toggle": float(raw_slope if (codes == 0.0).all() else slope),
        "raw_fj_per_toggle": float(slope if without.all() else raw_slope),
    }
