"""Cycles of matrix products in closed form: the core's counters, for many points at once.

The core's control is a timed event graph: each event happens a fixed number of cycles after the
last of a few others (Baccelli et al., Synchronization and Linearity, 1992). So a tile's end
follows from the end of the tile before it by maxima and sums, equal tiles repeat or drift by a
constant, and sums over them have a formula. Everything is an integer, and equal to the RTL's
counters and to those of `control`, the model that runs cycle by cycle.

Input streams may need several cycles a word, but results must be taken at full speed, and residual
codes must come at least every `share` cycles: only `control` follows what holds the whole array.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers

from .points import CounterValues, Products, Sizes, Start
from .recurrences import Recurrences

__all__ = ["count_jobs", "count_sequence"]


def count_jobs(
    products: Products,
    sizes: Sizes,
    start: Start,
    *,
    activations: npt.ArrayLike = 1,
    weights: npt.ArrayLike = 1,
    parameters: npt.ArrayLike = 1,
) -> tuple[CounterValues, Start]:
    """Return each product's counters, and the state that it leaves to the job after it.

    Parameters
    ----------
    products, sizes, start : arrays that broadcast against each other
    activations, weights, parameters : cycles that each of these streams needs for a word
    """
    job = Recurrences(products, sizes, *map(np.asarray, (activations, weights, parameters)))
    return job.count(start)


def count_sequence(
    products: Products,
    sizes: Sizes,
    *,
    activations: npt.ArrayLike = 1,
    weights: npt.ArrayLike = 1,
    parameters: npt.ArrayLike = 1,
) -> CounterValues:
    """Return the counters of products that run one after the other from reset.

    The products follow each other along the last axis. Nearly every job finds its parameters
    loaded, whatever ran before it. So all jobs are counted at once, each from a guess of the state
    that the job before it leaves, until no guess changes any more.
    """
    gaps = np.broadcast_arrays(activations, weights, parameters)
    reset = Start.at_reset(gaps[2])
    guess = reset
    while True:
        counts, after = count_jobs(
            products, sizes, guess, activations=gaps[0], weights=gaps[1], parameters=gaps[2]
        )
        names = [field.name for field in fields(Start)]
        shifted: dict[str, Any] = {
            name: _shifted(getattr(reset, name), getattr(after, name), counts.cycles.shape)
            for name in names
        }
        found = Start(**shifted)
        if all(np.array_equal(getattr(found, name), getattr(guess, name)) for name in names):
            return counts
        guess = found


def _shifted(first: Integers, after: Integers, shape: tuple[int, ...]) -> Integers:
    """Return `after` moved one place along the last axis, with `first` in the first place."""
    result = np.empty(shape, after.dtype)
    result[..., :1] = first[..., :1] if first.ndim else first
    result[..., 1:] = np.broadcast_to(after, shape)[..., :-1]
    return result
