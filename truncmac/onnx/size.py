"""Bounds what an ONNX file can take in memory, before it is parsed.

Source: Protocol Buffers documentation, "Encoding".
"""

import mmap
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from truncmac.golden.checks import expect

__all__ = ["MOST_BYTES", "check_size", "message_fields"]

MOST_BYTES = 1 << 27
MOST_FIELDS = 200_000
# What a byte of the file can grow to in memory: data stays as it is, integers are stored in few
# bytes, and an empty message takes some fifty bytes for its two
DATA, INTEGERS, OTHER = 1, 8, 48

Data = mmap.mmap | bytes
Fields = Mapping[int, Any]  # by field number, of a message: the fields worth looking into
TENSOR: Fields = {4: DATA, 9: DATA, 10: DATA, 5: INTEGERS, 7: INTEGERS, 11: INTEGERS}
MODEL: Fields = {7: {1: {5: {5: TENSOR}}, 5: TENSOR}}


def check_size(data: Data) -> None:
    """Bound what parsing can take, before it does: a few bytes can stand for many."""
    budget = [MOST_BYTES, MOST_FIELDS]
    _spend(data, 0, len(data), MODEL, budget)


def _spend(data: Data, start: int, stop: int, part: Fields, budget: list[int]) -> None:
    for number, _, first, last in message_fields(data, start, stop):
        inner = part.get(number, OTHER)
        budget[1] -= 1
        if isinstance(inner, int):
            budget[0] -= (last - first + 2) * inner
        else:
            _spend(data, first, last, inner, budget)
        expect(min(budget) >= 0, "the ONNX file would take too much memory")


def message_fields(data: Data, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, wire type, start and end of each field of a message; its tag stands before.

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
        yield tag >> 3, kind, start, start + size
        start += size


def _varint(data: Data, start: int, stop: int) -> tuple[int, int]:
    value = 0
    for index in range(start, min(start + 10, stop)):
        value |= (data[index] & 127) << 7 * (index - start)
        if data[index] < 128:
            return value, index + 1
    raise DecodeError
