"""Shapes of the tensors of an ONNX graph, inferred from those of its inputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx
from onnx import helper, shape_inference

from truncmac.golden import NetworkFileError
from truncmac.golden.checks import expect

from .shape_constants import fold
from .twins import with_twins

__all__ = ["Inferred", "infer"]

MOST_ROUNDS = 32  # of shapes that follow from constants, which follow from shapes
LARGEST = (1 << 31) - 1  # of a size
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Inferred:
    """A graph of operators whose shapes are known, as far as they are.

    Attributes
    ----------
    nodes : those of other domains exchanged for ONNX's own of the same shapes
    shapes : by tensor, where all sizes are known
    constants : names of the tensors that do not follow from the graph's inputs
    images : the size of the first input's first dimension
    """

    nodes: list[onnx.NodeProto]
    shapes: Mapping[str, Shape]
    constants: frozenset[str]
    images: int


def infer(model: onnx.ModelProto, size: int | None = None) -> Inferred:
    """Infer the shapes of a model's tensors for one image.

    Parameters
    ----------
    size : of each dimension of an input that is open, but for the first, which is 1

    Raises
    ------
    NetworkFileError
        If a size is open and none is given: names the input; or the graph has no form.
    """
    graph = model.graph
    expect(len(graph.node) > 0, "the ONNX graph has no nodes")
    expect(not model.functions, "the ONNX model has functions of its own; inline them")
    expect(all(isinstance(name, str) for name in _names(graph)), "a name in it is not text")
    held = {tensor.name for tensor in graph.initializer}
    held |= {tensor.values.name for tensor in graph.sparse_initializer}
    inputs = [entry for entry in graph.input if entry.name not in held]
    expect(len(inputs) > 0, "the ONNX graph has no input")
    named: dict[str, int] = {}
    for entry in inputs:
        _close(entry, size, named)
    for entry in (*graph.value_info, *graph.output):
        for dimension in entry.type.tensor_type.shape.dim:
            if dimension.dim_param in named:
                dimension.dim_value = named[dimension.dim_param]
    nodes = with_twins(graph)
    del graph.node[:]
    graph.node.extend(nodes)
    versions = {entry.domain for entry in model.opset_import}
    for domain in {node.domain for node in nodes} - versions - {"", "ai.onnx"}:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    for _ in range(MOST_ROUNDS):
        known = _known(model)
        if not fold(graph, known):
            break
    first = known.get(inputs[0].name, ())
    held = {tensor.name for tensor in graph.initializer} | held
    return Inferred(list(graph.node), known, _constants(graph, held), first[0] if first else 1)


def _names(graph: onnx.GraphProto) -> Iterator[object]:
    """All names of a graph. What is no UTF-8 comes as bytes."""
    for entry in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        yield entry.name
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _known(model: onnx.ModelProto) -> dict[str, Shape]:
    """The shapes that follow from those of the inputs, by tensor."""
    try:
        found = shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception as error:  # whatever a damaged graph makes of onnx's own code
        raise NetworkFileError(f"its shapes cannot be inferred ({type(error).__name__})") from None
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for entry in (*found.input, *found.value_info, *found.output):
        tensor = entry.type.tensor_type
        if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
            shapes[entry.name] = tuple(d.dim_value for d in tensor.shape.dim)
    return {n: s for n, s in shapes.items() if all(0 < side <= LARGEST for side in s)}


def _close(entry: onnx.ValueInfoProto, size: int | None, named: dict[str, int]) -> None:
    """Give each open dimension of an input its size, and note those that have names."""
    for index, dimension in enumerate(entry.type.tensor_type.shape.dim):
        if dimension.HasField("dim_value") and dimension.dim_value > 0:
            continue
        name = dimension.dim_param
        value = named.get(name) if name else None
        if value is None:
            value = 1 if index == 0 else size
        if value is None:
            label = f"{name!r}" if name else f"{index}"
            raise NetworkFileError(
                f"input {entry.name!r} leaves the size of dimension {label} open; say it, as in "
                "FILE.onnx@224"
            )
        if name:
            named[name] = value
        dimension.dim_value = value


def _constants(graph: onnx.GraphProto, held: set[str]) -> frozenset[str]:
    """Initializers, and what is computed of constants alone."""
    found = set(held)
    for node in graph.node:
        drawn = node.op_type.startswith("Random")
        if not drawn and all(name in found for name in node.input if name):
            found.update(node.output)
    return frozenset(found)
