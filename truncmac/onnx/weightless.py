"""Reads ONNX files without their weights, whose shapes are all that is kept of them.

So a file may be as large as protobuf allows, its weights may lie in other files that are not
there, and little memory is needed.
"""

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx

from truncmac.golden.checks import expect

from .mapped import mapped_file
from .size import check_size, message_fields

__all__ = ["read_weightless"]

LARGEST_FILE = (1 << 31) - 1  # protobuf has no larger messages
KEPT = 1 << 12  # bytes of a tensor that may be a shape
MOST_DEPTH = 8  # of graphs in graphs
MOST_FIELDS = 1_000_000

# Fields by number, of a message: what is in them, None where a long one is dropped
Fields = Mapping[int, Any]
TENSOR: Fields = dict.fromkeys((4, 5, 7, 9, 10, 11))
EXTERNAL = (13, 14)  # of a tensor: where its data lie, which are not read
GRAPH: dict[int, Any] = {5: TENSOR}
GRAPH[1] = {5: {5: TENSOR, 6: GRAPH}}  # nodes, their attributes
MODEL: Fields = {7: GRAPH}


def read_weightless(path: Path) -> onnx.ModelProto:
    """Read an ONNX file without the data of tensors of more than 4 KiB.

    Raises
    ------
    NetworkFileError
        If it is not whole or too large.
    OSError
        If the file cannot be read.
    """
    with mapped_file(path, LARGEST_FILE) as data:
        content = b"".join(_kept(data, 0, len(data), MODEL, 0, [MOST_FIELDS]))
        check_size(content)
        return onnx.ModelProto.FromString(content)


def _kept(
    data: mmap.mmap, start: int, stop: int, part: Fields, depth: int, budget: list[int]
) -> Iterator[bytes]:
    """The pieces of a message that are kept."""
    expect(depth <= 4 * MOST_DEPTH, "the ONNX file has too many graphs in each other")
    before = start
    for number, kind, first, last in message_fields(data, start, stop):
        budget[0] -= 1
        expect(budget[0] >= 0, "the ONNX file has too many fields")
        inner = part.get(number)
        if inner is not None and kind == 2:
            content = b"".join(_kept(data, first, last, inner, depth + 1, budget))
            yield _varint(number << 3 | kind) + _varint(len(content)) + content
        elif part is not TENSOR or not (
            number in EXTERNAL or (number in TENSOR and last - first > KEPT)
        ):
            yield data[before:last]
        before = last


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
