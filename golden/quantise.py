"""Quantisers: real weights and activations to integer codes, and truncation of weight codes.

Source: TruncQuant, arXiv 2506.11431; Any-Precision DNNs, arXiv 1911.07346.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from .types import Array, Codes

__all__ = [
    "ALL_WIDTHS",
    "WEIGHT_BITS",
    "OffsetKind",
    "activation_codes",
    "check_bits",
    "integer_weights",
    "truncate",
    "weight_codes",
    "weight_offset",
    "weight_scale",
]

WEIGHT_BITS = 8
ALL_WIDTHS = (8, 7, 6, 5, 4, 3, 2, 1)  # every bit-width k of weights
OffsetKind = Literal["bipolar", "twos_complement"]


def check_bits(bits: int, most: int = WEIGHT_BITS) -> None:
    """Raise ValueError unless `bits` is a whole number in 1..`most`."""
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not 1 <= bits <= most:
        raise ValueError(f"Bit-width k must be in 1..{most}, not {bits!r}")


def weight_codes(weights: npt.ArrayLike) -> Codes:
    """8-bit codes c8 = min(floor(256 x), 255), x = tanh(V) / (2 max|tanh V|) + 1/2.

    Parameters
    ----------
    weights : real array V of one layer, any shape; computed in float64

    Returns
    -------
    uint8 array of the same shape; 128 throughout where all weights are zero

    Raises
    ------
    ValueError
        If a weight is NaN or infinite, or there are none.

    Source: TruncQuant, arXiv 2506.11431.
    """
    values = _finite(weights, "Weights")
    squashed = np.tanh(values)
    largest = np.abs(squashed).max()
    x = squashed / (2 * largest) + 0.5 if largest > 0 else np.full(values.shape, 0.5)
    return np.minimum(np.floor(256 * x), 255).astype(np.uint8)


def weight_scale(weights: npt.ArrayLike) -> float:
    """E = mean|V|: a weight is worth E / (2**k - 1) times its integer."""
    return float(np.abs(_finite(weights, "Weights")).mean())


def truncate(codes: npt.ArrayLike, bits: int, from_bits: int = WEIGHT_BITS) -> Codes:
    """Keep the top `bits` of codes that have `from_bits`: ck = c >> (from_bits - bits)."""
    check_bits(from_bits)
    check_bits(bits, from_bits)
    return np.asarray(codes, np.uint8) >> np.uint8(from_bits - bits)


def weight_offset(bits: int, kind: OffsetKind = "bipolar") -> int:
    """z of S = 2D - zQ: 2**k - 1 for TruncQuant, 2**k for two's complement (top bit inverted)."""
    check_bits(bits)
    if kind not in ("bipolar", "twos_complement"):
        raise ValueError(f"Offset must be bipolar or twos_complement, not {kind!r}")
    return (1 << bits) - (kind == "bipolar")


def integer_weights(
    codes: npt.ArrayLike, bits: int, kind: OffsetKind = "bipolar"
) -> npt.NDArray[np.int32]:
    """W = 2 ck - z of 8-bit codes: odd and in [-N, N], N = 2**k - 1, where bipolar."""
    return 2 * truncate(codes, bits).astype(np.int32) - weight_offset(bits, kind)


def activation_codes(values: npt.ArrayLike, bits: int) -> Codes:
    """a = floor(A * clamp(y, 0, 1) + 1/2), A = 2**bits - 1: rounded half up.

    Raises
    ------
    ValueError
        If a value is NaN; infinities are clamped.
    """
    check_bits(bits)
    y = np.asarray(values, np.float64)
    if np.isnan(y).any():
        raise ValueError("Activations must be numbers, not NaN")
    return np.floor(((1 << bits) - 1) * np.clip(y, 0, 1) + 0.5).astype(np.uint8)


def _finite(values: npt.ArrayLike, what: str) -> Array:
    array = np.asarray(values, np.float64)
    if array.size == 0:
        raise ValueError(f"{what} must not be empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite, not NaN or infinite")
    return array
