"""Operators of other domains as ONNX's own of the same shapes, so that shapes can be inferred."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import onnx
from onnx import helper

__all__ = ["DOMAINS", "with_twins"]

DOMAINS = ("", "ai.onnx")


class _Twin(NamedTuple):
    """The operator of the same shapes, which of the inputs it has, and which attributes."""

    op: str
    inputs: Sequence[int] | Callable[[int], Sequence[int]]
    attributes: Sequence[str] = ()


_WINDOW = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
_POOL = ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
_SAME = _Twin("Identity", (0,))
_QUANTISERS = ("BipolarQuant", "FloatQuant", "IntQuant", "MultiThreshold", "Quant", "Trunc")
_ACTIVATIONS = (
    *("BiasGelu", "FastGelu", "Gelu", "QuickGelu", "QLinearLeakyRelu", "QLinearSigmoid"),
    *("QLinearSoftmax", "SimplifiedLayerNormalization", "SkipLayerNormalization"),
    *("SkipSimplifiedLayerNormalization",),
)
_OWN: Mapping[str, _Twin] = {  # those of ONNX itself
    "ConvInteger": _Twin("Conv", (0, 1), _WINDOW),
    "MatMulInteger": _Twin("MatMul", (0, 1)),
    "QLinearConv": _Twin("Conv", (0, 3), _WINDOW),
    "QLinearMatMul": _Twin("MatMul", (0, 3)),
    "QuantizeLinear": _SAME,
    "DequantizeLinear": _SAME,
}
_OTHERS: Mapping[str, _Twin] = {
    **_OWN,
    **dict.fromkeys((*_QUANTISERS, *_ACTIVATIONS), _SAME),
    "FusedConv": _Twin("Conv", (0, 1), _WINDOW),
    "QGemm": _Twin("Gemm", (0, 3), ("transA", "transB")),
    "QLinearAdd": _Twin("Add", (0, 3)),
    "QLinearAveragePool": _Twin("AveragePool", (0,), _POOL),
    "QLinearConcat": _Twin("Concat", lambda count: range(2, count, 3), ("axis",)),
    "QLinearGlobalAveragePool": _Twin("GlobalAveragePool", (0,)),
    "QLinearMul": _Twin("Mul", (0, 3)),
}


def with_twins(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The graph's nodes, those of known other operators exchanged for their twins."""
    return [_twin(node) for node in graph.node]


def _twin(node: onnx.NodeProto) -> onnx.NodeProto:
    twin = (_OWN if node.domain in DOMAINS else _OTHERS).get(node.op_type)
    if twin is None:
        return node
    places = twin.inputs if not callable(twin.inputs) else twin.inputs(len(node.input))
    if any(place >= len(node.input) for place in places):
        return node
    found = helper.make_node(
        twin.op, [node.input[place] for place in places], list(node.output[:1]), name=node.name
    )
    found.attribute.extend(a for a in node.attribute if a.name in twin.attributes)
    return found
