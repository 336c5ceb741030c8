"""A graph as the handlers like it: no operators on integers, and it is known how its image lies."""

from dataclasses import replace

from .qoperators import lowered
from .read import Graph

__all__ = ["normalised"]

# What may stand between the input and the Transpose that brings its channels to the front
PASSING = {
    *("QuantizeLinear", "DequantizeLinear", "Quant", "IntQuant", "Cast", "Identity"),
    *("Add", "Sub", "Mul", "Div"),
}


def normalised(graph: Graph) -> Graph:
    """The same network with fewer kinds of operators."""
    graph = lowered(graph)
    return replace(graph, channels_last=_channels_last(graph))


def _channels_last(graph: Graph) -> bool:
    """Whether a Transpose to (B, C, ...) is the first that moves the graph's input."""
    names, rank = {graph.input}, len(graph.input_shape)
    for node in graph.nodes:
        if not names & set(node.inputs):
            continue
        if node.op == "Transpose":
            return list(node.attributes.get("perm", [])) == [0, rank - 1, *range(1, rank - 1)]
        if node.op not in PASSING:
            return False
        names |= set(node.outputs)
    return False
