"""Layers that say themselves what they make of codes: tables, joins, moves, products of codes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from truncmac.golden import Layer
from truncmac.golden.coders import CODES, Concat, DepthToSpace, Lookup, Scale, Upsample

from .graph import PlainGraph
from .requantisation import clamped_codes

__all__ = ["WRITERS"]

INT32, INT64, UINT8 = TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8


def _lookup(graph: PlainGraph, layer: Lookup) -> None:
    """Each code, of channel c, is entry code + 256 c of all tables behind each other."""
    name, shape = layer.name, graph.shapes[layer.name]
    table = graph.network.tensors[f"{name}.table"].astype(np.uint8, copy=False)
    entry = graph.cast(f"{name}/entry", graph.values[layer.input], shape, INT32)
    if table.ndim == 2:
        first = np.arange(len(table)).reshape(-1, *[1] * (len(shape) - 1)) * CODES
        begins = graph.constant(f"{name}/begins", first, np.int32)
        entry = graph.to(f"{name}/entry_of_channel", "Add", [entry, begins], shape, INT32)
    entries = graph.constant(f"{name}/table", table.ravel(), np.uint8)
    graph.node(name, "Gather", [entries, entry], shape, UINT8, name=name)


def _concat(graph: PlainGraph, layer: Concat) -> None:
    values = [graph.values[source] for source in layer.sources]
    shape = graph.shapes[layer.name]
    graph.node(layer.name, "Concat", values, shape, UINT8, name=layer.name, axis=1)


def _upsample(graph: PlainGraph, layer: Upsample) -> None:
    """Each pixel repeated: it gets two axes of its own, which Expand makes as long as they are."""
    name, shape, (high, wide) = layer.name, graph.shapes[layer.name], layer.factor
    channels, height, width = graph.shapes[layer.input]
    apart, long = (channels, height, 1, width, 1), (channels, height, high, width, wide)
    inputs = [graph.values[layer.input], graph.vector([0, *apart])]
    pixels = graph.to(f"{name}/apart", "Reshape", inputs, apart, UINT8)
    repeated = graph.to(f"{name}/long", "Expand", [pixels, graph.vector([1, *long])], long, UINT8)
    inputs = [repeated, graph.vector([0, *shape])]
    graph.node(name, "Reshape", inputs, shape, UINT8, name=name)


def _depth_to_space(graph: PlainGraph, layer: DepthToSpace) -> None:
    name, shape, (high, wide) = layer.name, graph.shapes[layer.name], layer.block
    channels, height, width = graph.shapes[layer.input]
    apart = (channels // (high * wide), high, wide, height, width)
    inputs = [graph.values[layer.input], graph.vector([0, *apart])]
    blocks = graph.to(f"{name}/blocks", "Reshape", inputs, apart, UINT8)
    moved = (apart[0], height, high, width, wide)
    order = [0, 1, 4, 2, 5, 3]
    pixels = graph.to(f"{name}/moved", "Transpose", [blocks], moved, UINT8, perm=order)
    inputs = [pixels, graph.vector([0, *shape])]
    graph.node(name, "Reshape", inputs, shape, UINT8, name=name)


def _scale(graph: PlainGraph, layer: Scale) -> None:
    """M (a - zero) (b - by_zero) + B, shifted and clamped."""
    name, shape = layer.name, graph.shapes[layer.name]
    factors = []
    for what, source, zero in (("a", layer.input, layer.zero), ("b", layer.by, layer.by_zero)):
        own = graph.shapes[source]
        factor = graph.cast(f"{name}/{what}", graph.values[source], own, INT64)
        inputs = [factor, graph.number(zero, INT64)]
        factor = graph.to(f"{name}/{what}_less_zero", "Sub", inputs, own, INT64)
        if len(own) < len(shape):
            own = (*own, *[1] * (len(shape) - len(own)))
            inputs = [factor, graph.vector([0, *own])]
            factor = graph.to(f"{name}/{what}_image", "Reshape", inputs, own, INT64)
        factors.append(factor)
    params = layer.requantisation(graph.network.tensors)
    product = graph.to(f"{name}/product", "Mul", factors, shape, INT64)
    inputs = [product, graph.number(int(params.multiplier[0]), INT64)]
    scaled = graph.to(f"{name}/scaled", "Mul", inputs, shape, INT64)
    inputs = [scaled, graph.number(int(params.bias[0]), INT64)]
    affine = graph.to(f"{name}/affine", "Add", inputs, shape, INT64)
    clamped_codes(graph, layer, affine, params)


WRITERS: Mapping[type[Layer], Callable[[PlainGraph, Any], None]] = {
    Concat: _concat,
    DepthToSpace: _depth_to_space,
    Lookup: _lookup,
    Scale: _scale,
    Upsample: _upsample,
}
