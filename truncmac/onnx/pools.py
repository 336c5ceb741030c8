"""Pools: MaxPool, AveragePool, GlobalAveragePool, and ReduceMean over height and width."""

from dataclasses import replace

from truncmac.golden import AvgPool, MaxPool, NetworkFileError
from truncmac.golden.types import Pair

from .attributes import only, pads_of, pair_of
from .draft import Draft
from .read import Node
from .registry import handles
from .shapes import is_height_and_width
from .streams import flattened, hand_on, plain_stream
from .values import Activations, Mean, Value

__all__ = ["read_average_pool", "read_global_average_pool", "read_max_pool", "read_reduce_mean"]


@handles("MaxPool")
def read_max_pool(draft: Draft, node: Node) -> Value:
    """The largest code of each window; it takes over a Pad before it."""
    only(node, "kernel_shape", "strides", "pads", "dilations", "ceil_mode", "storage_order")
    if node.attributes.get("dilations", [1, 1]) != [1, 1] or len(node.outputs) > 1:
        raise NetworkFileError("must have no dilations and no second output")
    if node.attributes.get("ceil_mode", 0):
        raise NetworkFileError("must have ceil_mode = 0")
    kernel, stride = pair_of(node, "kernel_shape", None), pair_of(node, "strides", 1)
    padding, value = pads_of(node), draft.value(node, 0)
    if isinstance(value, Activations) and value.padding != (0, 0):
        if padding != (0, 0) or value.pad_code != 0:
            raise NetworkFileError("must follow a Pad only with the smallest value")
        padding, value = value.padding, replace(value, padding=(0, 0))
    source = plain_stream(draft, value)
    layer = MaxPool(
        draft.unique(node.name), source.layer, kernel=kernel, stride=stride, padding=padding
    )
    return Activations(hand_on(draft, layer, source))


@handles("AveragePool")
def read_average_pool(draft: Draft, node: Node) -> Value:
    """The mean code of each window."""
    only(node, "kernel_shape", "strides", "pads", "ceil_mode", "count_include_pad")
    if pads_of(node) != (0, 0) or node.attributes.get("ceil_mode", 0):
        raise NetworkFileError("must have no padding and ceil_mode = 0")
    kernel, stride = pair_of(node, "kernel_shape", None), pair_of(node, "strides", 1)
    return _averaged(draft, node, kernel, stride)


@handles("GlobalAveragePool")
def read_global_average_pool(draft: Draft, node: Node) -> Value:
    """The mean code of each channel's whole image."""
    only(node)
    return _averaged(draft, node)


@handles("ReduceMean")
def read_reduce_mean(draft: Draft, node: Node) -> Value:
    """A GlobalAveragePool under another name, if it is over height and width."""
    only(node, "axes", "keepdims", "noop_with_empty_axes")
    if not is_height_and_width(draft, node):
        raise NetworkFileError("must average height and width, axes 2 and 3")
    mean = _averaged(draft, node)
    flat = not node.attributes.get("keepdims", 1)
    return flattened(draft, node.name, mean) if flat else mean


def _averaged(
    draft: Draft, node: Node, kernel: Pair | None = None, stride: Pair | None = None
) -> Mean:
    """The mean code of each window, rounded half up; of the whole image without `kernel`."""
    source = plain_stream(draft, draft.value(node, 0))
    height, width = kernel or draft.shapes[source.layer][1:]
    layer = AvgPool(draft.unique(node.name), source.layer, kernel=kernel, stride=stride)
    return Mean(hand_on(draft, layer, source), height * width)
