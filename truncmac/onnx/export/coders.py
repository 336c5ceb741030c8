"""Layers that make codes of codes: tables, joins, upsampling, products of codes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from truncmac.golden import Concat, DepthToSpace, Layer, Lookup, Scale, Upsample

from .graph import GraphWriter, column

__all__ = ["CODERS"]


def _lookup(graph: GraphWriter, layer: Lookup) -> None:
    """A Gather of the table; of one for each channel, all of them in a row."""
    name, shape = layer.name, graph.shapes[layer.name]
    table = graph.network.tensors[f"{name}.table"]
    index = graph.cast(f"{name}/index", graph.values[layer.input], shape, TensorProto.INT64)
    if table.ndim == 2:
        first = column(np.arange(len(table)) * table.shape[1], shape)
        starts = graph.constant(graph.free(f"{name}/starts"), first, np.int64)
        place = graph.free(f"{name}/place")
        index = graph.node(place, "Add", [index, starts], shape, TensorProto.INT64)
    flat = graph.constant(graph.free(f"{name}/table"), table.reshape(-1), np.float32)
    graph.node(name, "Gather", [flat, index], shape, name=name, axis=0)


def _concat(graph: GraphWriter, layer: Concat) -> None:
    values = [graph.values[source] for source in layer.sources]
    graph.node(layer.name, "Concat", values, graph.shapes[layer.name], name=layer.name, axis=1)


def _upsample(graph: GraphWriter, layer: Upsample) -> None:
    name, shape = layer.name, graph.shapes[layer.name]
    scales = graph.constant(graph.free(f"{name}/scales"), [1, 1, *layer.factor], np.float32)
    way: dict[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    inputs = [graph.values[layer.input], "", scales]
    graph.node(name, "Resize", inputs, shape, name=name, mode="nearest", **way)


def _depth_to_space(graph: GraphWriter, layer: DepthToSpace) -> None:
    name, (high, wide) = layer.name, layer.block
    if high != wide:
        raise ValueError(f"Layer {name!r} has blocks of {layer.block}; QONNX has square ones only")
    inputs, shape = [graph.values[layer.input]], graph.shapes[name]
    graph.node(name, "DepthToSpace", inputs, shape, name=name, blocksize=high, mode="CRD")


def _scale(graph: GraphWriter, layer: Scale) -> None:
    raise ValueError(
        f"Layer {layer.name!r} multiplies codes by codes, for which QONNX has no exact form here"
    )


CODERS: Mapping[type[Layer], Callable[[GraphWriter, Any], None]] = {
    Concat: _concat,
    DepthToSpace: _depth_to_space,
    Lookup: _lookup,
    Scale: _scale,
    Upsample: _upsample,
}
