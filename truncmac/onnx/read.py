"""Reads ONNX files of unknown origin: bounded in size, nothing executed, no other file touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from truncmac.golden import NetworkFileError
from truncmac.golden.checks import expect
from truncmac.golden.coding import PIXELS
from truncmac.golden.description import LARGEST
from truncmac.golden.files import read_json
from truncmac.golden.types import Array

from .mapped import mapped_file
from .size import MOST_BYTES, check_size

__all__ = ["Graph", "Node", "parse", "read_onnx"]

MOST_TEXT = 1 << 16  # of the entry of the metadata of our own exports
TYPES = {
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.INT16,
    TensorProto.UINT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
}
BYTES = {TensorProto.UINT8: "uint8", TensorProto.INT8: "int8"}
FOUR_BITS: Mapping[int, type[np.generic]] = {
    TensorProto.UINT4: np.uint8,
    TensorProto.INT4: np.int8,
}  # and what holds them here


@dataclass(frozen=True)
class Node:
    """One operation; `name` is its own, or that of its first output."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.op} {self.name!r}"


@dataclass(frozen=True)
class Graph:
    """A graph of one input and one output, its nodes in the order in which they run.

    Attributes
    ----------
    input_shape : with the batch; None for what is not fixed
    input_bytes : whether the input's type is uint8 or int8, so that it takes integers, and which
    constants : by name
    pixels : mean and deviation of pixels p / 255, if a network of ours was exported so; else None
    bits : of constants whose integers have fewer than their type here, by name
    channels_last : whether the input is (B, H, W, C): a Transpose is the first that moves it
    """

    name: str
    input: str
    input_shape: tuple[int | None, ...]
    input_bytes: str | None
    output: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    pixels: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    bits: Mapping[str, int] = field(default_factory=dict)
    channels_last: bool = False


def read_onnx(path: Path) -> Graph:
    """Read an ONNX file and check its form.

    Raises
    ------
    NetworkFileError
        If it is not whole, too large, refers to other files, or is no graph of one input and
        one output whose names are each given once, before they are read.
    OSError
        If the file cannot be read.
    """
    with mapped_file(path, MOST_BYTES) as data:
        check_size(data)
        return parse(onnx.ModelProto.FromString(data[:]))


def parse(model: onnx.ModelProto) -> Graph:
    """The graph of an ONNX model; raises NetworkFileError as `read_onnx`."""
    graph = model.graph
    opsets = {entry.domain for entry in model.opset_import}
    expect(bool(opsets & {"", "ai.onnx"}), "does not say which version of ONNX it is of")
    expect(len(graph.node) > 0, "the ONNX graph has no nodes")
    expect(not model.functions, "the ONNX model has functions of its own; inline them")
    expect(not graph.sparse_initializer, "sparse initializers have no form here; make them dense")
    constants = {}
    for tensor in graph.initializer:
        expect(tensor.name not in constants, f"initializer {tensor.name!r} is there twice")
        constants[tensor.name] = _array(tensor, f"initializer {tensor.name!r}")
    inputs = [entry for entry in graph.input if entry.name not in constants]
    expect(len(inputs) == 1, f"the graph must have one input, not {len(inputs)}")
    expect(len(graph.output) == 1, f"the graph must have one output, not {len(graph.output)}")
    kind = inputs[0].type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    nodes = tuple(_node(node) for node in graph.node)
    found = Graph(
        name=graph.name or "network",
        input=inputs[0].name,
        input_shape=shape,
        input_bytes=BYTES.get(kind.elem_type),
        output=graph.output[0].name,
        nodes=nodes,
        constants=constants,
        pixels=_pixels(model),
        bits={t.name: 4 for t in graph.initializer if t.data_type in FOUR_BITS},
    )
    _check_order(found)
    return found


def _pixels(model: onnx.ModelProto) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """What the entry `PIXELS` of the metadata says: [mean, deviation], lists of numbers."""
    texts = [entry.value for entry in model.metadata_props if entry.key == PIXELS]
    if not texts:
        return None
    try:
        value = read_json(texts[0]) if len(texts[0]) < MOST_TEXT else None
    except ValueError:
        value = None
    parts: list[Any] = value if isinstance(value, list) and len(value) == 2 else [None]
    lists = all(isinstance(part, list) and len(part) > 0 for part in parts)
    numbers = [number for part in parts for number in part] if lists else [None]
    valid = all(isinstance(n, int | float) and abs(n) <= LARGEST for n in numbers)
    expect(valid, f"the metadata entry {PIXELS!r} must be two lists of numbers")
    mean, deviation = (tuple(float(n) for n in part) for part in parts)
    return mean, deviation


def _check_order(graph: Graph) -> None:
    """Each name is given once, before it is read: no cycles, nothing dangling."""
    known = {graph.input, *graph.constants}
    for node in graph.nodes:
        for name in node.inputs:
            expect(
                name == "" or name in known, f"{node} reads {name!r}, which no node before it gives"
            )
        for name in filter(None, node.outputs):
            expect(name not in known, f"{node} gives {name!r}, which is there already")
            known.add(name)
    expect(graph.output in known, f"the graph's output {graph.output!r} is given by no node")


def _node(node: onnx.NodeProto) -> Node:
    name = node.name or (node.output[0] if node.output else "")
    label = f"{node.op_type} {name!r}"
    attributes = {}
    for attribute in node.attribute:
        expect(attribute.name not in attributes, f"{label} has {attribute.name!r} twice")
        attributes[attribute.name] = _attribute(attribute, f"{label}: {attribute.name}")
    expect(len(node.output) > 0, f"{label} gives nothing")
    return Node(node.op_type, name, tuple(node.input), tuple(node.output), attributes)


def _attribute(attribute: AttributeProto, label: str) -> Any:
    kinds = AttributeProto
    if attribute.type == kinds.TENSOR:
        return _array(attribute.t, label)
    known = (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS)
    expect(attribute.type in known, f"{label} is of a kind that has no form here")
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if attribute.type in (kinds.FLOATS, kinds.INTS) else value


def _array(tensor: TensorProto, label: str) -> Array:
    """A tensor's numbers, finite; nothing is taken from other files."""
    expect(
        tensor.data_location != TensorProto.EXTERNAL and not tensor.external_data,
        f"{label} is kept in another file; save the model with its data inside",
    )
    expect(tensor.data_type in TYPES | set(FOUR_BITS), f"{label} must hold numbers of a known type")
    expect(not tensor.HasField("segment"), f"{label} is in segments; save it whole")
    expect(all(0 <= size <= MOST_BYTES for size in tensor.dims), f"{label} has a negative size")
    expect(len(tensor.dims) <= 8, f"{label} has more than 8 dimensions")
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, MemoryError):
        shape = tuple(tensor.dims)
        raise NetworkFileError(f"{label}: its data do not fill the shape {shape}") from None
    if tensor.data_type in FOUR_BITS:
        return array.astype(FOUR_BITS[tensor.data_type])
    if array.dtype.kind == "f":
        expect(bool(np.isfinite(array).all()), f"{label} must be finite, not NaN or infinite")
    return array
