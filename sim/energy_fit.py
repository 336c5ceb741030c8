"""Energy of an event at a place, fitted to measured runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig

from .events import PLACES, Place, Size
from .measure import Measured
from .switching import Switching

__all__ = ["dense_layer", "fit", "ratio"]

SEED = 1
Worked = tuple[Measured, float]  # a run, and how much of the event it did


def dense_layer(gemm: Gemm) -> Gemm:
    """The same layer with activations of all codes, equally often: half of their bits are ones.

    With it the lines span what networks have: layers after a ReLU have a
    tenth to a quarter of ones, images up to a half.
    """
    activations = np.random.default_rng(SEED).integers(0, 256, gemm.activations.shape, np.uint8)
    return replace(gemm, name=f"{gemm.name}_dense", activations=activations)


def ratio(value: float, count: float) -> float:
    """Value of one of `count`; 0 of none."""
    return value / count if count else 0.0


def fit(
    name: str,
    measured: Sequence[Measured],
    shapes: Mapping[tuple[int, int], ArrayConfig],
    means: Switching,
    idle: Mapping[str, float],
    dense: Sequence[Measured] = (),
    sparse: Sequence[Measured] = (),
) -> dict[str, Any]:
    """Energy of an event at a place, fJ, from runs of one k.

    Parameters
    ----------
    name : of the place
    measured : runs of layers
    shapes : arrays by rows and columns
    means : for which the energy is given
    idle : of `idle_figures`
    dense : runs of `dense_layer`, which only the lines are drawn through
    sparse : runs of raw layers with a single row in use, by which outputs follow their sums

    Returns
    -------
    dict, as in a file of figures: `fj` of the data, `slope_fj` over what the place follows,
    `clock_fj`, ...
    """
    place = PLACES[name]
    runs = [(m, work) for m in measured if (work := _work(place, m, shapes))]
    if not runs:
        return {"fj": 0.0, "slope_fj": 0.0, "clock_fj": 0.0, "glitch_factor": 1.0}
    if place.of_sums:
        data = {"fj": _by_toggles(name, runs, means.sum_toggles), "slope_fj": 0.0}
    else:
        beside = [(m, work) for m in dense if (work := _work(place, m, shapes))]
        data = _line(place, name, [*runs, *beside], means, idle)
    outputs = [*runs, *((m, _work(place, m, shapes)) for m in sparse)]
    timed = np.sum([m.timed[name] for m, _ in runs], axis=0)
    return {
        **data,
        **_clock(place, name, [m for m, _ in runs], shapes),
        "glitch_factor": max(1.0, float(timed[0] / timed[1])) if timed[1] > 0 else 1.0,
        **idle,
        **(_by_share(outputs, shapes, means.sum_toggles) if name == "requantiser" else {}),
    }


def _work(
    place: Place,
    m: Measured,
    shapes: Mapping[tuple[int, int], ArrayConfig],
    of_event: Size | None = None,
) -> float:
    return m.counts.of(place.event) * (of_event or place.work)(shapes[m.rows, m.cols])


def _by_toggles(name: str, runs: Sequence[Worked], toggles: float) -> float:
    """Energy of an event at so many toggles of a sum, in proportion to them."""
    work = sum(w * m.switching.sum_toggles for m, w in runs)
    return toggles * ratio(sum(m.places[name][0] for m, _ in runs), work)


def _line(
    place: Place, name: str, runs: Sequence[Worked], means: Switching, idle: Mapping[str, float]
) -> dict[str, float]:
    """Level at the mean, and slope; what a cycle takes beside; runs count as the work they did."""
    use = [w * place.use(m.rows_used, m.columns_used) for m, w in runs]
    rest = [w * place.idle(idle, m.rows_used, m.columns_used) for m, w in runs]
    y = (np.array([m.places[name][0] for m, _ in runs]) - np.array(rest)) / np.array(use)
    mean = getattr(means, place.follows)
    x = np.array([getattr(m.switching, place.follows) for m, _ in runs]) - mean
    columns = {"fj": np.ones_like(x)}
    if np.ptp(x) > 0.02:
        columns["slope_fj"] = x
    if place.by_cycle:
        columns["cycle_fj"] = np.array([m.counts.working for m, _ in runs]) / np.array(use)
    weight = np.sqrt(np.array(use) / sum(use))
    found, *_ = np.linalg.lstsq(np.stack([*columns.values()], 1) * weight[:, None], y * weight)
    return {"slope_fj": 0.0} | dict(zip(columns, found.tolist(), strict=True))


def _clock(
    place: Place,
    name: str,
    runs: Sequence[Measured],
    shapes: Mapping[tuple[int, int], ArrayConfig],
) -> dict[str, float]:
    """Energy of the gated clock in an event, and in a cycle beside."""
    work = np.array([_work(place, m, shapes, place.clock_work) for m in runs])
    energy = np.array([m.places[name][1] for m in runs])
    if not place.by_cycle or not energy.all():
        return {"clock_fj": float(energy.sum() / work.sum())}
    basis = np.stack([work, [m.counts.working for m in runs]], 1) / energy[:, None]
    found, *_ = np.linalg.lstsq(basis, np.ones_like(energy))
    return dict(zip(("clock_fj", "cycle_clock_fj"), found.tolist(), strict=True))


def _by_share(
    runs: Sequence[Worked], shapes: Mapping[tuple[int, int], ArrayConfig], toggles: float
) -> dict[str, Any]:
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
