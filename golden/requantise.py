"""Requantisation makes activation codes of accumulators, in integers alone.

A channel's sums S become the codes ((M*S + Mr*r + B) >> s), clamped: M, Mr and B are the real
factors and terms of the channel, times 2**s and rounded.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .quantise import check_bits
from .types import Codes, Integers, Reals

__all__ = [
    "MULTIPLIER_BITS",
    "RESIDUAL_EXTRA_BITS",
    "Requantisation",
    "from_affine",
    "largest_value",
    "requantise",
]

MULTIPLIER_BITS = 18
RESIDUAL_EXTRA_BITS = 8  # Mr has so many bits more than M: M scales a sum of many products
MOST_SHIFT = 40
BIAS_BITS = 46  # more than any channel needs; fits the hardware's bias from K = 64 on


@dataclass(frozen=True, eq=False, kw_only=True)
class Requantisation:
    """The parameters of each of N output channels, and the bits of the codes.

    Attributes
    ----------
    multiplier : int64 array (N,), M
    bias : int64 array (N,), B; it holds 2**(s - 1) where codes are rounded half up
    shift : int64 array (N,), s in 0..63
    out_bits : m in 1..8; codes are in 0..2**m - 1
    residual_multiplier : int64 array (N,), Mr; None if the layer has no residual
    half_even : halves go to the even code, not up, in channels whose s is above 0. B holds
        2**(s - 1) all the same; hardware has no such rounding
    """

    multiplier: Integers
    bias: Integers
    shift: Integers
    out_bits: int
    residual_multiplier: Integers | None = None
    half_even: bool = False

    def part(self, channels: slice) -> "Requantisation":
        """The parameters of some of the channels."""
        extra = self.residual_multiplier
        return Requantisation(
            multiplier=self.multiplier[channels],
            bias=self.bias[channels],
            shift=self.shift[channels],
            out_bits=self.out_bits,
            residual_multiplier=None if extra is None else extra[channels],
            half_even=self.half_even,
        )


def requantise(sums: Integers, params: Requantisation, residual: Codes | None = None) -> Codes:
    """The codes of sums: clamp((M*S + Mr*r + B) >> s, 0, 2**m - 1), exact in int64.

    The shift is arithmetic, so it rounds down. Codes are rounded half up where B holds 2**(s - 1),
    as `from_affine` makes it; with `half_even` a half goes to the even code.

    Parameters
    ----------
    sums : int64 array (..., N), S
    params : of the N channels
    residual : uint8 array (..., N), r; None if `params` has no residual multipliers

    Returns
    -------
    uint8 array (..., N)

    Raises
    ------
    ValueError
        If there is a residual without multipliers, or the reverse, or if int64 could overflow.
    """
    if (residual is None) != (params.residual_multiplier is None):
        raise ValueError("Residual codes and residual multipliers must come together")
    largest = int(np.abs(sums).max(initial=0))
    bound = largest_value(params, largest)
    if bound >= 1 << 63:
        raise ValueError(f"Requantisation must fit 64 bits, not reach {bound}")
    values = params.multiplier * sums + params.bias
    if residual is not None and params.residual_multiplier is not None:
        values = values + params.residual_multiplier * residual.astype(np.int64)
    codes = values >> params.shift
    if params.half_even:  # what is left of a half, when B has added one, is nothing
        half = (values & ((np.int64(1) << params.shift) - 1) == 0) & (params.shift > 0)
        codes = codes - (half & (codes & 1 == 1))
    return np.clip(codes, 0, (1 << params.out_bits) - 1).astype(np.uint8)


def largest_value(params: Requantisation, largest_sum: int) -> int:
    """The most that |M*S + Mr*r + B| can be for |S| up to `largest_sum` and r up to 255."""
    bound = _magnitude(params.multiplier) * largest_sum + _magnitude(params.bias)
    if params.residual_multiplier is not None:
        bound += _magnitude(params.residual_multiplier) * 255
    return bound


def from_affine(
    scale: npt.ArrayLike,
    offset: npt.ArrayLike,
    *,
    out_bits: int,
    residual_scale: npt.ArrayLike | None = None,
    multiplier_bits: int = MULTIPLIER_BITS,
    half_even: bool = False,
) -> Requantisation:
    """The integers whose codes come nearest to scale * S + offset + residual_scale * r.

    Each channel gets the largest shift s in 0..40 with which M = round(scale * 2**s) fits
    `multiplier_bits`, signed, Mr fits `RESIDUAL_EXTRA_BITS` more, and B fits 46 bits. The half of
    rounding half up, 2**(s - 1), is part of B. `certify` says whether the codes are exact.

    Parameters
    ----------
    scale, offset, residual_scale : real arrays (N,), or one number, in units of output codes
    out_bits : m of the codes
    half_even : halves go to the even code, not up

    Raises
    ------
    ValueError
        If a number is NaN or infinite, a scale is too large for `multiplier_bits`, or `out_bits`
        is not in 1..8.
    """
    check_bits(out_bits)
    scales = np.atleast_1d(np.asarray(scale, np.float64))
    offsets = np.broadcast_to(np.asarray(offset, np.float64), scales.shape)
    residuals = None
    if residual_scale is not None:
        residuals = np.broadcast_to(np.asarray(residual_scale, np.float64), scales.shape)
    parts = [("scale", scales), ("offset", offsets)]
    parts += [] if residuals is None else [("residual_scale", residuals)]
    for name, values in parts:
        if not np.isfinite(values).all():
            raise ValueError(f"Requantisation {name} must be finite, not NaN or infinite")
    shift = _largest_shift("scale", scales, multiplier_bits)
    if residuals is not None:
        residual_bits = multiplier_bits + RESIDUAL_EXTRA_BITS
        shift = np.minimum(shift, _largest_shift("residual_scale", residuals, residual_bits))
    room = BIAS_BITS - 1 - np.ceil(np.log2(np.abs(offsets) + 1))
    shift = np.clip(np.minimum(shift, room), 0, MOST_SHIFT).astype(np.int64)
    unit = np.exp2(shift)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    return Requantisation(
        multiplier=_nearest(scales * unit),
        bias=_nearest(offsets * unit) + half,
        shift=shift,
        out_bits=out_bits,
        residual_multiplier=None if residuals is None else _nearest(residuals * unit),
        half_even=half_even,
    )


def _largest_shift(name: str, scales: Reals, bits: int) -> Reals:
    """The largest s with which round(scale * 2**s) fits `bits`, signed; infinite for 0."""
    limit = (1 << bits - 1) - 1
    if (np.abs(scales) > limit).any():
        raise ValueError(
            f"Requantisation {name} must be at most {limit} for {bits}-bit multipliers, "
            f"not {np.abs(scales).max():g}"
        )
    with np.errstate(divide="ignore"):
        return np.floor(np.log2((limit + 0.49) / np.abs(scales)))


def _nearest(values: Reals) -> Integers:
    return np.rint(values).astype(np.int64)


def _magnitude(values: Integers) -> int:
    return max((abs(int(value)) for value in values), default=0)
