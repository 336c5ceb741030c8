"""Sums S of a layer of weights, exact in floats: in several parts where float32 is too narrow."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from truncmac.golden import Conv2d, Product, integer_weights
from truncmac.golden.exact import EXACT_FLOAT32
from truncmac.golden.layers import sides
from truncmac.golden.types import Integers

from .graph import GraphWriter

__all__ = ["write_sums"]


def write_sums(graph: GraphWriter, layer: Product, bits: int, weights: str) -> str:
    """S as float64, of the layer's input and the tensor `weights`."""
    if isinstance(layer, Conv2d):
        return _convolution(graph, layer, bits, weights)
    return _matrix_product(graph, layer, bits, weights)


def _matrix_product(graph: GraphWriter, layer: Product, bits: int, weights: str) -> str:
    """A MatMul, of float64 numbers where float32 does not hold its sums."""
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    kind = TensorProto.FLOAT
    magnitudes = _magnitudes(graph, layer, bits).sum(1, dtype=np.int64)
    if int(magnitudes.max()) * graph.largest[layer.input] >= EXACT_FLOAT32:
        kind = TensorProto.DOUBLE
        matrix = graph.free(f"{name}/weights64")
        size = graph.network.weights(layer).T.shape
        weights = graph.node(matrix, "Cast", [weights], size, kind, whole=True, to=kind)
        value = graph.cast(f"{name}/input64", value, graph.shapes[layer.input], kind)
    sums = graph.node(
        graph.free(f"{name}/sums"), "MatMul", [value, weights], shape, kind, name=name
    )
    return graph.cast(f"{name}/sums64", sums, shape, TensorProto.DOUBLE)


def _convolution(graph: GraphWriter, layer: Conv2d, bits: int, weights: str) -> str:
    """A Conv; or one for each range of input channels whose sums float32 holds, added up."""
    name, value, shape = layer.name, graph.values[layer.input], graph.shapes[layer.name]
    largest = graph.largest[layer.input]
    pads = sides(layer.padding)
    if layer.pad_code and any(pads):
        largest = max(largest, layer.pad_code)
        before = graph.shapes[layer.input]
        value = graph.bordered(name, value, before, layer.padding, layer.pad_code)
        pads = (0, 0, 0, 0)
    magnitudes = _magnitudes(graph, layer, bits).sum((2, 3), dtype=np.int64)
    parts = list(_parts(name, magnitudes * largest))
    if len(parts) > 1 and layer.groups > 1:
        raise ValueError(
            f"Layer {name!r} has {layer.groups} groups whose sums float32 does not hold exactly; "
            "QONNX has no form for them"
        )
    found = []
    for part in parts:
        pair = [value, weights]
        attributes: dict[str, Any] = {"strides": layer.stride, "pads": pads}
        attributes |= {} if layer.groups == 1 else {"group": layer.groups}
        attributes |= {} if layer.dilation == (1, 1) else {"dilations": layer.dilation}
        if len(parts) == 1:
            attributes["name"] = name
        else:
            pair = _channels(graph, layer, pair, part, pads)
        sums = graph.node(graph.free(f"{name}/sums"), "Conv", pair, shape, **attributes)
        found.append(graph.cast(f"{name}/sums64", sums, shape, TensorProto.DOUBLE))
    total = found[0]
    for addend in found[1:]:
        total = graph.double(f"{name}/total", "Add", [total, addend], shape)
    return total


def _magnitudes(graph: GraphWriter, layer: Product, bits: int) -> Integers:
    """|W| of a layer, as its codes lie."""
    codes = graph.network.weights(layer)
    return np.abs(integer_weights(codes, bits, layer.offset))


def _parts(name: str, bounds: Integers) -> Iterator[tuple[int, int]]:
    """Ranges of input channels whose sums float32 holds; `bounds` (O, I) is each one's largest."""
    start, total = 0, np.zeros(len(bounds), np.int64)
    for channel, bound in enumerate(bounds.T):
        if bound.max() >= EXACT_FLOAT32:
            raise ValueError(
                f"Layer {name!r}: the sum over one input channel can reach {bound.max()}, which "
                "float32 does not hold exactly; QONNX has no form for so large a kernel"
            )
        if (total + bound).max() >= EXACT_FLOAT32:
            yield start, channel
            start, total = channel, np.zeros_like(total)
        total = total + bound
    yield start, bounds.shape[1]


def _channels(
    graph: GraphWriter,
    layer: Conv2d,
    pair: Sequence[str],
    part: tuple[int, int],
    pads: Sequence[int],
) -> list[str]:
    """Input and weights, `pair`, of the input channels from `part[0]` to before `part[1]`."""
    start, stop = part
    _, height, width = graph.shapes[layer.input]
    if not any(pads):  # padded already, or not at all
        top, left, bottom, right = sides(layer.padding) if layer.pad_code else (0, 0, 0, 0)
        height, width = height + top + bottom, width + left + right
    outputs, _, *kernel = graph.network.tensors[f"{layer.name}.codes"].shape
    bounds = [
        graph.constant(f"const/{name}", [value], np.int64)
        for name, value in ((f"at_{start}", start), (f"at_{stop}", stop), ("axis_1", 1))
    ]
    sliced = (stop - start, height, width)
    image = graph.node(graph.free(f"{layer.name}/part"), "Slice", [pair[0], *bounds], sliced)
    weights = graph.node(
        graph.free(f"{layer.name}/weights_part"),
        "Slice",
        [pair[1], *bounds],
        (outputs, stop - start, *kernel),
        whole=True,
    )
    return [image, weights]
