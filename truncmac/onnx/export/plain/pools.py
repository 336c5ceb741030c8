"""Layers without weights: pools, shortcuts and flattening. They take codes and give codes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from truncmac.golden import AvgPool, Flatten, Layer, MaxPool, Shortcut
from truncmac.golden.layers import sides

from .graph import PlainGraph
from .requantisation import clamped_codes

__all__ = ["WRITERS"]

MOST_POOLED = (1 << 31) - 1


def _max_pool(graph: PlainGraph, layer: MaxPool) -> None:
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    pads = sides(layer.padding)
    sizes: dict[str, Any] = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": pads}
    graph.node(name, "MaxPool", [value], shape, TensorProto.UINT8, name=name, **sizes)


def _avg_pool(graph: PlainGraph, layer: AvgPool) -> None:
    """The mean of the codes, rounded half up: (2 * sum + count) // (2 * count); or requantised."""
    name, shape = layer.name, graph.shapes[layer.name]
    channels, height, width = graph.shapes[layer.input]
    kernel = layer.kernel or (height, width)
    stride, count = layer.stride or kernel, kernel[0] * kernel[1]
    if count * graph.largest[layer.input] > MOST_POOLED:
        raise ValueError(f"Layer {name!r} averages {count} codes, whose sum can exceed 32 bits")
    ones = graph.constant(f"{name}/ones", np.ones((channels, 1, *kernel)), np.uint8)
    attributes: dict[str, Any] = {"strides": stride, "group": channels}
    inputs = [graph.values[layer.input], ones]
    total = graph.to(f"{name}/sum", "ConvInteger", inputs, shape, TensorProto.INT32, **attributes)
    wide = graph.cast(f"{name}/sum64", total, shape, TensorProto.INT64)
    params = layer.requant

    def with_number(what: str, op: str, value: str, number: int) -> str:
        constant = graph.number(number, TensorProto.INT64)
        return graph.to(f"{name}/{what}", op, [value, constant], shape, TensorProto.INT64)

    if params is not None:
        scaled = with_number("scaled", "Mul", wide, int(params.multiplier[0]))
        affine = with_number("affine", "Add", scaled, int(params.bias[0]))
        clamped_codes(graph, layer, affine, params)
        return
    twice = with_number("twice", "Mul", wide, 2)
    half_more = with_number("half_more", "Add", twice, count)
    # Nothing is negative, so that a division that drops the fraction rounds down
    graph.codes(name, with_number("mean", "Div", half_more, 2 * count), shape)


def _shortcut(graph: PlainGraph, layer: Shortcut) -> None:
    """A Slice that keeps every so-many-th pixel, and a Pad that adds channels of code 0."""
    name, shape, kind = layer.name, graph.shapes[layer.name], TensorProto.UINT8
    channels, height, width = graph.shapes[layer.input]
    bounds = [graph.vector(values) for values in ([0, 0], [height, width], [2, 3], layer.stride)]
    inputs = [graph.values[layer.input], *bounds]
    kept = graph.to(f"{name}/kept", "Slice", inputs, (channels, *shape[1:]), kind)
    pads = [0, 0, 0, 0, 0, layer.channels - channels, 0, 0]
    inputs = [kept, graph.vector(pads), graph.number(0, kind)]
    graph.node(name, "Pad", inputs, shape, kind, name=name, mode="constant")


def _flatten(graph: PlainGraph, layer: Flatten) -> None:
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    graph.node(name, "Flatten", [value], shape, TensorProto.UINT8, name=name, axis=1)


WRITERS: Mapping[type[Layer], Callable[[PlainGraph, Any], None]] = {
    AvgPool: _avg_pool,
    Flatten: _flatten,
    MaxPool: _max_pool,
    Shortcut: _shortcut,
}
