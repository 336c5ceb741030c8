"""Pairs of QuantizeLinear and DequantizeLinear; a Clip between them leaves fewer levels.

Source: ONNX operators, opset 13.
"""

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array, Reals, Shape

from .attributes import only
from .coding import coded, note_halves, unsigned_stream
from .draft import Draft
from .read import Node
from .registry import handles
from .values import Constant, ConstantLevels, Levels, Value, scalar
from .weights import CLOSE, Weights

__all__ = ["read_dequantize_linear", "read_quantize_linear"]


@handles("QuantizeLinear")
def read_quantize_linear(draft: Draft, node: Node) -> Value:
    """Integers of 8 bits, of a constant or of activations."""
    axis = _axis(node)
    value = draft.value(node, 0)
    scale, zero = _scale_and_zero(draft, node)
    if zero.dtype not in (np.uint8, np.int8):
        raise NetworkFileError(f"makes integers of type {zero.dtype}; known are uint8 and int8")
    number = int(zero.reshape(-1)[0])
    low = -128 if zero.dtype == np.int8 else 0
    if isinstance(value, Constant):
        shape = _along(axis, value.array, scale)
        levels = np.rint(value.array / scale.reshape(shape)) + number
        return ConstantLevels(np.clip(levels, low, low + 255), signed=low < 0)
    return Levels(value, scalar(scale, "scale"), number, low=low, high=low + 255)


@handles("DequantizeLinear")
def read_dequantize_linear(draft: Draft, node: Node) -> Value:
    """Activations of the levels before it; of constant levels weights, or a bias."""
    axis = _axis(node)
    value = draft.value(node, 0)
    scale, zero = _scale_and_zero(draft, node)
    number = int(zero.reshape(-1)[0])
    if isinstance(value, Levels):
        if not np.isclose(scalar(scale, "scale"), value.scale, CLOSE, 0) or number != value.zero:
            raise NetworkFileError("must have the scale and zero point of its QuantizeLinear")
        return _activations(draft, value)
    if isinstance(value, Constant) and value.array.dtype.kind in "iu":
        value = ConstantLevels(value.array, signed=value.array.dtype.kind == "i")
    if not isinstance(value, ConstantLevels) or value.array.size == 0:
        raise NetworkFileError("takes something other than integers")
    scale = scale.reshape(_along(axis, value.array, scale))
    bits = _bits_of(value)
    if bits > 8:
        return Constant((value.array.astype(np.float64) - number) * scale)
    if number != 0:
        raise NetworkFileError("has weights with a zero point; quantise them symmetrically")
    return Weights.of_integers(value.array, bits, value.signed, scale)


def _activations(draft: Draft, levels: Levels) -> Value:
    """Codes of the levels that a QuantizeLinear, and a Clip, leave."""
    note_halves(draft, levels.value)
    count = levels.high - levels.low + 1
    bits = count.bit_length() - 1
    signed = levels.low < 0
    if count != 1 << bits or levels.low != (-(count // 2) if signed else 0):
        raise NetworkFileError(
            f"takes the levels {levels.low} to {levels.high}, which are no whole number of bits"
        )
    stream = unsigned_stream(
        levels.value,
        bits=bits,
        scale=levels.scale,
        zero=levels.zero,
        signed=signed,
        narrow=False,
    )
    return coded(draft, levels.value, stream, signed=signed)


def _scale_and_zero(draft: Draft, node: Node) -> tuple[Reals, Array]:
    """Scale (1,) or (C,), and the zero point, of the integers' type."""
    scale = draft.constant(node, 1).astype(np.float64)
    zero = draft.constant(node, 2, np.zeros(1, np.uint8))
    if zero.size not in (1, scale.size) or scale.ndim > 1 or not scale.size:
        raise NetworkFileError("must have one scale, or one for each channel")
    if (scale <= 0).any():
        raise NetworkFileError("must have a scale above 0")
    if zero.size > 1 and (zero != zero.reshape(-1)[0]).any():
        raise NetworkFileError("has zero points that differ between channels")
    return scale, zero


def _axis(node: Node) -> int:
    """The axis along which scales differ."""
    only(node, "axis", "saturate", "block_size", "output_dtype")
    for key in ("block_size", "output_dtype"):
        if node.attributes.get(key, 0):
            raise NetworkFileError(f"has {key}, which has no form here")
    return int(node.attributes.get("axis", 1))


def _along(axis: int, array: Array, scale: Reals) -> Shape:
    """The shape in which `scale` meets `array` along `axis`."""
    if scale.size == 1:
        return (1,) * array.ndim
    if not -array.ndim <= axis < array.ndim or array.shape[axis] != scale.size:
        raise NetworkFileError(f"has {scale.size} scales along axis {axis} of {array.shape}")
    shape = [1] * array.ndim
    shape[axis] = scale.size
    return tuple(shape)


def _bits_of(levels: ConstantLevels) -> int:
    """The fewest bits that hold all levels."""
    low, high = int(levels.array.min()), int(levels.array.max())
    most = max(high, -low - 1) if levels.signed else high
    return max(1, most.bit_length() + levels.signed)
