"""Quantisers make integer codes of real weights and activations; truncation shortens weight codes.

A weight has one 8-bit code, c8. At a bit-width k the hardware uses the top k bits of it, ck, and
ck stands for the integer weight W = 2 ck - z.

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
OffsetKind = Literal["bipolar", "twos_complement"] | int


def check_bits(bits: int, most: int = WEIGHT_BITS) -> None:
    """Check that `bits` is a bit-width k.

    Raises
    ------
    ValueError
        If it is not a whole number in 1..`most`.
    """
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not 1 <= bits <= most:
        raise ValueError(f"Bit-width k must be in 1..{most}, not {bits!r}")


def weight_codes(weights: npt.ArrayLike) -> Codes:
    """The 8-bit codes of a layer's real weights.

    The weights V are squeezed into x in 0..1, and x is cut into 256 equal steps:
    x = tanh(V) / (2 max|tanh V|) + 1/2 and c8 = min(floor(256 x), 255). Because the codes are
    rounded down, the top k bits of a code are what k bits would have made of the same weight.

    Parameters
    ----------
    weights : real array of one layer, of any shape; the computation is in float64

    Returns
    -------
    uint8 array of the same shape; each code is 128 if all weights are zero

    Raises
    ------
    ValueError
        If a weight is NaN or infinite, or if there are no weights.

    Source: TruncQuant, arXiv 2506.11431.
    """
    values = _finite(weights, "Weights")
    squashed = np.tanh(values)
    largest = np.abs(squashed).max()
    x = squashed / (2 * largest) + 0.5 if largest > 0 else np.full(values.shape, 0.5)
    return np.minimum(np.floor(256 * x), 255).astype(np.uint8)


def weight_scale(weights: npt.ArrayLike) -> float:
    """E = mean|V|, the mean magnitude of a layer's real weights V.

    At k bits a weight is worth E / (2**k - 1) times its integer W, so that the weights keep their
    magnitude at each k. The computation is in float64.

    Raises
    ------
    ValueError
        If a weight is NaN or infinite, or if there are no weights.
    """
    return float(np.abs(_finite(weights, "Weights")).mean())


def truncate(codes: npt.ArrayLike, bits: int, from_bits: int = WEIGHT_BITS) -> Codes:
    """Keep the top `bits` of codes that have `from_bits`: ck = c >> (from_bits - bits).

    Parameters
    ----------
    codes : integers in 0..2**from_bits - 1, of any shape

    Returns
    -------
    uint8 array of the same shape, each code in 0..2**bits - 1; dropped bits round down

    Raises
    ------
    ValueError
        If a bit-width is not in 1..8, or `bits` is more than `from_bits`.
    """
    check_bits(from_bits)
    check_bits(bits, from_bits)
    return np.asarray(codes, np.uint8) >> np.uint8(from_bits - bits)


def weight_offset(bits: int, kind: OffsetKind = "bipolar") -> int:
    """The offset z of the integer weights W = 2 ck - z, and so of the sums S = 2 D - z Q.

    With "bipolar" codes, those of TruncQuant, z = 2**k - 1: the weights are the odd numbers from
    -z to z. With "twos_complement" z = 2**k: a code is a signed integer of k bits whose top bit is
    inverted, and W is twice that integer. A number is the 8-bit code that stands for 0, as that of
    unsigned weights with a zero point: z is twice its top k bits.

    Raises
    ------
    ValueError
        If `bits` is not in 1..8, or `kind` is neither of the two.
    """
    check_bits(bits)
    if isinstance(kind, int) and not isinstance(kind, bool) and 0 <= kind <= 255:
        return (2 * kind) >> (WEIGHT_BITS - bits)
    if kind not in ("bipolar", "twos_complement"):
        raise ValueError(f"Offset must be bipolar, twos_complement or in 0..255, not {kind!r}")
    return (1 << bits) - (kind == "bipolar")


def integer_weights(
    codes: npt.ArrayLike, bits: int, kind: OffsetKind = "bipolar"
) -> npt.NDArray[np.int32]:
    """The integer weights W = 2 ck - z that 8-bit codes stand for at k = `bits`.

    Returns
    -------
    int32 array of the codes' shape. With N = 2**k - 1, "bipolar" weights are odd and in -N..N,
    and those of "twos_complement" are even and in -(N + 1)..N - 1

    Raises
    ------
    ValueError
        If `bits` is not in 1..8, or `kind` is neither of the two; see `weight_offset`.
    """
    return 2 * truncate(codes, bits).astype(np.int32) - weight_offset(bits, kind)


def activation_codes(values: npt.ArrayLike, bits: int) -> Codes:
    """The activation codes of real values: a = floor(A * clamp(y, 0, 1) + 1/2), A = 2**bits - 1.

    A code stands for the real a / A, in 0..1. Ties round up.

    Parameters
    ----------
    values : real array y, of any shape; the computation is in float64

    Returns
    -------
    uint8 array of the same shape, each code in 0..A

    Raises
    ------
    ValueError
        If a value is NaN, or `bits` is not in 1..8. Infinities are clamped.
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
