"""Layers of weights: S = 2 D - z Q in 32 bits, then codes or logits in 64 bits.

D is ConvInteger or MatMulInteger of the codes, and Q the same with weights of 1. These operators
take a zero point h off the weights' codes: h = 2**(k - 1) leaves D - h Q, which is small. So S is
2 (D - h Q) + (2 h - z) Q; 2 h - z is 1 where weights are bipolar, and 0 in two's complement.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from truncmac.golden import Conv2d, Layer, Linear, Product, requantisation, weight_offset
from truncmac.golden.layers import sides
from truncmac.golden.product import scales
from truncmac.golden.types import Integers, Shape

from ..graph import column
from .graph import PlainGraph
from .requantisation import clamped_codes

__all__ = ["WRITERS"]

INT32, INT64, UINT8 = TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8
LIMIT_32, LIMIT_64 = 1 << 31, 1 << 63


def _product(graph: PlainGraph, layer: Product) -> None:
    bits, parameters = graph.widths[layer.name]
    sums = _sums(graph, layer, bits)
    params = requantisation(graph.network, layer, parameters)
    terms = scales(graph.network, layer, parameters)
    _check_64(graph, layer, bits, terms)
    value = _affine(graph, layer, sums, terms)
    if params is not None:
        clamped_codes(graph, layer, value, params)


def _sums(graph: PlainGraph, layer: Product, bits: int) -> str:
    """S as int64: where 32 bits are too few for all input channels, of some of them at a time."""
    codes = graph.network.weights(layer)
    shape, value = graph.shapes[layer.name], graph.values[layer.input]
    if isinstance(layer, Conv2d) and layer.pad_code:
        before = graph.shapes[layer.input]
        value = graph.border(layer.name, value, before, layer.padding, layer.pad_code)
    parts = list(_parts(graph, layer, bits))
    found = []
    for start, stop in parts:
        some, what = value, "codes"
        if len(parts) > 1:
            some, what = _channels(graph, layer, value, start, stop), f"codes_from_{start}"
        held = codes[:, start:stop] if isinstance(layer, Conv2d) else codes[:, start:stop].T
        constant = graph.constant(f"{layer.name}/{what}", held, np.uint8)
        sums = _part_of_sums(graph, layer, bits, some, constant, held.shape)
        found.append(graph.cast(f"{layer.name}/sums64", sums, shape, INT64))
    total = found[0]
    for addend in found[1:]:
        total = graph.to(f"{layer.name}/total", "Add", [total, addend], shape, INT64)
    return total


def _part_of_sums(
    graph: PlainGraph, layer: Product, bits: int, value: str, codes: str, size: Shape
) -> str:
    """S as int32 of 8-bit codes, a tensor of `size`, and the input channels that `value` has."""
    name, shape = layer.name, graph.shapes[layer.name]
    kept = graph.node(
        graph.free(f"{name}/top_bits"),
        "BitShift",
        [codes, graph.number(8 - bits, UINT8)],
        size,
        UINT8,
        whole=True,
        direction="RIGHT",
    )
    zeros = [graph.number(0, UINT8), graph.number(1 << bits - 1, UINT8)]
    half = _multiplied(graph, layer, "centred", [value, kept, *zeros], shape)
    sums = graph.to(f"{name}/doubled", "Add", [half, half], shape, INT32)
    times = (1 << bits) - weight_offset(bits, layer.offset)
    if times == 0:
        return sums
    if _groups(layer) == 1:
        size = (1, *size[1:]) if isinstance(layer, Conv2d) else (size[0], 1)
    ones = graph.constant("const/ones_" + "_".join(map(str, size)), np.ones(size), np.uint8)
    outputs = size[0] if isinstance(layer, Conv2d) else 1
    total = _multiplied(graph, layer, "row_sums", [value, ones], (outputs, *shape[1:]))
    if times != 1:
        inputs = [total, graph.number(times, INT32)]
        total = graph.to(f"{name}/row_sums_times", "Mul", inputs, (outputs, *shape[1:]), INT32)
    return graph.to(f"{name}/sums", "Add", [sums, total], shape, INT32)


def _multiplied(
    graph: PlainGraph, layer: Product, what: str, inputs: list[str], shape: Shape
) -> str:
    """A matrix product or convolution of codes, int32."""
    name = f"{layer.name}/{what}"
    if not isinstance(layer, Conv2d):
        return graph.to(name, "MatMulInteger", inputs, shape, INT32)
    # Those of another code are there already
    pads = (0, 0, 0, 0) if layer.pad_code else sides(layer.padding)
    attributes: dict[str, Any] = {
        "strides": layer.stride,
        "pads": pads,
        "dilations": layer.dilation,
        "group": layer.groups,
    }
    return graph.to(name, "ConvInteger", inputs, shape, INT32, **attributes)


def _parts(graph: PlainGraph, layer: Product, bits: int) -> Iterator[tuple[int, int]]:
    """Ranges of input channels that are as many as 32 bits hold the sums of."""
    _, channels, *kernel = graph.network.weights(layer).shape
    each = int(np.prod(kernel)) * _largest(graph, layer) * _weight(layer, bits)
    most = (LIMIT_32 - 1) // each
    if most < 1:
        raise ValueError(
            f"Layer {layer.name!r}: the sum over one input channel can exceed 32 bits; there is "
            "no form in ONNX's own operators for so large a kernel"
        )
    if _groups(layer) > 1 and most < channels:
        raise ValueError(
            f"Layer {layer.name!r}: the sum over {channels} input channels of a group can exceed "
            "32 bits; there is no form in ONNX's own operators for so large a group"
        )
    for start in range(0, channels, most):
        yield start, min(start + most, channels)


def _groups(layer: Product) -> int:
    return layer.groups if isinstance(layer, Conv2d) else 1


def _weight(layer: Product, bits: int) -> int:
    """No weight, and nothing that a code is multiplied by on the way to it, is larger."""
    offset = weight_offset(bits, layer.offset)
    return max(1 << bits, offset, (2 << bits) - 2 - offset)


def _largest(graph: PlainGraph, layer: Product) -> int:
    """No code that the layer multiplies is larger."""
    return max(graph.largest[layer.input], getattr(layer, "pad_code", 0))


def _channels(graph: PlainGraph, layer: Product, value: str, start: int, stop: int) -> str:
    """The input channels from `start` to before `stop` of a layer's input."""
    shape = graph.shapes[layer.input]
    if isinstance(layer, Conv2d) and layer.pad_code:
        top, left, bottom, right = sides(layer.padding)
        shape = (shape[0], shape[1] + top + bottom, shape[2] + left + right)
    bounds = [graph.vector([number]) for number in (start, stop, 1)]
    part = (stop - start, *shape[1:])
    return graph.to(f"{layer.name}/part", "Slice", [value, *bounds], part, UINT8)


def _affine(
    graph: PlainGraph, layer: Product, sums: str, terms: tuple[Integers, Integers, Integers | None]
) -> str:
    """M*S + Mr*r + B, which are a last layer's logits."""
    name, shape = layer.name, graph.shapes[layer.name]
    multiplier, bias, extra = terms
    value = _with(graph, layer, "Mul", "multiplier", sums, multiplier)
    if layer.residual is not None and extra is not None:
        residual = graph.cast(f"{name}/residual", graph.values[layer.residual], shape, INT64)
        added = _with(graph, layer, "Mul", "residual_multiplier", residual, extra)
        value = graph.to(f"{name}/added", "Add", [value, added], shape, INT64)
    output = name if layer.out_bits is None else graph.free(f"{name}/affine")
    constant = graph.constant(f"{name}/bias", column(bias, shape), np.int64)
    return graph.node(output, "Add", [value, constant], shape, INT64)


def _with(
    graph: PlainGraph, layer: Product, op: str, what: str, value: str, numbers: Integers
) -> str:
    """`value` with a number (O,) of each channel, int64."""
    name, shape = layer.name, graph.shapes[layer.name]
    constant = graph.constant(f"{name}/{what}", column(numbers, shape), np.int64)
    return graph.to(f"{name}/{what}_result", op, [value, constant], shape, INT64)


def _check_64(
    graph: PlainGraph,
    layer: Product,
    bits: int,
    terms: tuple[Integers, Integers, Integers | None],
) -> None:
    """No value may need more than 64 bits, whatever the input is."""
    most = graph.network.reduction(layer) * _largest(graph, layer) * _weight(layer, bits)
    multiplier, bias, extra = (
        0 if term is None else max(map(abs, term.tolist())) for term in terms
    )
    bound = multiplier * most + bias + extra * 255
    if bound >= LIMIT_64:
        raise ValueError(
            f"Layer {layer.name!r} can reach {bound} at k = {bits}, which does not fit 64 bits"
        )


WRITERS: Mapping[type[Layer], Callable[[PlainGraph, Any], None]] = {
    Conv2d: _product,
    Linear: _product,
}
