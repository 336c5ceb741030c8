"""Pairs of QuantizeLinear and DequantizeLinear; a Clip between them leaves fewer levels.

Source: ONNX operators, opset 13.
"""

import numpy as np
from onnx import TensorProto

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array, Reals, Shape

from .attributes import only
from .coding import coded, note_halves, unsigned_stream
from .draft import Draft
from .read import BYTES, FOUR_BITS, Node
from .registry import handles
from .streams import image_codes
from .values import Constant, ConstantLevels, IntegerImage, Levels, Scores, Value, scalar
from .weights import CLOSE, Weights

__all__ = ["closed", "read_dequantize_linear", "read_quantize_linear"]


@handles("QuantizeLinear")
def read_quantize_linear(draft: Draft, node: Node) -> Value:
    """Integers of 8 bits, of a constant or of activations."""
    axis = _axis(node)
    value = draft.value(node, 0)
    scale, zero = _scale_and_zero(draft, node)
    if zero.dtype not in (np.uint8, np.int8):
        raise NetworkFileError(f"makes integers of type {zero.dtype}; known are uint8 and int8")
    most = 1 << _bits(draft, node)
    low = -most // 2 if _signed(node, zero) else 0
    if isinstance(value, Constant):
        shape = _along(axis, value.array, scale)
        levels = np.rint(value.array / scale.reshape(shape)) + _shaped(zero, shape)
        return ConstantLevels(np.clip(levels, low, low + most - 1), signed=low < 0)
    if isinstance(value, Scores):
        return value
    number = int(scalar(zero, "zero point"))
    return Levels(value, scalar(scale, "scale"), number, low=low, high=low + most - 1)


@handles("DequantizeLinear")
def read_dequantize_linear(draft: Draft, node: Node) -> Value:
    """Activations of the levels before it; of constant levels weights, or a bias."""
    axis = _axis(node)
    value = draft.value(node, 0)
    scale, zero = _scale_and_zero(draft, node)
    if isinstance(value, Scores):
        return value
    if isinstance(value, IntegerImage):
        return image_codes(draft, value, scalar(scale, "scale"), int(scalar(zero, "zero point")))
    if isinstance(value, Levels):
        number = int(scalar(zero, "zero point"))
        if not np.isclose(scalar(scale, "scale"), value.scale, CLOSE, 0) or number != value.zero:
            raise NetworkFileError("must have the scale and zero point of its QuantizeLinear")
        return closed(draft, node.inputs[0], value)
    if isinstance(value, Constant) and value.array.dtype.kind in "iu":
        value = ConstantLevels(value.array, signed=value.array.dtype.kind == "i")
    if not isinstance(value, ConstantLevels) or value.array.size == 0:
        raise NetworkFileError("takes something other than integers")
    along = _along(axis, value.array, scale)
    scale = scale.reshape(along)
    if zero.any():
        zeros = _shaped(zero, along).astype(np.float64)
        moved = ConstantLevels(value.array - zeros, signed=True)
        if _bits_of(moved) > 8 >= _bits_of(value):  # the code that stands for 0 is not the middle
            return Weights.of_integers(value.array, 8, value.signed, scale).moved(-zeros * scale)
        value = moved
    bits = _bits_of(value)
    if bits > 8:
        return Constant(value.array.astype(np.float64) * scale)
    return Weights.of_integers(value.array, bits, value.signed, scale)


def closed(draft: Draft, name: str, levels: Levels) -> Value:
    """The codes of the levels that the tensor `name` holds; the same for all that read it."""
    if levels.codes is not None:
        return levels.codes
    if name not in draft.closed:
        draft.closed[name] = _activations(draft, levels)
    return draft.closed[name]


def _activations(draft: Draft, levels: Levels) -> Value:
    """Codes of the levels that a QuantizeLinear, and a Clip, leave."""
    note_halves(draft, levels.value)
    signed = levels.low < 0
    bits = max(levels.high.bit_length(), (~levels.low if signed else 0).bit_length()) + signed
    if levels.low == levels.high:
        raise NetworkFileError(f"takes the level {levels.low} alone")
    stream, base = unsigned_stream(
        levels.value, bits=bits, scale=levels.scale, zero=levels.zero, signed=signed
    )
    ends = levels.low - base, levels.high - base
    return coded(draft, levels.value, stream, signed=signed, ends=ends)


def _bits(draft: Draft, node: Node) -> int:
    """How many bits the integers of a QuantizeLinear have."""
    wanted = node.attributes.get("output_dtype", 0)
    if wanted not in (0, *BYTES, *FOUR_BITS):
        raise NetworkFileError("makes integers of a type that has no form here")
    name = node.inputs[2] if len(node.inputs) > 2 else ""
    return 4 if wanted in FOUR_BITS else draft.bits.get(name, 8)


def _signed(node: Node, zero: Array) -> bool:
    wanted = node.attributes.get("output_dtype", 0)
    return wanted in (TensorProto.INT8, TensorProto.INT4) if wanted else zero.dtype == np.int8


def _shaped(zero: Array, shape: Shape) -> Array:
    """A zero point for each channel as it meets the integers, or one for all."""
    return zero.reshape(-1)[0] if zero.size == 1 else zero.reshape(shape)


def _scale_and_zero(draft: Draft, node: Node) -> tuple[Reals, Array]:
    """Scale (1,) or (C,), and the zero point, of the integers' type."""
    scale = draft.constant(node, 1).astype(np.float64)
    zero = draft.constant(node, 2, np.zeros(1, np.uint8))
    if zero.size not in (1, scale.size) or scale.ndim > 1 or not scale.size:
        raise NetworkFileError("must have one scale, or one for each channel")
    if (scale <= 0).any():
        raise NetworkFileError("must have a scale above 0")
    alone = zero.size == 1 or (zero == zero.reshape(-1)[0]).all()
    return scale, zero.reshape(-1)[:1] if alone else zero


def _axis(node: Node) -> int:
    """The axis along which scales differ."""
    only(node, "axis", "saturate", "block_size", "output_dtype", "precision")
    if node.attributes.get("block_size", 0):
        raise NetworkFileError("has block_size, which has no form here")
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
