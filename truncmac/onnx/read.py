"""Reads ONNX files of unknown origin: bounded in size, nothing executed, no other file touched."""

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array

__all__ = ["Graph", "Node", "parse", "read_onnx"]

MOST_BYTES = 1 << 27
MOST_FIELDS = 200_000
# What a byte of the file can grow to in memory: data stays as it is, integers are stored in few
# bytes, and an empty message takes some fifty bytes for its two
DATA, INTEGERS, OTHER = 1, 8, 48

Fields = Mapping[int, Any]  # by field number, of a message: the fields worth looking into
TENSOR: Fields = {4: DATA, 9: DATA, 10: DATA, 5: INTEGERS, 7: INTEGERS, 11: INTEGERS}
MODEL: Fields = {7: {1: {5: {5: TENSOR}}, 5: TENSOR}}

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
}


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
    input_is_code : the input's type is uint8, so that it takes codes
    constants : by name
    """

    name: str
    input: str
    input_shape: tuple[int | None, ...]
    input_is_code: bool
    output: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]


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
    if path.is_dir():
        raise NetworkFileError(f"{path}: a folder, not an ONNX file")
    size = path.stat().st_size
    try:
        if not 0 < size <= MOST_BYTES:
            raise NetworkFileError(f"{size} bytes; an ONNX file has 1 to {MOST_BYTES}")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _check_size(data)
            content = data[:]
        return parse(onnx.ModelProto.FromString(content))
    except DecodeError:
        raise NetworkFileError(f"{path}: not a whole ONNX file. Copy or export it again") from None
    except NetworkFileError as error:
        raise NetworkFileError(f"{path}: {error}") from None


def parse(model: onnx.ModelProto) -> Graph:
    """The graph of an ONNX model; raises NetworkFileError as `read_onnx`."""
    graph = model.graph
    opsets = {entry.domain for entry in model.opset_import}
    _expect(bool(opsets & {"", "ai.onnx"}), "does not say which version of ONNX it is of")
    _expect(len(graph.node) > 0, "the ONNX graph has no nodes")
    _expect(not model.functions, "the ONNX model has functions of its own; inline them")
    _expect(not graph.sparse_initializer, "sparse initializers have no form here; make them dense")
    constants = {}
    for tensor in graph.initializer:
        _expect(tensor.name not in constants, f"initializer {tensor.name!r} is there twice")
        constants[tensor.name] = _array(tensor, f"initializer {tensor.name!r}")
    inputs = [entry for entry in graph.input if entry.name not in constants]
    _expect(len(inputs) == 1, f"the graph must have one input, not {len(inputs)}")
    _expect(len(graph.output) == 1, f"the graph must have one output, not {len(graph.output)}")
    kind = inputs[0].type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    nodes = tuple(_node(node) for node in graph.node)
    found = Graph(
        name=graph.name or "network",
        input=inputs[0].name,
        input_shape=shape,
        input_is_code=kind.elem_type == TensorProto.UINT8,
        output=graph.output[0].name,
        nodes=nodes,
        constants=constants,
    )
    _check_order(found)
    return found


def _check_order(graph: Graph) -> None:
    """Each name is given once, before it is read: no cycles, nothing dangling."""
    known = {graph.input, *graph.constants}
    for node in graph.nodes:
        for name in node.inputs:
            _expect(
                name == "" or name in known, f"{node} reads {name!r}, which no node before it gives"
            )
        for name in filter(None, node.outputs):
            _expect(name not in known, f"{node} gives {name!r}, which is there already")
            known.add(name)
    _expect(graph.output in known, f"the graph's output {graph.output!r} is given by no node")


def _node(node: onnx.NodeProto) -> Node:
    name = node.name or (node.output[0] if node.output else "")
    label = f"{node.op_type} {name!r}"
    attributes = {}
    for attribute in node.attribute:
        _expect(attribute.name not in attributes, f"{label} has {attribute.name!r} twice")
        attributes[attribute.name] = _attribute(attribute, f"{label}: {attribute.name}")
    _expect(len(node.output) > 0, f"{label} gives nothing")
    return Node(node.op_type, name, tuple(node.input), tuple(node.output), attributes)


def _attribute(attribute: AttributeProto, label: str) -> Any:
    kinds = AttributeProto
    if attribute.type == kinds.TENSOR:
        return _array(attribute.t, label)
    known = (kinds.FLOAT, kinds.INT, kinds.STRING, kinds.FLOATS, kinds.INTS)
    _expect(attribute.type in known, f"{label} is of a kind that has no form here")
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if attribute.type in (kinds.FLOATS, kinds.INTS) else value


def _array(tensor: TensorProto, label: str) -> Array:
    """A tensor's numbers, finite; nothing is taken from other files."""
    _expect(
        tensor.data_location != TensorProto.EXTERNAL and not tensor.external_data,
        f"{label} is kept in another file; save the model with its data inside",
    )
    _expect(tensor.data_type in TYPES, f"{label} must hold numbers of a known type")
    _expect(not tensor.HasField("segment"), f"{label} is in segments; save it whole")
    _expect(all(0 <= size <= MOST_BYTES for size in tensor.dims), f"{label} has a negative size")
    _expect(len(tensor.dims) <= 8, f"{label} has more than 8 dimensions")
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, MemoryError):
        shape = tuple(tensor.dims)
        raise NetworkFileError(f"{label}: its data do not fill the shape {shape}") from None
    if array.dtype.kind == "f":
        _expect(bool(np.isfinite(array).all()), f"{label} must be finite, not NaN or infinite")
    return array


def _check_size(data: mmap.mmap) -> None:
    """Bound what parsing can take, before it does: a few bytes can stand for many."""
    budget = [MOST_BYTES, MOST_FIELDS]
    _spend(data, 0, len(data), MODEL, budget)


def _spend(data: mmap.mmap, start: int, stop: int, part: Fields, budget: list[int]) -> None:
    for number, first, last in _fields(data, start, stop):
        inner = part.get(number, OTHER)
        budget[1] -= 1
        if isinstance(inner, int):
            budget[0] -= (last - first + 2) * inner
        else:
            _spend(data, first, last, inner, budget)
        _expect(min(budget) >= 0, "the ONNX file would take too much memory")


def _fields(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a message.

    Source: Protocol Buffers documentation, "Encoding".
    """
    while start < stop:
        tag, start = _varint(data, start, stop)
        kind = tag & 7
        if kind == 2:
            size, start = _varint(data, start, stop)
        elif kind == 0:
            _, end = _varint(data, start, stop)
            size = end - start
        else:
            size = {1: 8, 5: 4}.get(kind, stop)  # groups are not used by ONNX
        if size > stop - start:
            raise DecodeError
        yield tag >> 3, start, start + size
        start += size


def _varint(data: mmap.mmap, start: int, stop: int) -> tuple[int, int]:
    value = 0
    for index in range(start, min(start + 10, stop)):
        value |= (data[index] & 127) << 7 * (index - start)
        if data[index] < 128:
            return value, index + 1
    raise DecodeError


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise NetworkFileError(message)
