"""Certification: whether integer requantisation equals exact rational arithmetic everywhere."""

from fractions import Fraction
from math import ceil

import numpy as np
import numpy.typing as npt

from .requantise import Requantisation

__all__ = ["certify"]


def certify(
    params: Requantisation,
    scale: npt.ArrayLike,
    offset: npt.ArrayLike,
    *,
    largest_sum: int,
    residual_scale: npt.ArrayLike = 0.0,
    largest_residual: int = 0,
) -> npt.NDArray[np.bool_]:
    """Channels whose codes are those of exact rational arithmetic, for every S and every r.

    Both (M*S + Mr*r + B) >> s and floor(scale*S + offset + residual_scale*r + 1/2) are monotone
    in S. So they agree everywhere if, for each r, they reach each code at the same S: a proof
    of 2**m - 1 comparisons a residual code, and not of one for each S.

    Parameters
    ----------
    params : of N channels
    scale, offset, residual_scale : reals (N,), taken as the rationals that their bits stand for
    largest_sum : S is in -largest_sum..largest_sum; K * N * A is enough
    largest_residual : r is in 0..largest_residual

    Returns
    -------
    bool array (N,)
    """
    count = len(params.multiplier)
    reals = [
        np.broadcast_to(np.asarray(values, np.float64), (count,)).tolist()
        for values in (scale, offset, residual_scale)
    ]
    residual = params.residual_multiplier
    integers = [
        np.zeros(count, int).tolist() if values is None else values.tolist()
        for values in (params.multiplier, params.bias, residual, params.shift)
    ]
    limit = (1 << params.out_bits) - 1
    return np.array(
        [
            _equal(
                (Fraction(a), Fraction(b) + Fraction(1, 2), Fraction(r)),
                tuple(Fraction(value, 1 << s) for value in (m, bias, mr)),
                (limit, largest_sum, largest_residual),
            )
            for a, b, r, m, bias, mr, s in zip(*reals, *integers, strict=True)
        ],
        bool,
    )


Affine = tuple[Fraction, ...]  # slope in S, constant, slope in r; floor of it is the code


def _equal(exact: Affine, integer: Affine, limits: tuple[int, int, int]) -> bool:
    codes, largest, residuals = limits
    if exact[0] < 0:  # mirror S: its range is symmetric
        exact, integer = (-exact[0], *exact[1:]), (-integer[0], *integer[1:])
    if integer[0] < 0:
        return False
    needed = {
        (code - exact[1] - exact[2] * r, code - integer[1] - integer[2] * r)
        for r in range(residuals + 1)
        for code in range(1, codes + 1)
    }
    return all(
        _first(exact[0], one, largest) == _first(integer[0], other, largest)
        for one, other in needed
    )


def _first(slope: Fraction, needed: Fraction, largest: int) -> int:
    """Smallest S in -largest..largest with slope * S >= needed; largest + 1 if there is none."""
    if slope == 0:
        return -largest if needed <= 0 else largest + 1
    return min(max(ceil(needed / slope), -largest), largest + 1)
