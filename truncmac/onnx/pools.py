"""Pools: MaxPool, AveragePool, GlobalAveragePool, and ReduceMean over height and width."""

from dataclasses import replace

from truncmac.golden import AvgPool, MaxPool, NetworkFileError, output_shape
from truncmac.golden.layers import sides
from truncmac.golden.types import Padding, Pair

from .attributes import only, paddings, pads_of, pair_of
from .draft import Draft
from .read import Node
from .registry import handles
from .shapes import is_height_and_width
from .streams import flattened, hand_on, plain_stream
from .values import Activations, Mean, Sums, Value

__all__ = [
    "read_average_pool",
    "read_global_average_pool",
    "read_global_max_pool",
    "read_max_pool",
    "read_reduce_mean",
]


@handles("MaxPool")
def read_max_pool(draft: Draft, node: Node) -> Value:
    """The largest code of each window; it takes over a Pad before it."""
    only(
        node,
        *("kernel_shape", "strides", "pads", "dilations", "ceil_mode", "storage_order"),
        "auto_pad",
    )
    if node.attributes.get("dilations", [1, 1]) != [1, 1] or any(node.outputs[1:]):
        raise NetworkFileError("must have no dilations and no second output")
    kernel, stride = pair_of(node, "kernel_shape", None), pair_of(node, "strides", 1)
    value = draft.value(node, 0)
    size = _size(draft, value)
    padding = _rounded_up(node, size, kernel, stride, pads_of(node, size, kernel, stride))
    if isinstance(value, Activations) and any(value.padding):
        if any(padding) or value.pad_code != 0:
            raise NetworkFileError("must follow a Pad only with the smallest value")
        padding, value = value.padding, replace(value, padding=(0, 0))
    return _pooled(draft, value, MaxPool(node.name, "", kernel, stride, padding))


@handles("GlobalMaxPool", "ReduceMax")
def read_global_max_pool(draft: Draft, node: Node) -> Value:
    """The largest code of each channel's whole image."""
    only(node, "axes", "keepdims", "noop_with_empty_axes")
    if node.op == "ReduceMax" and not is_height_and_width(draft, node):
        raise NetworkFileError("must take the largest of height and width, axes 2 and 3")
    value = draft.value(node, 0)
    size = _size(draft, value)
    found = _pooled(draft, value, MaxPool(node.name, "", size, size))
    return found if node.attributes.get("keepdims", 1) else flattened(draft, node.name, found)


def _pooled(draft: Draft, value: Value, layer: MaxPool) -> Value:
    """The codes of a pool; one of sums is done with their codes, for rounding keeps order."""
    if isinstance(value, Sums):
        if value.floor:
            raise NetworkFileError("comes after a Floor; put a Quant between them")
        found = replace(value, after=(*value.after, layer), mapped=None)
        draft.shape(found)
        return found
    source = plain_stream(draft, value)
    layer = replace(layer, name=draft.unique(layer.name), input=source.layer)
    return Activations(hand_on(draft, layer, source))


def _size(draft: Draft, value: Value) -> Pair:
    """Height and width."""
    shape = draft.shape(value)
    if len(shape) != 3:
        raise NetworkFileError(f"takes an image, not {shape}")
    return shape[1], shape[2]


def _rounded_up(node: Node, size: Pair, kernel: Pair, stride: Pair, padding: Padding) -> Padding:
    """The padding with which a window that begins inside is whole, if ceil_mode asks for it."""
    if not node.attributes.get("ceil_mode", 0):
        return padding
    top, left, bottom, right = sides(padding)
    more = []
    for length, window, step, before, behind in zip(
        size, kernel, stride, (top, left), (bottom, right), strict=True
    ):
        over = (length + before + behind - window) % step
        begin = length + before + behind - window - over + step  # of the window that is not whole
        more.append(step - over if over and begin < length + before else 0)
    return paddings([top, left, bottom + more[0], right + more[1]])


@handles("AveragePool")
def read_average_pool(draft: Draft, node: Node) -> Value:
    """The mean of each window."""
    only(
        node,
        *("kernel_shape", "strides", "pads", "ceil_mode", "count_include_pad", "auto_pad"),
        "dilations",
    )
    kernel, stride = pair_of(node, "kernel_shape", None), pair_of(node, "strides", 1)
    size = _size(draft, draft.value(node, 0))
    padding = pads_of(node, size, kernel, stride)
    padding = _rounded_up(node, size, kernel, stride, padding)
    if any(padding) or pair_of(node, "dilations", 1) != (1, 1):
        raise NetworkFileError("must have no padding and ceil_mode = 0")
    return _averaged(draft, node, kernel, stride)


@handles("GlobalAveragePool")
def read_global_average_pool(draft: Draft, node: Node) -> Value:
    """The mean of each channel's whole image."""
    only(node)
    return _averaged(draft, node)


@handles("ReduceMean")
def read_reduce_mean(draft: Draft, node: Node) -> Value:
    """A GlobalAveragePool under another name, if it is over height and width."""
    only(node, "axes", "keepdims", "noop_with_empty_axes")
    if not is_height_and_width(draft, node):
        raise NetworkFileError("must average height and width, axes 2 and 3")
    mean = _averaged(draft, node)
    return replace(mean, flat=not node.attributes.get("keepdims", 1))


def _averaged(
    draft: Draft, node: Node, kernel: Pair | None = None, stride: Pair | None = None
) -> Mean:
    """The mean of each window; of the whole image without `kernel`."""
    source = plain_stream(draft, draft.value(node, 0))
    layer = AvgPool(node.name, source.layer, kernel=kernel, stride=stride)
    output_shape(layer, draft.shapes[source.layer], draft.codes)  # raises where none fits
    height, width = kernel or draft.shapes[source.layer][1:]
    return Mean(source, layer, height * width)
