"""Images whose channels are last: what the graph turns is turned back, not moved.

A tensor (B, H, W, C) of the graph stands for the same image with its channels first. So a Transpose
costs nothing; and a vector that is made of such an image only reorders the weights behind it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array, Shape

from .draft import Draft
from .functions import FUNCTIONS
from .read import Node
from .registry import handles
from .streams import flattened
from .values import Constant, Turned, Value
from .weights import Weights

__all__ = ["read_transpose", "read_turned"]

Read = Callable[[Draft, Node], Value]

ELEMENTWISE = {
    *("QuantizeLinear", "DequantizeLinear", "Quant", "IntQuant", "BipolarQuant"),
    *("Relu", "Clip", "Cast", "Identity", "Dropout", "Floor", "Round", "PRelu", "Gelu"),
    *("Add", "Sub", "Mul", "Div"),
    *FUNCTIONS,
}
OUTPUTS = {"Softmax", "LogSoftmax", "Hardmax", "ArgMax"}


@handles("Transpose")
def read_transpose(draft: Draft, node: Node) -> Value:
    """Weights are transposed, and an image's channels go last, or to the front again."""
    value = draft.value(node, 0)
    if isinstance(value, Weights):
        axes = list(range(value.codes.ndim))
        perm = list(node.attributes.get("perm", axes[::-1]))
        if sorted(perm) != axes:
            raise NetworkFileError("must reorder the axes of the weights")
        return value.turned(perm)
    rank = 3 if draft.length else 4
    perm = list(node.attributes.get("perm", []))
    last = [0, *range(2, rank), 1]
    turned = isinstance(value, Turned)
    inner = value.value if isinstance(value, Turned) else value
    if perm == list(range(len(perm))):
        return value
    first = [0, rank - 1, *range(1, rank - 1)]
    if isinstance(value, Turned) and value.shape is None and perm == first:
        return inner
    if not turned and perm == last and len(draft.shape(inner)) == 3:
        return Turned(inner)
    raise NetworkFileError(
        f"reorders axes by {perm}; only channels may go last, or to the front again"
    )


def read_turned(draft: Draft, node: Node, read: Read) -> Value:
    """What a node of images with their channels last stands for; `read` reads one like others."""
    if node.op == "Transpose":
        return read_transpose(draft, node)
    values = [draft.values.get(name) for name in node.inputs]
    turned = [value for value in values if isinstance(value, Turned)]
    if node.op in OUTPUTS:
        return read(draft, draft.instead(node, {0: turned[0].value}))
    if node.op in ("Gemm", "MatMul"):
        return _product(draft, node, read)
    if any(value.shape is not None for value in turned):
        if node.op in ("QuantizeLinear", "DequantizeLinear", "Quant", "Identity", "Relu", "Cast"):
            inner = read(draft, draft.instead(node, {0: turned[0].value}))
            return replace(turned[0], value=inner)
        raise NetworkFileError("takes a vector of an image whose channels are last")
    if node.op in ELEMENTWISE:
        return Turned(read(draft, draft.instead(node, _first(draft, values))))
    if node.op in MOVES:
        return MOVES[node.op](draft, node, read)
    raise NetworkFileError("takes an image whose channels are last; put a Transpose before it")


def _first(draft: Draft, values: list[Value | None]) -> Mapping[int, Value]:
    """The inputs of a node with their channels first; constants too."""
    found: dict[int, Value] = {}
    for index, value in enumerate(values):
        if isinstance(value, Turned):
            found[index] = value.value
        elif isinstance(value, Constant) and value.array.size > 1:
            found[index] = Constant(_channels_first(value.array, 3 if draft.length else 4))
        elif not isinstance(value, Constant | None):
            raise NetworkFileError("mixes images with their channels first and last")
    return found


def _channels_first(array: Array, rank: int) -> Array:
    if array.ndim > rank:
        raise NetworkFileError(f"has a constant of {array.ndim} dimensions")
    whole = array.reshape((1,) * (rank - array.ndim) + array.shape)
    return np.moveaxis(whole, -1, 1)


def _product(draft: Draft, node: Node, read: Read) -> Value:
    """A matrix of weights for vectors of images whose channels are last, its rows reordered."""
    value, weights = draft.value(node, 0), draft.value(node, 1)
    if not isinstance(value, Turned) or value.shape is None or not isinstance(weights, Weights):
        raise NetworkFileError("takes an image whose channels are last; put a Transpose before it")
    axis = 1 if node.op == "Gemm" and node.attributes.get("transB", 0) else 0
    channels, height, width = value.shape
    if weights.codes.ndim != 2 or weights.codes.shape[axis] != prod(value.shape):
        raise NetworkFileError("has weights that do not fit its input")
    order = np.arange(prod(value.shape)).reshape(height, width, channels)
    reordered = weights.taken(order.transpose(2, 0, 1).reshape(-1), axis)
    return read(draft, draft.instead(node, {0: value.value, 1: reordered}))


def _flat(draft: Draft, node: Node, read: Read) -> Value:
    """A vector of the image."""
    value = draft.value(node, 0)
    inner = value.value if isinstance(value, Turned) else value
    shape = draft.shape(inner)
    kept = _kept(draft, node, shape)
    if kept is None:
        return value
    if kept != prod(shape):
        raise NetworkFileError(f"must give (batch, {prod(shape)})")
    vector = flattened(draft, node.name, inner)
    return vector if 1 in (shape[0], prod(shape[1:])) else Turned(vector, shape)


def _kept(draft: Draft, node: Node, shape: Shape) -> int | None:
    """How many features a Flatten, Reshape or Squeeze leaves; None if it leaves the image."""
    channels, height, width = shape
    if node.op == "Flatten":
        return prod(shape) if node.attributes.get("axis", 1) == 1 else -1
    axes = np.array(node.attributes.get("axes", []), np.int64)
    numbers = [int(v) for v in draft.constant(node, 1, axes).reshape(-1).tolist()]
    if node.op == "Squeeze":
        return channels if sorted(v % 4 for v in numbers) == [1, 2] and height * width == 1 else -1
    if len(numbers) == 2:
        return prod(shape) if numbers[1] in (-1, prod(shape)) and numbers != [-1, -1] else -1
    whole = [height, width, channels] if not draft.length else [width, channels]
    same = len(numbers) == len(whole) + 1 and all(
        n in (-1, 0, size) for n, size in zip(numbers[1:], whole, strict=True)
    )
    return None if same else -1


def _reduced(draft: Draft, node: Node, read: Read) -> Value:
    """A mean over height and width, whose axes are others where the channels are last."""
    value = draft.value(node, 0)
    axes = np.array(node.attributes.get("axes", []), np.int64)
    found = sorted(int(v) % 4 for v in draft.constant(node, 1, axes).reshape(-1).tolist())
    if found != [1, 2] or not isinstance(value, Turned):
        raise NetworkFileError("must average height and width")
    attributes = {key: v for key, v in node.attributes.items() if key != "axes"}
    node = replace(node, attributes=attributes | {"axes": [2, 3]}, inputs=node.inputs[:1])
    mean = read(draft, draft.instead(node, {0: value.value}))
    return Turned(mean) if node.attributes.get("keepdims", 1) else mean


def _joined(draft: Draft, node: Node, read: Read) -> Value:
    """Channels behind each other, along the last axis."""
    values = [draft.value(node, index) for index in range(len(node.inputs))]
    inner = {i: value.value for i, value in enumerate(values) if isinstance(value, Turned)}
    if int(node.attributes.get("axis", 0)) not in (-1, 3) or len(inner) < len(values):
        raise NetworkFileError("must join the channels of images whose channels are last")
    node = replace(node, attributes={"axis": 1})
    return Turned(read(draft, draft.instead(node, inner)))


def _padded(draft: Draft, node: Node, read: Read) -> Value:
    """A border, whose numbers are in another order."""
    value, pads = draft.value(node, 0), draft.constant(node, 1).reshape(-1)
    if pads.size != 8 or not isinstance(value, Turned):
        raise NetworkFileError("must have 8 pads of at least 0, of an image")
    order = np.array([0, 3, 1, 2, 4, 7, 5, 6])
    return Turned(read(draft, draft.instead(node, {0: value.value, 1: Constant(pads[order])})))


def _shape(draft: Draft, node: Node, read: Read) -> Value:
    value = draft.value(node, 0)
    inner = value.value if isinstance(value, Turned) else value
    channels, *sizes = draft.shape(inner)
    return Constant(np.array([1, *sizes[draft.length :], channels], np.int64))


MOVES: Mapping[str, Callable[[Draft, Node, Read], Value]] = {
    "Flatten": _flat,
    "Reshape": _flat,
    "Squeeze": _flat,
    "ReduceMean": _reduced,
    "Concat": _joined,
    "Pad": _padded,
    "Shape": _shape,
}
