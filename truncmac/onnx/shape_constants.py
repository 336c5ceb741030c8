"""Computes small constants of an ONNX graph, so that the shapes that follow from them are known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from truncmac.golden.types import Array

from .twins import DOMAINS

__all__ = ["fold"]

MOST = 4096  # elements of a constant that may be a shape
MOST_JOINED = 64  # of an input that broadcasting may multiply
JOINED = ("Add", "Div", "Equal", "Greater", "Less", "Max", "Min", "Mul", "Sub", "Where")
SMALLER = (  # none of their outputs is larger than their inputs together
    *("Cast", "Ceil", "Concat", "Flatten", "Floor", "Gather", "Identity", "Neg", "ReduceProd"),
    *("Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"),
)


def fold(graph: onnx.GraphProto, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Turn nodes whose outputs are small constants into initializers; how many were turned.

    Parameters
    ----------
    shapes : of the tensors whose shape is known, which `Shape` gives
    """
    known = {
        tensor.name: _array(tensor)
        for tensor in graph.initializer
        if np.prod(tensor.dims, dtype=float) <= MOST
    }
    kept, turned = [], 0
    for node in graph.node:
        value = _value(node, known, shapes) if node.domain in DOMAINS else None
        if value is None or len(node.output) != 1:
            kept.append(node)
            continue
        known[node.output[0]] = value
        graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        turned += 1
    del graph.node[:]
    graph.node.extend(kept)
    return turned


def _array(tensor: onnx.TensorProto) -> Array | None:
    """The numbers of a small tensor; None where they are not there."""
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except Exception:  # whatever a damaged tensor makes of onnx's own code
        return None


def _value(
    node: onnx.NodeProto,
    known: Mapping[str, Array | None],
    shapes: Mapping[str, tuple[int, ...]],
) -> Array | None:
    """What a node gives, if that is small and follows from constants alone."""
    if node.op_type == "Shape":
        shape = shapes.get(node.input[0]) if node.input else None
        own = {attribute.name: attribute.i for attribute in node.attribute}
        part = slice(own.get("start", 0), own.get("end"))
        return None if shape is None else np.array(shape[part], np.int64)
    given: dict[str, Any] = {name: known.get(name) for name in node.input if name}
    if any(value is None for value in given.values()) or not _small(node, list(given.values())):
        return None
    try:
        (value,) = ReferenceEvaluator(node).run(None, given)
    except Exception:  # a node that does not fit its inputs stays as it is
        return None
    array = np.asarray(value)
    return array if array.dtype != object and array.size <= MOST else None


def _small(node: onnx.NodeProto, given: list[Array]) -> bool:
    """Whether a node computes little, whatever its attributes are."""
    if node.op_type == "Constant":
        return all(np.prod(a.t.dims, dtype=float) <= MOST for a in node.attribute)
    if node.op_type == "ConstantOfShape":
        return len(given) == 1 and float(np.prod(given[0], dtype=float)) <= MOST
    if sum(value.size for value in given) > MOST:
        return False
    if node.op_type == "Gather":
        return all(value.size <= MOST_JOINED for value in given)
    if node.op_type in JOINED:
        return all(value.size <= MOST_JOINED for value in given[1:])
    return node.op_type in SMALLER
