"""Maps an ONNX file of unknown origin into memory, and names it in what is wrong with it."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.message import DecodeError

from truncmac.golden import NetworkFileError

__all__ = ["mapped_file"]


@contextmanager
def mapped_file(path: Path, most: int) -> Iterator[mmap.mmap]:
    """Give the bytes of an ONNX file of up to `most` bytes, for as long as they are read.

    Raises
    ------
    NetworkFileError
        If the file is a folder, too large or not whole, or what reads it says so.
    OSError
        If the file cannot be read.
    """
    if path.is_dir():
        raise NetworkFileError(f"{path}: a folder, not an ONNX file")
    size = path.stat().st_size
    try:
        if not 0 < size <= most:
            raise NetworkFileError(f"{size} bytes; an ONNX file has 1 to {most}")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
    except DecodeError:
        raise NetworkFileError(f"{path}: not a whole ONNX file. Copy or export it again") from None
    except NetworkFileError as error:
        raise NetworkFileError(f"{path}: {error}") from None
