"""Operations that join, repeat or fold pixels of codes: Concat, Resize, DepthToSpace."""

from dataclasses import replace

import numpy as np

from truncmac.golden import CodeLayer, DepthToSpace, NetworkFileError, Upsample
from truncmac.golden.types import Pair

from .attributes import MOST_SIZE, only
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import hand_on, plain_stream
from .values import Activations, Joined, Sums, Value

__all__ = ["moved", "read_concat", "read_depth_to_space", "read_resize"]


def moved(draft: Draft, value: Value, layer: CodeLayer) -> Value:
    """`value` behind a layer that only moves codes; where sums are not quantised yet, later."""
    if isinstance(value, Sums):
        if value.floor:
            raise NetworkFileError("comes after a Floor; put a Quant between them")
        found = replace(value, after=(*value.after, layer))
        draft.shape(found)
        return found
    source = plain_stream(draft, value)
    layer = replace(layer, name=draft.unique(layer.name), input=source.layer)
    return Activations(hand_on(draft, layer, source))


@handles("Concat")
def read_concat(draft: Draft, node: Node) -> Value:
    """Channels of several tensors behind each other."""
    only(node, "axis")
    values = [draft.value(node, index) for index in range(len(node.inputs))]
    shapes = [draft.shape(value) for value in values]
    axis, rank = int(node.attributes.get("axis", 0)), len(shapes[0]) + 1 - draft.length
    if axis % max(rank, 2) != 1:
        raise NetworkFileError("must join channels, axis 1")
    if any(len(shape) != len(shapes[0]) or shape[1:] != shapes[0][1:] for shape in shapes):
        raise NetworkFileError("joins tensors of different sizes")
    return Joined(tuple(values))


@handles("Resize", "Upsample")
def read_resize(draft: Draft, node: Node) -> Value:
    """Each pixel repeated a whole number of times."""
    attributes = node.attributes
    if attributes.get("mode", "nearest") != "nearest":
        raise NetworkFileError("must have mode = nearest")
    value = draft.value(node, 0)
    factor = _factor(draft, node, draft.shape(value))
    old = node.op == "Upsample" or len(node.inputs) == 2  # before opset 11: pixel y // factor
    way = attributes.get("coordinate_transformation_mode", "half_pixel")
    rounding = str(attributes.get("nearest_mode", "round_prefer_floor"))
    centred = way in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
    floors = rounding == "floor" or (rounding == "round_prefer_floor" and max(factor) <= 2)
    if not (old or (centred and "round" in rounding) or (way == "asymmetric" and floors)):
        raise NetworkFileError(f"takes its nearest pixels by {way} and {rounding}, not evenly")
    return moved(draft, value, Upsample(node.name, "", factor=factor))


def _factor(draft: Draft, node: Node, shape: tuple[int, ...]) -> Pair:
    """How many times as high and wide an image becomes."""
    scales = _numbers(draft, node, 1 if len(node.inputs) == 2 else 2)
    scales = scales or [float(v) for v in node.attributes.get("scales", [])]
    if not scales:
        sizes = _numbers(draft, node, 3)
        whole = [1, shape[0], *shape[1 + draft.length :]]
        if len(sizes) == len(whole):
            scales = [a / b for a, b in zip(sizes, whole, strict=True)]
    scales = [*scales[:2], 1.0, *scales[2:]] if draft.length and len(scales) == 3 else scales
    valid = len(scales) == 4 and scales[0] == 1 and scales[1] == 1 and len(shape) == 3
    if not valid or not all(1 <= v <= MOST_SIZE and v == int(v) for v in scales[2:]):
        raise NetworkFileError("must repeat pixels a whole number of times")
    return int(scales[2]), int(scales[3])


def _numbers(draft: Draft, node: Node, index: int) -> list[float]:
    return [float(v) for v in draft.constant(node, index, np.zeros(0)).reshape(-1).tolist()]


@handles("DepthToSpace")
def read_depth_to_space(draft: Draft, node: Node) -> Value:
    """Channels become pixels, the channels outermost."""
    only(node, "blocksize", "mode")
    block, value = node.attributes.get("blocksize", 0), draft.value(node, 0)
    if not isinstance(block, int) or not 1 <= block <= 256:
        raise NetworkFileError("must have a blocksize of at least 1")
    alone = draft.shape(value)[0] == block * block  # of one channel both orders are the same
    if node.attributes.get("mode", "DCR") != "CRD" and not alone:
        raise NetworkFileError("must have mode = CRD")
    return moved(draft, value, DepthToSpace(node.name, "", block=(block, block)))
