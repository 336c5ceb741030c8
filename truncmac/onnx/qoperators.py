"""Operators on integers (QLinearConv and others) as what they do: dequantise, compute, quantise.

Source: ONNX operators, opset 21; ONNX Runtime, contrib operators of com.microsoft.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array

from .read import Graph, Node

__all__ = ["lowered"]

Lowering = Callable[["_Lowered", Node], None]


def lowered(graph: Graph) -> Graph:
    """The graph without operators on integers.

    Raises
    ------
    NetworkFileError
        If one of them lacks an input: names the node.
    """
    if not any(node.op in LOWERINGS for node in graph.nodes):
        return graph
    found = _Lowered(graph)
    for node in graph.nodes:
        try:
            LOWERINGS.get(node.op, _as_it_is)(found, node)
        except NetworkFileError as error:
            raise NetworkFileError(f"{node} {error}") from None
    return replace(graph, nodes=tuple(found.nodes), constants=found.constants)


class _Lowered:
    """The nodes and constants so far."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = dict(graph.constants)

    def input(self, node: Node, index: int) -> str:
        """The name of an input that must be there."""
        if index >= len(node.inputs) or not node.inputs[index]:
            raise NetworkFileError(f"lacks its input {index + 1}")
        return node.inputs[index]

    def node(self, node: Node, what: str, op: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node that does a part, `what`, of `node`."""
        output = f"{node.outputs[0]} {what}"
        name = node.name if what == "value" else f"{node.name} {what}"
        self.nodes.append(Node(op, name, tuple(inputs), (output,), attributes))
        return output

    def real(self, node: Node, index: int, axis: int = 1) -> str:
        """The tensor that input `index` stands for, by its scale and zero point behind it."""
        parts = [self.input(node, index), self.input(node, index + 1)]
        zero = node.inputs[index + 2] if index + 2 < len(node.inputs) else ""
        parts += [zero] if zero else []
        return self.node(node, f"input {index + 1}", "DequantizeLinear", parts, axis=axis)

    def quantised(self, node: Node, value: str, index: int) -> None:
        """The node's output: `value` by the scale at input `index` and the zero point behind it."""
        parts = [value, self.input(node, index)]
        zero = node.inputs[index + 1] if index + 1 < len(node.inputs) else ""
        parts += [zero] if zero else []
        name = f"{node.name} output"
        self.nodes.append(Node("QuantizeLinear", name, tuple(parts), node.outputs[:1], {}))

    def bias(self, node: Node, index: int, one: int, other: int) -> list[str]:
        """The bias at input `index`, if there is one: its step is the product of two scales."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return []
        names = [self.input(node, part) for part in (index, one, other)]
        if any(name not in self.constants for name in names):
            raise NetworkFileError("must have constant scales and a constant bias")
        integers, first, second = (self.constants[name].astype(np.float64) for name in names)
        step = first.reshape(-1) * second.reshape(-1) if first.size == 1 else np.zeros(0)
        if step.size not in (1, integers.size):
            raise NetworkFileError("must have one scale for each of its biases")
        name = f"{node.outputs[0]} bias"
        self.constants[name] = integers.reshape(-1) * step
        return [name]


def _as_it_is(found: _Lowered, node: Node) -> None:
    found.nodes.append(node)


def _conv(found: _Lowered, node: Node) -> None:
    parts = [found.real(node, 0), found.real(node, 3, axis=0), *found.bias(node, 8, 1, 4)]
    value = found.node(node, "value", "Conv", parts, **node.attributes)
    found.quantised(node, value, 6)


def _matmul(found: _Lowered, node: Node) -> None:
    parts = [found.real(node, 0), found.real(node, 3, axis=1)]
    found.quantised(node, found.node(node, "value", "MatMul", parts, **node.attributes), 6)


def _gemm(found: _Lowered, node: Node) -> None:
    axis = 0 if node.attributes.get("transB", 0) else 1
    parts = [found.real(node, 0), found.real(node, 3, axis=axis), *found.bias(node, 6, 1, 4)]
    value = found.node(node, "value", "Gemm", parts, **node.attributes)
    if len(node.inputs) > 7 and node.inputs[7]:
        found.quantised(node, value, 7)
    else:
        found.nodes[-1] = replace(found.nodes[-1], outputs=node.outputs)


def _binary(op: str) -> Lowering:
    def lower(found: _Lowered, node: Node) -> None:
        parts = [found.real(node, 0), found.real(node, 3)]
        found.quantised(node, found.node(node, "value", op, parts, **node.attributes), 6)

    return lower


def _unary(op: str, *left_out: str) -> Lowering:
    def lower(found: _Lowered, node: Node) -> None:
        if node.attributes.get("channels_last", 0):
            raise NetworkFileError("has channels_last = 1, which has no form here")
        kept = {key: v for key, v in node.attributes.items() if key not in left_out}
        value = found.node(node, "value", op, [found.real(node, 0)], **kept)
        found.quantised(node, value, 3)

    return lower


def _concat(found: _Lowered, node: Node) -> None:
    parts = [found.real(node, index) for index in range(2, len(node.inputs), 3)]
    found.quantised(node, found.node(node, "value", "Concat", parts, **node.attributes), 0)


LOWERINGS: Mapping[str, Lowering] = {
    "QLinearConv": _conv,
    "QLinearMatMul": _matmul,
    "QGemm": _gemm,
    "QLinearAdd": _binary("Add"),
    "QLinearMul": _binary("Mul"),
    "QLinearConcat": _concat,
    "QLinearSigmoid": _unary("Sigmoid"),
    "QLinearLeakyRelu": _unary("LeakyRelu"),
    "QLinearSoftmax": _unary("Softmax", "opset"),
    "QLinearAveragePool": _unary("AveragePool", "channels_last"),
    "QLinearGlobalAveragePool": _unary("GlobalAveragePool", "channels_last"),
}
