"""Reads TFLite files of unknown origin: bounded in size, nothing executed.

Source: TensorFlow Lite, schema.fbs, version 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.checks import expect
from truncmac.golden.types import Array, Reals, Shape

from .flat import Table, root
from .size import MOST_BYTES

__all__ = ["LiteModel", "LiteOperator", "LiteTensor", "lite_model"]

MOST_PARTS = 20_000  # tensors, operators or buffers
KINDS: Mapping[int, type[np.generic]] = {
    **{0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 7: np.int16},
    **{9: np.int8, 10: np.float64, 6: np.bool_},
}


@dataclass(frozen=True)
class LiteTensor:
    """A tensor: its numbers if it is a constant, and what its integers stand for.

    Attributes
    ----------
    scale, zero : one number, or one for each place along `axis`; empty if it is not quantised
    """

    name: str
    shape: Shape
    kind: type[np.generic]
    scale: Reals
    zero: Array
    axis: int
    array: Array | None

    @property
    def reals(self) -> Array:
        """What a constant stands for."""
        if self.array is None:
            raise NetworkFileError("must have a constant")
        if self.scale.size == 0:
            return self.array
        shape = [1] * self.array.ndim
        if self.scale.size > 1:
            shape[self.axis] = self.scale.size
        zeros = self.zero.astype(np.float64)
        return (self.array - zeros.reshape(shape if zeros.size > 1 else -1)) * self.scale.reshape(
            shape if self.scale.size > 1 else -1
        )


@dataclass(frozen=True)
class LiteOperator:
    """An operator: its code among the built-in ones, its tensors, and its options."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table


@dataclass(frozen=True)
class LiteModel:
    """The first subgraph of a file."""

    tensors: tuple[LiteTensor, ...]
    operators: tuple[LiteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def lite_model(path: Path) -> LiteModel:
    """Read a TFLite file and check its form.

    Raises
    ------
    NetworkFileError
        If it is not whole or too large, or its parts do not fit each other.
    OSError
        If the file cannot be read.
    """
    size = path.stat().st_size
    if not 8 <= size <= MOST_BYTES:
        raise NetworkFileError(f"{size} bytes; a TFLite file has 8 to {MOST_BYTES}")
    return _model(root(path.read_bytes(), b"TFL3"))


def _model(table: Table) -> LiteModel:
    graphs, buffers = table.tables(2), table.tables(4)
    expect(len(graphs) == 1, f"must have one subgraph, not {len(graphs)}")
    codes = [_code(entry) for entry in table.tables(1)]
    graph = graphs[0]
    tensors, operators = graph.tables(0), graph.tables(3)
    most = max(len(tensors), len(operators), len(buffers), len(codes))
    expect(most <= MOST_PARTS, f"has {most} parts; at most {MOST_PARTS} are read")
    found = tuple(_tensor(entry, buffers, f"tensor {i}") for i, entry in enumerate(tensors))
    held = sum(tensor.array.nbytes for tensor in found if tensor.array is not None)
    expect(held <= 2 * MOST_BYTES, "has constants that share their bytes too often")
    return LiteModel(
        found,
        tuple(_operator(entry, codes, len(found)) for entry in operators),
        _places(graph, 1, len(found)),
        _places(graph, 2, len(found)),
    )


def _code(entry: Table) -> int:
    return max(entry.whole(0, "b"), entry.whole(3))


def _places(table: Table, field: int, count: int) -> tuple[int, ...]:
    """Which tensors a vector names; -1: one that is left out."""
    found = tuple(table.wholes(field).tolist())
    expect(all(-1 <= place < count for place in found), "names a tensor that is not there")
    return found


def _operator(entry: Table, codes: list[int], count: int) -> LiteOperator:
    index = entry.whole(0, "I")
    expect(index < len(codes), "names an operator that is not there")
    options = entry.table(4)
    empty = Table(b"\0\0\0\0\4\0\4\0" + b"\0" * 8, 8)  # a table without fields
    given, made = _places(entry, 1, count), _places(entry, 2, count)
    expect(len(made) > 0 and min(made) >= 0, "has an operator that gives nothing")
    return LiteOperator(codes[index], given, made, options or empty)


def _tensor(entry: Table, buffers: list[Table], label: str) -> LiteTensor:
    kind = KINDS.get(entry.whole(1, "b"))
    if kind is None:
        raise NetworkFileError(f"{label} holds numbers of a type that has no form here")
    shape = tuple(entry.wholes(0).tolist())
    expect(len(shape) <= 8 and all(size >= 0 for size in shape), f"{label} has a wrong shape")
    index = entry.whole(2, "I")
    expect(index < len(buffers), f"{label} names a buffer that is not there")
    data, array = buffers[index].array(0, np.uint8) if index else np.zeros(0, np.uint8), None
    if data.size:
        expect(
            data.size == prod(shape) * np.dtype(kind).itemsize, f"{label} does not fill its shape"
        )
        array = np.frombuffer(data.tobytes(), np.dtype(kind).newbyteorder("<")).reshape(shape)
        array = array.astype(kind)
        valid = array.dtype.kind != "f" or bool(np.isfinite(array).all())
        expect(valid, f"{label} must be finite, not NaN or infinite")
    quantised = entry.table(4)
    scale, zero, axis = np.zeros(0), np.zeros(1, np.int64), 0
    if quantised is not None:
        scale = quantised.array(2, np.float32).astype(np.float64)
        zero = quantised.array(3, np.int64)
        zero = zero.astype(np.int64) if zero.size else np.zeros(1, np.int64)
        axis = quantised.whole(6)
    if scale.size:
        sizes = (1, shape[axis]) if 0 <= axis < len(shape) else (1,)
        valid = scale.size in sizes and zero.size in (1, scale.size)
        valid = valid and bool((scale > 0).all() and np.isfinite(scale).all())
        expect(valid and bool((np.abs(zero) < 1 << 31).all()), f"{label} has wrong scales")
    return LiteTensor(entry.text(3) or label, shape, kind, scale, zero, axis, array)
