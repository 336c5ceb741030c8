"""Certification proves, channel by channel, that integer requantisation is exact everywhere."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from truncmac.integers import ceil_div

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
    """Say which channels give the codes of exact rational arithmetic, for every S and every r.

    The integers (M*S + Mr*r + B) >> s and the reals floor(scale*S + offset + residual_scale*r +
    1/2) are both monotone in S. So they agree everywhere if, for each r, they reach each code at
    the same S; where halves go to the even code, an odd code needs more than a half. The proof
    takes 2**m - 1 comparisons for each r, instead of one for each S.

    Parameters
    ----------
    params : the integers of N channels
    scale, offset, residual_scale : reals (N,), or one number; float64, taken as the rationals that
        their bits stand for
    largest_sum : S is in -largest_sum..largest_sum; K * 2**k * A bounds every sum
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
    limits = ((1 << params.out_bits) - 1, largest_sum, largest_residual)
    even = params.half_even
    return np.array(
        [
            _equal(_exact(a, b, r), _Affine(m, bias, mr, 1 << s), limits, (even, even and s > 0))
            for a, b, r, m, bias, mr, s in zip(*reals, *integers, strict=True)
        ],
        bool,
    )


class _Affine(NamedTuple):
    """floor((slope * S + extra * r + constant) / unit), in integers of any size."""

    slope: int
    constant: int
    extra: int
    unit: int


def _exact(scale: float, offset: float, residual_scale: float) -> _Affine:
    """The reals and the half of rounding as fractions over one denominator, a power of two."""
    ratios = [value.as_integer_ratio() for value in (scale, offset, residual_scale)]
    unit = max(2, *(denominator for _, denominator in ratios))
    slope, constant, extra = (n * (unit // d) for n, d in ratios)
    return _Affine(slope, constant + unit // 2, extra, unit)


def _equal(
    exact: _Affine, integer: _Affine, limits: tuple[int, int, int], even: tuple[bool, bool]
) -> bool:
    """Whether both reach each code at the same S; `limits` are the largest code, S and r.

    Where `even` holds for one of the two, a half is not enough for it to reach an odd code.
    """
    codes, largest, residuals = limits
    if exact.slope < 0:  # mirror S: its range is symmetric
        exact, integer = exact._replace(slope=-exact.slope), integer._replace(slope=-integer.slope)
    if integer.slope < 0:
        return False
    one, other = (
        [
            code * form.unit - form.constant - form.extra * r + (code & is_even)
            for r in range(residuals + 1)
            for code in range(1, codes + 1)
        ]
        for form, is_even in zip((exact, integer), even, strict=True)
    )
    return all(
        _first(exact.slope, a, largest) == _first(integer.slope, b, largest)
        for a, b in set(zip(one, other, strict=True))
    )


def _first(slope: int, needed: int, largest: int) -> int:
    """The least S in -largest..largest with slope * S >= needed; largest + 1 if there is none."""
    if slope == 0:
        return -largest if needed <= 0 else largest + 1
    return min(max(ceil_div(needed, slope), -largest), largest + 1)
