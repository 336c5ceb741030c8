"""Arithmetic with constants (Add, Sub, Mul, Div), and the addition of a residual."""

from dataclasses import replace

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array, Reals

from .attributes import whole_number
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import plain_stream
from .sums import open_sums
from .tables import of_each, settled
from .values import (
    Activations,
    CodeProduct,
    Constant,
    Mapped,
    Mean,
    Raw,
    Sums,
    Value,
    channels_of,
    scalar,
)
from .weights import Weights, fits

__all__ = ["by_channel", "read_add", "read_div", "read_mul", "read_sub"]


@handles("Add")
def read_add(draft: Draft, node: Node) -> Value:
    """A constant is added to anything, a residual to a layer's sums."""
    one, other = draft.value(node, 0), draft.value(node, 1)
    if isinstance(one, Constant) and not isinstance(other, Constant):
        one, other = other, one
    if isinstance(other, Constant | Weights) and not isinstance(one, Constant | Weights):
        array = other.array if isinstance(other, Constant) else other.reals()
        return _moved(draft, one, array.astype(np.float64))
    if isinstance(one, Constant) and isinstance(other, Constant):
        _check_broadcast(one.array, other.array)
        return Constant(one.array + other.array)
    if isinstance(one, Weights) and isinstance(other, Constant):
        return one.moved(other.array)
    return _with_residual(draft, one, other)


@handles("Sub")
def read_sub(draft: Draft, node: Node) -> Value:
    """A constant is taken from anything."""
    one, other = draft.value(node, 0), draft.constant(node, 1).astype(np.float64)
    if isinstance(one, Constant):
        fits(other, one.array)
        return Constant(one.array - other)
    return one.moved(-other) if isinstance(one, Weights) else _moved(draft, one, -other)


@handles("Mul")
def read_mul(draft: Draft, node: Node) -> Value:
    """Anything is multiplied by a constant, and codes by codes."""
    one, other = draft.value(node, 0), draft.value(node, 1)
    if isinstance(one, Constant | Weights) and not isinstance(other, Constant | Weights):
        one, other = other, one
    if isinstance(other, Weights) and not isinstance(one, Weights):
        other = Constant(other.reals())
    if not isinstance(other, Constant):
        return _product(draft, one, other)
    return _times(draft, one, other.array.astype(np.float64))


def _product(draft: Draft, one: Value, other: Value) -> Value:
    """Codes times codes: a table where both are functions of the same, else a layer."""
    same = of_each([one, other], np.multiply)
    if same is not None:
        return same
    if isinstance(one, Sums | Weights) or isinstance(other, Sums | Weights):
        raise NetworkFileError("multiplies sums that are not quantised; put a Quant before it")
    streams = [plain_stream(draft, value) for value in (one, other)]
    shapes = [draft.shapes[stream.layer] for stream in streams]
    if np.prod(shapes[0]) < np.prod(shapes[1]):
        streams, shapes = streams[::-1], shapes[::-1]
    if shapes[1] not in (shapes[0], shapes[0][:1], (shapes[0][0], 1, 1)):
        raise NetworkFileError(f"multiplies tensors of shapes {shapes[0]} and {shapes[1]}")
    return CodeProduct(streams[0], streams[1])


@handles("Div")
def read_div(draft: Draft, node: Node) -> Value:
    """Anything is divided by a constant."""
    divisor = draft.constant(node, 1).astype(np.float64)
    if (divisor == 0).any():
        raise NetworkFileError("divides by 0")
    return _times(draft, draft.value(node, 0), 1 / divisor)


def _times(draft: Draft, value: Value, factor: Reals) -> Value:
    if isinstance(value, Constant):
        _check_broadcast(value.array, factor)
        return Constant(value.array * factor)
    return value.scaled(factor) if isinstance(value, Weights) else _scaled(draft, value, factor)


def _check_broadcast(one: Array, other: Array) -> None:
    """Refuse two constants of which neither has the shape of the result."""
    fits(*sorted((one, other), key=lambda array: (array.size, array.ndim)))


def _moved(draft: Draft, value: Value, amount: Reals) -> Value:
    """`value` plus a constant."""
    if isinstance(value, Raw) and value.rounded:
        added = whole_number(scalar(amount, "zero point"), -255, 255, "zero point")
        return replace(value, zero=value.zero + added)
    if isinstance(value, Raw):
        return replace(value, offset=value.offset + _of_image(draft, amount))
    if isinstance(value, Mapped):
        return _mapped(draft, value, amount, np.add)
    sums = open_sums(draft, value)
    return sums.moved(by_channel(draft, amount, sums))


def _scaled(draft: Draft, value: Value, factor: Reals) -> Value:
    """`value` times a constant."""
    if isinstance(value, Raw) and value.rounded:
        raise NetworkFileError("scales an image after Round; put a Quant between them")
    if isinstance(value, Raw):
        each = _of_image(draft, factor)
        return replace(value, scale=value.scale * each, offset=value.offset * each)
    if isinstance(value, Mapped):
        return _mapped(draft, value, factor, np.multiply)
    plain_mean = isinstance(value, Mean) and factor.size == 1 and factor.min() > 0
    if isinstance(value, CodeProduct) or (isinstance(value, Mean) and plain_mean):
        return replace(value, factor=value.factor * scalar(factor, "scale"))
    if isinstance(value, Activations):
        shape = draft.shapes[value.stream.layer]
        each = channels_of(factor, draft.rank(factor, shape), shape[0])
        each = each[:1] if factor.size == 1 else each
        return replace(value, factor=value.factor * each)
    sums = open_sums(draft, value)
    return sums.scaled(by_channel(draft, factor, sums))


def _of_image(draft: Draft, array: Array) -> Reals:
    """A constant that meets the graph's input: one number, or one for each channel."""
    if array.size == 1:
        return np.asarray(array, np.float64).reshape(1)
    return channels_of(array, 2 if draft.flat_image else 4, draft.spec.channels)


def _mapped(draft: Draft, value: Mapped, array: Reals, function: np.ufunc) -> Value:
    """A function of codes, and a constant."""
    shape = draft.shape(value)
    each = channels_of(array, draft.rank(array, shape), shape[0])
    each = each[:1] if (each == each[0]).all() else each[:, None]
    found = of_each([value], lambda x: function(x, each))
    return found or value


def by_channel(draft: Draft, array: Array, sums: Sums) -> Reals:
    """A constant that meets a layer's output, as one number for each of the layer's channels."""
    shape, channels = draft.shape(sums), len(sums.product.codes)
    if array.size == 1:
        return np.full(channels, float(array.reshape(())))
    found = np.repeat(channels_of(array, draft.rank(array, shape), shape[0]), sums.repeats)
    if len(found) != channels:
        raise NetworkFileError(f"has a constant of shape {array.shape} behind a Flatten of sums")
    return found


def _with_residual(draft: Draft, one: Value, other: Value) -> Value:
    """Sums plus codes; of two streams of codes the first becomes sums before."""
    if isinstance(one, Mapped) or isinstance(other, Mapped):
        same = of_each([one, other], np.add)
        if same is not None:
            return same
    one, other = settled(draft, one), settled(draft, other)
    if isinstance(one, Activations | Mean | Raw) and isinstance(other, Sums):
        one, other = other, one
    if isinstance(other, Sums):
        raise NetworkFileError("adds the sums of two layers; put a Quant after one of them")
    sums = open_sums(draft, one)
    if isinstance(other, Mean):
        other = Activations(plain_stream(draft, other))
    if not isinstance(other, Activations) or any(other.padding):
        raise NetworkFileError("must add codes to a layer's output")
    if sums.low is not None or sums.high is not None or sums.after:
        raise NetworkFileError("adds codes to a Relu or a pool of sums; put a Quant between them")
    if sums.product.residual is not None:
        raise NetworkFileError("adds a second residual; put a Quant between them")
    factor = other.factor * other.stream.scale
    channels = len(sums.product.codes)
    if draft.shapes[other.stream.layer] != draft.shapes[sums.product.layer.name]:
        raise NetworkFileError("adds tensors of different shapes")
    product = replace(
        sums.product,
        residual=other.stream,
        residual_scale=np.broadcast_to(factor, (channels,)),
    )
    return replace(sums, product=product, mapped=None)
