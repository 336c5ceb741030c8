"""Reads flatbuffers of unknown origin: nothing outside the file, and no more than the file holds.

Source: FlatBuffers documentation, "Internals".
"""

import struct
from dataclasses import dataclass

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Array, Integers

__all__ = ["Table", "root"]


@dataclass(frozen=True)
class Table:
    """A table in `data`, which begins at `start`; fields are read by their number."""

    data: bytes
    start: int

    def number(self, field: int, form: str, default: float = 0) -> float:
        """A scalar; `form` is its format in `struct`."""
        place = self._place(field)
        return default if place is None else _unpacked(self.data, place, form)

    def whole(self, field: int, form: str = "i", default: int = 0) -> int:
        """A scalar that is a whole number."""
        return int(self.number(field, form, default))

    def table(self, field: int) -> "Table | None":
        """A table; None if it is not there."""
        place = self._place(field)
        return None if place is None else self._at(place)

    def text(self, field: int) -> str:
        """A string."""
        return self.array(field, np.uint8).tobytes().decode("utf-8", "replace")

    def array(self, field: int, kind: type[np.generic]) -> Array:
        """A vector of scalars; empty if it is not there."""
        begin, count = self._vector(field, np.dtype(kind).itemsize)
        return np.frombuffer(self.data, np.dtype(kind).newbyteorder("<"), count, begin)

    def wholes(self, field: int) -> Integers:
        """A vector of whole numbers of 32 bits."""
        return self.array(field, np.int32).astype(np.int64)

    def tables(self, field: int) -> "list[Table]":
        """A vector of tables."""
        begin, count = self._vector(field, 4)
        return [self._at(begin + 4 * index) for index in range(count)]

    def _at(self, place: int) -> "Table":
        """The table that the offset at `place` leads to."""
        return Table(self.data, place + int(_unpacked(self.data, place, "I")))

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        """Where a vector's elements of `size` bytes begin, and how many there are."""
        place = self._place(field)
        if place is None:
            return 0, 0
        begin = place + int(_unpacked(self.data, place, "I"))
        count = int(_unpacked(self.data, begin, "I"))
        if begin + 4 + count * size > len(self.data):
            raise NetworkFileError("is cut: a vector reaches beyond its end")
        return begin + 4, count

    def _place(self, field: int) -> int | None:
        """Where a field lies; None if it has its default."""
        names = self.start - int(_unpacked(self.data, self.start, "i"))
        size = int(_unpacked(self.data, names, "H"))
        if 4 + 2 * field + 2 > size:
            return None
        offset = int(_unpacked(self.data, names + 4 + 2 * field, "H"))
        return self.start + offset if offset else None


def root(data: bytes, identifier: bytes) -> Table:
    """The table that a file begins with; raises NetworkFileError if it is no such file."""
    if data[4:8] != identifier:
        raise NetworkFileError(f"must begin as a {identifier.decode()} file does")
    return Table(data, int(_unpacked(data, 0, "I")))


def _unpacked(data: bytes, place: int, form: str) -> float:
    if not 0 <= place <= len(data) - struct.calcsize("<" + form):
        raise NetworkFileError("is cut: it refers to what is beyond its end")
    (value,) = struct.unpack_from("<" + form, data, place)
    return float(value) if isinstance(value, float) else int(value)
