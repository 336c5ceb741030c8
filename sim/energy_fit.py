"""Energy of an event at a place, fitted to measured runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig

from .events import PLACES, Place
from .measure import Measured

__all__ = ["dense_layer", "fit", "ratio"]

SEED = 1
Worked = tuple[Measured, float]  # a run, and how much of the event it did


def dense_layer(gemm: Gemm) -> Gemm:
    """The same layer with activations of all codes, equally often: half of their bits are ones.

    With it the line over the density spans what networks have: layers after a ReLU have a
    tenth to a quarter of ones, images up to a half.
    """
    codes = 1 << int(gemm.activations.max()).bit_length()
    activations = np.random.default_rng(SEED).integers(codes, size=gemm.activations.shape)
    return replace(gemm, name=f"{gemm.name}_dense", activations=activations.astype(np.uint8))


def ratio(value: float, count: float) -> float:
    """Value of one of `count`; 0 of none."""
    return value / count if count else 0.0


def fit(
    name: str,
    measured: Sequence[Measured],
    shapes: Mapping[tuple[int, int], ArrayConfig],
    means: tuple[float, float],
    idle: Mapping[str, float],
    dense: Sequence[Measured] = (),
) -> dict[str, float]:
    """Energy of an event at a place, fJ, from runs of one k.

    Parameters
    ----------
    name : of the place
    measured : runs of layers
    shapes : arrays by rows and columns
    means : density of ones and toggles of sums for which the energy is given
    idle : of `idle_figures`
    dense : runs of `dense_layer`, which only the line over the density is drawn through

    Returns
    -------
    dict, as in a file of figures: `fj` and `fj_per_density` of the data, `clock_fj`, and factors
    """
    place = PLACES[name]
    runs = [(m, work) for m in measured if (work := _work(place, m, shapes))]
    if not runs:
        return {"fj": 0.0, "fj_per_density": 0.0, "clock_fj": 0.0, "glitch_factor": 1.0} | (
            {"raw_factor": 1.0, "own_unit_factor": 1.0} if name == "requantiser" else {}
        )
    events = sum(w for _, w in runs)
    result: dict[str, float] = {}
    used: Sequence[Worked] = runs
    if name == "requantiser":
        factors, used = _requantiser(runs, shapes)
        result |= factors
    density, toggles = means
    if place.of_sums:
        level, slope = _by_toggles(name, used, toggles), 0.0
    else:
        beside = [(m, work) for m in dense if (work := _work(place, m, shapes))]
        level, slope = _line(place, name, [*used, *beside], density, idle)
    timed = np.sum([m.timed[name] for m, _ in runs], axis=0)
    return {
        "fj": level,
        "fj_per_density": slope,
        "clock_fj": sum(m.places[name][1] for m, _ in runs) / events,
        "glitch_factor": max(1.0, float(timed[0] / timed[1])) if timed[1] > 0 else 1.0,
        **idle,
    } | result


def _work(place: Place, m: Measured, shapes: Mapping[tuple[int, int], ArrayConfig]) -> float:
    return m.counts.of(place.event) * place.work(shapes[m.rows, m.cols])


def _by_toggles(name: str, runs: Sequence[Worked], toggles: float) -> float:
    """Energy of an event at so many toggles of a sum, in proportion to them."""
    work = sum(w * m.sum_toggles for m, w in runs)
    return toggles * ratio(sum(m.places[name][0] for m, _ in runs), work)


def _line(
    place: Place, name: str, runs: Sequence[Worked], mean: float, idle: Mapping[str, float]
) -> tuple[float, float]:
    """Level at the mean density, and slope; runs count as the work that they did."""
    use = [w * place.use(m.rows_used, m.columns_used) for m, w in runs]
    rest = [w * place.idle(idle, m.rows_used, m.columns_used) for m, w in runs]
    y = (np.array([m.places[name][0] for m, _ in runs]) - np.array(rest)) / np.array(use)
    x = np.array([m.density for m, _ in runs]) - mean
    weight = np.sqrt(np.array(use) / sum(use))
    if np.ptp(x) <= 0.02:
        return float(np.average(y, weights=weight**2)), 0.0
    basis = np.stack([np.ones_like(x), x], axis=1) * weight[:, None]
    (level, slope), *_ = np.linalg.lstsq(basis, y * weight, rcond=None)
    return float(level), float(slope)


def _requantiser(
    runs: Sequence[Worked], shapes: Mapping[tuple[int, int], ArrayConfig]
) -> tuple[dict[str, float], Sequence[Worked]]:
    """Factors of raw outputs and of units of one column, and the runs with neither."""

    def mean(chosen: Sequence[Worked]) -> float:
        return _by_toggles("requantiser", chosen, 1.0)

    kinds: dict[tuple[bool, bool], list[Worked]] = {}
    for m, w in runs:
        key = (m.counts.raw_tiles > 0, shapes[m.rows, m.cols].share == 1)
        kinds.setdefault(key, []).append((m, w))
    single = all(own for _, own in kinds)  # no other units were measured
    base = kinds.get((False, single), []) or list(runs)
    raw, own = kinds.get((True, single), []), kinds.get((False, True), [])
    factors = {
        "raw_factor": mean(raw) / mean(base) if raw and mean(base) else 1.0,
        "own_unit_factor": mean(own) / mean(base) if own and mean(base) else 1.0,
    }
    return factors, base
