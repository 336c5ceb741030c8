"""Layers without weights: pools, shortcuts and flattening. They take codes and give codes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from truncmac.golden import AvgPool, Flatten, Layer, MaxPool, Shortcut
from truncmac.golden.exact import EXACT_FLOAT64
from truncmac.golden.layers import sides
from truncmac.golden.requantise import largest_value

from .graph import GraphWriter

__all__ = ["WRITERS"]

MOST_POOLED = 1 << 20  # a float32 mean gives a sum up to here back by rounding


def _max_pool(graph: GraphWriter, layer: MaxPool) -> None:
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    pads = sides(layer.padding)
    sizes: dict[str, Any] = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": pads}
    graph.node(name, "MaxPool", [value], shape, name=name, **sizes)


def _avg_pool(graph: GraphWriter, layer: AvgPool) -> None:
    """The mean of the codes, rounded half up: the exact sum, divided once; or requantised."""
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    before, largest = graph.shapes[layer.input], graph.largest[layer.input]
    kernel = layer.kernel or (before[1], before[2])
    count = kernel[0] * kernel[1]
    if count * largest > MOST_POOLED:
        raise ValueError(
            f"Layer {name!r} averages {count} codes of up to {largest}; QONNX has "
            f"no exact form for more than {MOST_POOLED // largest}"
        )
    mean = graph.free(f"{name}/mean")
    if layer.kernel is None:
        graph.node(mean, "GlobalAveragePool", [value], shape, name=name)
    else:
        sizes: dict[str, Any] = {"kernel_shape": kernel, "strides": layer.stride or kernel}
        graph.node(mean, "AveragePool", [value], shape, name=name, **sizes)
    number = graph.scalars((f"count_{count}", count))
    total = graph.node(graph.free(f"{name}/times"), "Mul", [mean, *number], shape)
    total = graph.node(graph.free(f"{name}/sum"), "Round", [total], shape)
    if layer.out_bits is not None:
        _requantised(graph, layer, total, count * largest)
        return
    exact = graph.node(graph.free(f"{name}/exact"), "Div", [total, *number], shape)
    graph.quant(name, exact, shape, largest.bit_length(), "HALF_UP")


def _requantised(graph: GraphWriter, layer: AvgPool, total: str, largest: int) -> None:
    """(M*S + B) / 2**s of whole sums S up to `largest` in float64, then Floor and Quant."""
    name, shape, params = layer.name, graph.shapes[layer.name], layer.requant
    if params is None or layer.out_bits is None:
        raise TypeError(f"Layer {name!r} has no parameters")
    if largest_value(params, largest) >= EXACT_FLOAT64:
        raise ValueError(f"Layer {name!r}: its means need more than the 53 bits of float64")
    unit = np.exp2(-params.shift.astype(np.float64))
    value = graph.cast(f"{name}/sum64", total, shape, TensorProto.DOUBLE)
    for what, op, numbers in (
        ("multiplier", "Mul", params.multiplier),
        ("bias", "Add", params.bias),
        ("floor", "Floor", None),
    ):
        inputs = [value]
        if numbers is not None:
            inputs.append(graph.constant(f"{name}/{what}", (numbers * unit)[0], np.float64))
        value = graph.double(f"{name}/{what}_done", op, inputs, shape)
    narrow = graph.cast(f"{name}/float", value, shape, TensorProto.FLOAT)
    graph.quant(name, narrow, shape, layer.out_bits, "ROUND")
    graph.largest[name] = (1 << layer.out_bits) - 1


def _shortcut(graph: GraphWriter, layer: Shortcut) -> None:
    """A Slice that keeps every so-many-th pixel, and a Pad that adds channels of code 0."""
    name, shape = layer.name, graph.shapes[layer.name]
    channels, height, width = graph.shapes[layer.input]
    bounds = [
        graph.constant(graph.free(f"{name}/{what}"), values, np.int64)
        for what, values in (
            ("starts", [0, 0]),
            ("ends", [height, width]),
            ("axes", [2, 3]),
            ("steps", layer.stride),
        )
    ]
    inputs = [graph.values[layer.input], *bounds]
    kept = graph.node(graph.free(f"{name}/kept"), "Slice", inputs, (channels, *shape[1:]))
    pads = [0, 0, 0, 0, 0, layer.channels - channels, 0, 0]
    graph.pad(name, kept, shape, pads, owner=name, name=name)


def _flatten(graph: GraphWriter, layer: Flatten) -> None:
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    graph.node(name, "Flatten", [value], shape, name=name, axis=1)


WRITERS: Mapping[type[Layer], Callable[[GraphWriter, Any], None]] = {
    AvgPool: _avg_pool,
    Flatten: _flatten,
    MaxPool: _max_pool,
    Shortcut: _shortcut,
}
