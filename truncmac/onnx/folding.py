"""Nodes of constants alone, computed while the graph is read: shapes, and what is made of them."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array, Shape

from .draft import Draft
from .read import Node
from .values import Constant

__all__ = ["FOLDS", "folded"]

MOST_NUMBERS = 1 << 22  # of one result; what only moves numbers may keep as many as it gets
MOST_ALL = 1 << 26
KINDS = {
    *(TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BOOL),
    *(TensorProto.INT64, TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8),
}

Fold = Callable[[Node, Sequence[Array]], Array]


def folded(draft: Draft, node: Node) -> Constant | None:
    """What a node makes of constants; None if it has other inputs, or there is no form for it.

    Raises
    ------
    NetworkFileError
        If its constants do not fit it, or make too many numbers.
    """
    given = [draft.values.get(name) for name in node.inputs if name]
    arrays = [value.array for value in given if isinstance(value, Constant)]
    if node.op not in FOLDS or not arrays or len(arrays) != len(given):
        return None
    if node.op in WHOLE and any(array.dtype.kind not in "iub" for array in arrays):
        return None  # reals are for the handlers, which know what a bias is
    try:
        _check_size(draft, _size_of(node, arrays), sum(array.size for array in arrays))
        array = np.asarray(FOLDS[node.op](node, arrays))
    except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, AttributeError):
        raise NetworkFileError("does not fit its constants") from None
    if array.dtype.kind not in "iubf" or array.ndim > 8:
        raise NetworkFileError("does not fit its constants")
    _check_size(draft, array.size, sum(array.size for array in arrays))
    draft.folded += array.size
    return Constant(array)


def _check_size(draft: Draft, size: int, given: int) -> None:
    if size > max(MOST_NUMBERS, given) or draft.folded + size > MOST_ALL:
        raise NetworkFileError("makes constants of too many numbers")


def _size_of(node: Node, arrays: Sequence[Array]) -> int:
    """A bound of how many numbers a node makes of its constants, before it makes them."""
    first = arrays[0]
    if node.op == "ConstantOfShape":
        return prod(max(0, int(size)) for size in first.reshape(-1).tolist()[:9])
    if node.op == "Gather":
        axis = int(node.attributes.get("axis", 0))
        return first.size // max(1, first.shape[axis]) * arrays[1].size
    if node.op == "Range":
        start, stop, step = (float(array.reshape(())) for array in arrays)
        return int(abs((stop - start) / step)) + 1
    if node.op == "Expand":
        return prod(np.broadcast_shapes(first.shape, _whole(arrays[1])))
    if node.op in ("Where", *WHOLE, "Equal", "Less", "Greater", "Min", "Max", "Pow"):
        return prod(np.broadcast_shapes(*(array.shape for array in arrays)))
    return sum(array.size for array in arrays)


def _whole(array: Array) -> Shape:
    return tuple(int(value) for value in array.reshape(-1).tolist())


def _axes(node: Node, arrays: Sequence[Array], rank: int) -> list[int]:
    found = _whole(arrays[1]) if len(arrays) > 1 else node.attributes["axes"]
    if any(not -rank <= axis < rank for axis in found):
        raise ValueError
    return [axis % rank for axis in found]


def _unsqueeze(node: Node, arrays: Sequence[Array]) -> Array:
    count = arrays[1].size if len(arrays) > 1 else len(node.attributes["axes"])
    axes = _axes(node, arrays, arrays[0].ndim + count)
    return np.expand_dims(arrays[0], tuple(axes))


def _squeeze(node: Node, arrays: Sequence[Array]) -> Array:
    if len(arrays) == 1 and "axes" not in node.attributes:
        return np.squeeze(arrays[0])
    return np.squeeze(arrays[0], tuple(_axes(node, arrays, arrays[0].ndim)))


def _slice(node: Node, arrays: Sequence[Array]) -> Array:
    data, *rest = arrays
    starts, ends, *more = (list(_whole(array)) for array in rest)
    axes = more[0] if more else list(range(len(starts)))
    steps = more[1] if len(more) > 1 else [1] * len(starts)
    where = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        beyond = step < 0 and end < -data.shape[axis]
        where[axis] = slice(start, None if beyond else end, step)
    return data[tuple(where)]


def _cast(node: Node, arrays: Sequence[Array]) -> Array:
    if node.attributes["to"] not in KINDS:
        raise ValueError
    return arrays[0].astype(helper.tensor_dtype_to_np_dtype(node.attributes["to"]))


def _reshape(node: Node, arrays: Sequence[Array]) -> Array:
    shape = list(_whole(arrays[1]))
    if not node.attributes.get("allowzero", 0):
        shape = [arrays[0].shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return arrays[0].reshape(shape)


def _constant_of_shape(node: Node, arrays: Sequence[Array]) -> Array:
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)
    return np.full(_whole(arrays[0]), value[0], value.dtype)


def _reduced(function: Callable[..., Any]) -> Fold:
    def fold(node: Node, arrays: Sequence[Array]) -> Array:
        keep = bool(node.attributes.get("keepdims", 1))
        if len(arrays) == 1 and "axes" not in node.attributes:
            return np.asarray(function(arrays[0], keepdims=keep))
        axes = tuple(_axes(node, arrays, arrays[0].ndim))
        return np.asarray(function(arrays[0], axis=axes, keepdims=keep))

    return fold


def _each(function: Callable[..., Any]) -> Fold:
    return lambda node, arrays: np.asarray(function(*arrays))


def _range(node: Node, arrays: Sequence[Array]) -> Array:
    start, stop, step = (array.reshape(()).item() for array in arrays)
    return np.asarray(np.arange(float(start), float(stop), float(step)), arrays[0].dtype)


def _divided(one: Array, other: Array) -> Array:
    """Whole numbers divided, towards 0."""
    if (other == 0).any():
        raise ValueError
    return (np.sign(one) * np.sign(other) * (np.abs(one) // np.abs(other))).astype(one.dtype)


WHOLE = ("Add", "Sub", "Mul", "Div", "Mod")
FOLDS: Mapping[str, Fold] = {
    "Add": _each(np.add),
    "Sub": _each(np.subtract),
    "Mul": _each(np.multiply),
    "Div": _each(_divided),
    "Mod": _each(np.mod),
    "Cast": _cast,
    "Concat": lambda node, arrays: np.concatenate(arrays, int(node.attributes["axis"])),
    "ConstantOfShape": _constant_of_shape,
    "Equal": _each(np.equal),
    "Less": _each(np.less),
    "Greater": _each(np.greater),
    "Not": _each(np.logical_not),
    "Expand": lambda node, arrays: np.broadcast_to(
        arrays[0], np.broadcast_shapes(arrays[0].shape, _whole(arrays[1]))
    ),
    "Gather": lambda node, arrays: np.take(
        arrays[0], arrays[1].astype(np.int64), int(node.attributes.get("axis", 0))
    ),
    "Max": _each(lambda *arrays: np.max(np.broadcast_arrays(*arrays), axis=0)),
    "Min": _each(lambda *arrays: np.min(np.broadcast_arrays(*arrays), axis=0)),
    "Neg": _each(np.negative),
    "Abs": _each(np.abs),
    "Sqrt": _each(np.sqrt),
    "Reciprocal": _each(np.reciprocal),
    "Pow": _each(np.power),
    "Range": _range,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Reshape": _reshape,
    "Shape": lambda node, arrays: np.asarray(arrays[0].shape, np.int64),
    "Size": lambda node, arrays: np.asarray(arrays[0].size, np.int64),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": lambda node, arrays: np.transpose(arrays[0], node.attributes.get("perm")),
    "Unsqueeze": _unsqueeze,
    "Where": _each(np.where),
}
