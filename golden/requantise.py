"""Requantisation: accumulators to activation codes, in integers only."""

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
RESIDUAL_EXTRA_BITS = 8  # Mr is that much wider than M: it scales a code, M scales a sum of many
MOST_SHIFT = 40
BIAS_BITS = 46  # more than any channel needs; fits the hardware's bias from K = 64 on


@dataclass(frozen=True, eq=False, kw_only=True)
class Requantisation:
    """M, Mr, B and s of each output channel, and the bits m of the output codes.

    Attributes
    ----------
    multiplier, bias, shift : int64 arrays (N,); 0 <= shift <= 63
    residual_multiplier : int64 array (N,), or None without a residual
    out_bits : int in 1..8; codes are in 0..2**out_bits - 1
    """

    multiplier: Integers
    bias: Integers
    shift: Integers
    out_bits: int
    residual_multiplier: Integers | None = None


def requantise(sums: Integers, params: Requantisation, residual: Codes | None = None) -> Codes:
    """clamp((M*S + Mr*r + B) >> s, 0, 2**m - 1), with an arithmetic shift.

    Parameters
    ----------
    sums : int64 array (..., N), S
    residual : uint8 array (..., N), r, where `params` has residual multipliers

    Returns
    -------
    uint8 array (..., N)

    Raises
    ------
    ValueError
        If the residual is there without multipliers or the reverse, or int64 could overflow.

    Rounding is half up where B holds 2**(s - 1), which `from_affine` folds in.
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
    return np.clip(values >> params.shift, 0, (1 << params.out_bits) - 1).astype(np.uint8)


def largest_value(params: Requantisation, largest_sum: int) -> int:
    """Most that |M*S + Mr*r + B| can be, where |S| is at most `largest_sum`."""
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
) -> Requantisation:
    """Integers nearest to round-half-up(scale * S + offset + residual_scale * r).

    Each channel gets the largest shift with which M fits `multiplier_bits`, signed, and Mr
    `RESIDUAL_EXTRA_BITS` more; rounding half up is folded into the bias.

    Parameters
    ----------
    scale, offset, residual_scale : real arrays (N,), in units of output codes

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or a scale is too large for `multiplier_bits`.
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
    )


def _largest_shift(name: str, scales: Reals, bits: int) -> Reals:
    """Largest s with which round(scale * 2**s) fits `bits`, signed; infinite for 0."""
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
