"""Quantisers of QONNX: Quant (IntQuant), BipolarQuant, Trunc.

Source: QONNX, arXiv 2206.07527.
"""

from collections.abc import Mapping

import numpy as np

from truncmac.golden import ImageRounding, NetworkFileError, Stream
from truncmac.golden.types import Array, Reals

from .attributes import only, whole_number
from .coding import coded, note_halves, unsigned_stream
from .draft import Draft
from .read import Node
from .registry import handles
from .values import Constant, Scores, Value, scalar
from .weights import Weights, fits

__all__ = ["read_bipolar_quant", "read_quant", "read_trunc"]

NEAREST = ("ROUND", "HALF_EVEN", "HALF_UP")
ROUNDINGS: Mapping[str, ImageRounding] = {
    **{"ROUND": "half_even", "HALF_EVEN": "half_even"},
    **{"HALF_UP": "half_up", "FLOOR": "floor"},
}


@handles("Quant", "IntQuant")
def read_quant(draft: Draft, node: Node) -> Value:
    """Codes of an activation, or weights of a constant."""
    only(node, "signed", "narrow", "rounding_mode")
    value = draft.value(node, 0)
    scale, zero = (draft.constant(node, i).astype(np.float64) for i in (1, 2))
    bits = whole_number(scalar(draft.constant(node, 3), "bit width"), 1, 32, "bit width")
    signed, narrow = (bool(node.attributes.get(key, 1)) for key in ("signed", "narrow"))
    mode = str(node.attributes.get("rounding_mode", "ROUND")).upper()
    if (scale <= 0).any():
        raise NetworkFileError("must have a scale above 0")
    if isinstance(value, Constant):
        if (zero != 0).any():
            raise NetworkFileError("has weights with a zero point; quantise them symmetrically")
        return _quantised(value.array, scale, bits, signed=signed, narrow=narrow, mode=mode)
    if mode not in (*NEAREST, "FLOOR"):
        raise NetworkFileError(f"rounds by {mode}; known are {', '.join(NEAREST)} and FLOOR")
    if mode not in ("HALF_UP", "FLOOR"):
        note_halves(draft, value)
    if isinstance(value, Scores):
        return value
    stream, base = unsigned_stream(
        value,
        bits=bits,
        zero=whole_number(scalar(zero, "zero point"), -(1 << 15), 1 << 15, "zero point"),
        scale=scalar(scale, "scale"),
        signed=signed,
    )
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    low, high = (low + narrow, high) if signed else (low, high - narrow)
    if low >= high:
        raise NetworkFileError("makes activations of a narrow range of one bit")
    ends = low - base, high - base
    return coded(draft, value, stream, rounding=ROUNDINGS[mode], signed=signed, ends=ends)


@handles("BipolarQuant")
def read_bipolar_quant(draft: Draft, node: Node) -> Value:
    """Weights or codes of one bit, -scale and scale."""
    only(node)
    value, scale = draft.value(node, 0), draft.constant(node, 1).astype(np.float64)
    if isinstance(value, Constant):
        return Weights.bipolar(value.array, scale)
    number = scalar(scale, "scale")
    if number <= 0:
        raise NetworkFileError("must have a scale above 0")
    return coded(draft, value, Stream("", 1, 2 * number, 0.5))  # of -1 and 1, 0 is half way


@handles("Trunc")
def read_trunc(draft: Draft, node: Node) -> Value:
    """Weights whose lowest bits are dropped."""
    only(node, "rounding_mode", "signed", "narrow")
    value = draft.value(node, 0)
    numbers = [scalar(draft.constant(node, i), "number") for i in range(1, len(node.inputs))]
    if not isinstance(value, Weights) or len(numbers) not in (4, 5):
        raise NetworkFileError("truncates something other than quantised weights")
    scale, zero, width, *result, bits = numbers
    mode = str(node.attributes.get("rounding_mode", "FLOOR")).upper()
    if mode != "FLOOR" or zero != 0 or width != value.width:
        raise NetworkFileError("must drop the lowest bits of weights without a zero point")
    kept = whole_number(bits, 1, 8, "bit width")
    return value.truncate(kept, scale, result[0] if result else scale)


def _quantised(
    array: Array, scale: Reals, bits: int, *, signed: bool, narrow: bool, mode: str
) -> Value:
    """A constant behind a Quant: weights, or beyond 8 bits more precise numbers, as of a bias."""
    if mode not in ("ROUND", "HALF_EVEN", "FLOOR"):
        raise NetworkFileError(f"rounds weights by {mode}; known are ROUND and FLOOR")
    fits(scale, array)
    ratio = array.astype(np.float32) / scale.astype(np.float32)
    if bits == 1 and signed:
        return Weights.bipolar(array, scale)
    low = -(1 << bits - 1) + narrow if signed else 0
    high = (1 << bits - 1) - 1 if signed else (1 << bits) - 1 - narrow
    integers = (np.floor if mode == "FLOOR" else np.rint)(np.clip(ratio, low, high))
    if bits > 8:
        return Constant(integers * scale)
    return Weights.of_integers(integers, bits, signed, scale)
