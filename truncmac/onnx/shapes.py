"""Operations that move or leave out codes, and compute nothing: Flatten, Pad, Slice and others."""

import numpy as np

from truncmac.golden import NetworkFileError, Shortcut

from .attributes import MOST_SIZE, only
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import flattened, hand_on, plain_stream, source_of
from .values import Activations, Constant, Value, scalar
from .weights import Weights

__all__ = [
    "is_height_and_width",
    "read_flatten",
    "read_pad",
    "read_reshape",
    "read_slice",
    "read_squeeze",
    "read_transpose",
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
    """A Flatten, if it gives (batch, features)."""
    only(node, "allowzero")
    value, shape = draft.value(node, 0), draft.constant(node, 1).reshape(-1).tolist()
    if isinstance(value, Constant):
        raise NetworkFileError("reshapes a constant; fold that into the constant")
    features = int(np.prod(draft.shapes[source_of(draft, value).layer]))
    if len(shape) != 2 or shape[1] not in (-1, features) or shape == [-1, -1]:
        raise NetworkFileError(f"must give (batch, {features}), not {tuple(shape)}")
    return flattened(draft, node.name, value)


@handles("Squeeze")
def read_squeeze(draft: Draft, node: Node) -> Value:
    """A Flatten, if it takes height and width away."""
    only(node, "axes")
    if not is_height_and_width(draft, node):
        raise NetworkFileError("must take height and width away, axes 2 and 3")
    return flattened(draft, node.name, draft.value(node, 0))


@handles("Transpose")
def read_transpose(draft: Draft, node: Node) -> Value:
    """Only a matrix of weights is transposed."""
    only(node, "perm")
    value = draft.value(node, 0)
    if isinstance(value, Weights) and value.codes.ndim == 2:
        if node.attributes.get("perm", [1, 0]) != [1, 0]:
            raise NetworkFileError("must exchange both axes of the weights")
        return value.transposed()
    raise NetworkFileError("transposes something other than a matrix of weights")


@handles("Pad")
def read_pad(draft: Draft, node: Node) -> Value:
    """A border, which the next layer takes over; or channels of code 0 behind the others."""
    only(node, "mode")
    if node.attributes.get("mode", "constant") != "constant":
        raise NetworkFileError("must have mode = constant")
    pads = draft.constant(node, 1).reshape(-1).tolist()
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
    if pads[0] or pads[4] or before or (top, left) != (bottom, right):
        raise NetworkFileError("must pad alike on opposite sides, or behind the channels")
    if not behind:
        return Activations(source, padding=(top, left), pad_code=round(code))
    if (top, left) != (0, 0) or round(code) != 0:
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
    axes = np.array(node.attributes.get("axes", []), np.int64)
    found = draft.constant(node, 1, axes).reshape(-1).tolist()
    return sorted(int(axis) % 4 for axis in found) == [2, 3]
