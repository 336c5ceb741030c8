"""Operations that move or leave out codes, and compute nothing: Flatten, Pad, Slice and others."""

from math import prod

import numpy as np

from truncmac.golden import NetworkFileError, Shortcut

from .attributes import MOST_SIZE, only, paddings
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import flattened, hand_on, plain_stream
from .values import Activations, Constant, Value, scalar
from .weights import Weights

__all__ = [
    "is_height_and_width",
    "read_flatten",
    "read_pad",
    "read_reshape",
    "read_shape",
    "read_slice",
    "read_squeeze",
    "read_unsqueeze",
]


@handles("Flatten")
def read_flatten(draft: Draft, node: Node) -> Value:
    """An image as one vector."""
    only(node, "axis")
    if node.attributes.get("axis", 1) != 1:
        raise NetworkFileError("must have axis = 1")
    return flattened(draft, node.name, draft.value(node, 0))


@handles("Reshape")
def read_reshape(draft: Draft, node: Node) -> Value:
    """A Flatten, if it gives (batch, features); what leaves the shape as it is; weights."""
    only(node, "allowzero")
    value, shape = draft.value(node, 0), draft.constant(node, 1).reshape(-1).tolist()
    if isinstance(value, Weights):
        whole = value.codes.reshape([int(size) for size in shape]).shape
        return value.shaped(whole, 0 if whole[0] == value.codes.shape[0] else len(whole) - 1)
    given = draft.shape(value)
    graph = [1, *given[:1], *given[1 + draft.length :]]
    if len(given) == 1 and len(shape) > 2:
        graph += [1] * (len(shape) - 2)
    if len(shape) == len(graph) and len(shape) != 2 and _keeps(shape, graph):
        return value
    features = prod(given)
    if len(shape) != 2 or shape[1] not in (-1, features) or shape == [-1, -1]:
        raise NetworkFileError(f"must give (batch, {features}), not {tuple(shape)}")
    return flattened(draft, node.name, value)


def _keeps(shape: list[int], given: list[int]) -> bool:
    """Whether a Reshape to `shape` changes nothing, whatever the batch is."""
    return shape.count(-1) <= 1 and all(
        one in (-1, 0, other) for one, other in zip(shape[1:], given[1:], strict=True)
    )


@handles("Squeeze")
def read_squeeze(draft: Draft, node: Node) -> Value:
    """A Flatten, if it takes height and width away; one of them may stay away."""
    only(node, "axes")
    value = draft.value(node, 0)
    if is_height_and_width(draft, node):
        return flattened(draft, node.name, value)
    shape = draft.shape(value)
    if draft.length and len(shape) == 3 and _axes(draft, node) in ([2], [-2]):
        return value  # of an image that was given a height of 1
    raise NetworkFileError("must take height and width away, axes 2 and 3")


@handles("Unsqueeze")
def read_unsqueeze(draft: Draft, node: Node) -> Value:
    """A vector, or a row of pixels, that the graph takes for an image."""
    only(node, "axes")
    value, axes = draft.value(node, 0), sorted(_axes(draft, node))
    shape = draft.shape(value)
    image = len(shape) == 1 and axes in ([2], [2, 3], [-2, -1], [-1])
    if not image and not (draft.length and len(shape) == 3 and axes in ([2], [-2])):
        raise NetworkFileError("must give a vector a height and a width, or a row a height")
    return value


def _axes(draft: Draft, node: Node) -> list[int]:
    """The node's axes, an attribute or its second input."""
    axes = np.array(node.attributes.get("axes", []), np.int64)
    return [int(axis) for axis in draft.constant(node, 1, axes).reshape(-1).tolist()]


@handles("Shape")
def read_shape(draft: Draft, node: Node) -> Value:
    """A constant; the batch is one image."""
    only(node, "start", "end")
    shape = draft.shape(draft.value(node, 0))
    whole = [1, *shape[:1], *shape[1 + draft.length :]]
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(whole))
    return Constant(np.array(whole[start:end], np.int64))


@handles("Pad")
def read_pad(draft: Draft, node: Node) -> Value:
    """A border, which the next layer takes over; or channels of code 0 behind the others."""
    only(node, "mode")
    if node.attributes.get("mode", "constant") != "constant":
        raise NetworkFileError("must have mode = constant")
    pads = draft.constant(node, 1).reshape(-1).tolist()
    if draft.length and len(pads) == 6:
        pads = [*pads[:2], 0, *pads[2:5], 0, pads[5]]
    constant = scalar(draft.constant(node, 2, np.zeros(1)), "value")
    source = plain_stream(draft, draft.value(node, 0))
    code = constant / source.scale + source.zero
    if not 0 <= code <= 255 or abs(code - round(code)) > 1e-3:
        raise NetworkFileError("pads with a value that no code stands for")
    shape = draft.shapes[source.layer]
    valid = len(pads) == 8 and all(0 <= int(p) <= MOST_SIZE for p in pads)
    if not valid or len(shape) != 3:
        raise NetworkFileError("must have 8 pads of at least 0, of an image")
    _, before, top, left, _, behind, bottom, right = (int(p) for p in pads)
    if pads[0] or pads[4] or before:
        raise NetworkFileError("must pad height and width, or behind the channels")
    if not behind:
        padding = paddings([top, left, bottom, right])
        return Activations(source, padding=padding, pad_code=round(code))
    if any((top, left, bottom, right)) or round(code) != 0:
        raise NetworkFileError("must add either a border or channels of code 0")
    layer = Shortcut(draft.unique(node.name), source.layer, channels=shape[0] + behind)
    return Activations(hand_on(draft, layer, source))


@handles("Slice")
def read_slice(draft: Draft, node: Node) -> Value:
    """Every so-many-th pixel of the whole image."""
    only(node)
    starts, ends, axes = (draft.constant(node, i).reshape(-1).tolist() for i in (1, 2, 3))
    steps = draft.constant(node, 4, np.ones(len(axes), np.int64)).reshape(-1).tolist()
    source = plain_stream(draft, draft.value(node, 0))
    shape = draft.shapes[source.layer]
    valid = len(shape) == 3 and [int(axis) % 4 for axis in axes] == [2, 3]
    valid = valid and starts == [0, 0] and len(ends) == len(steps) == 2
    if not valid or any(int(e) < s for e, s in zip(ends, shape[1:], strict=True)):
        raise NetworkFileError("must keep every n-th pixel of the whole height and width")
    if not all(1 <= int(step) <= MOST_SIZE for step in steps):
        raise NetworkFileError("must have steps of at least 1")
    stride = int(steps[0]), int(steps[1])
    layer = Shortcut(draft.unique(node.name), source.layer, channels=shape[0], stride=stride)
    return Activations(hand_on(draft, layer, source))


def is_height_and_width(draft: Draft, node: Node) -> bool:
    """Whether the node's axes, an attribute or its second input, are height and width."""
    found = _axes(draft, node)
    if draft.length and found in ([2], [-1]):
        return True
    return sorted(axis % 4 for axis in found) == [2, 3]
