"""Files of images, with their labels if known: safetensors, .npz, or .npy without labels."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as to_bytes

from .errors import NetworkFileError
from .files import check_input, write_bytes
from .network_file import MOST_BYTES, open_safetensors
from .types import AnyIntegers, Codes, Labels, Tensors

__all__ = ["load_images", "save_images"]

FREE_BYTES, MOST_RATIO = 1 << 26, 100  # an archive may unpack to so much, or its size so often
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What NumPy raises over damaged files
NUMPY_ERRORS = (
    *(ValueError, EOFError, KeyError, TypeError, SyntaxError, RuntimeError, MemoryError),
    *(NotImplementedError, OSError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def save_images(path: Path, images: Codes, labels: Labels | None = None) -> None:
    """Write a safetensors file of images, with labels if known; it is whole or not there.

    Parameters
    ----------
    images : uint8 array (n, C, H, W), codes
    labels : integer array (n,)

    Raises
    ------
    NetworkFileError
        If the arrays are not of these types and shapes.
    """
    tensors: dict[str, AnyIntegers] = {"images": np.ascontiguousarray(images)}
    if labels is not None:
        tensors["labels"] = np.ascontiguousarray(labels)
    _check(Path(path), dict(tensors))
    write_bytes(Path(path), to_bytes(tensors))


def load_images(path: Path) -> tuple[Codes, Labels | None]:
    """Read images, and their labels if the file has them.

    The file is a safetensors or .npz file that holds `images` and, if known, `labels`; or a .npy
    file, which holds the images alone. Nothing in it is unpickled.

    Returns
    -------
    images : uint8 array (n, C, H, W), codes
    labels : int64 array (n,), or None

    Raises
    ------
    NetworkFileError
        If the file is not whole, or does not hold such arrays.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    if path.suffix == ".npz":
        tensors = _read_npz(path)
    elif path.suffix == ".npy":
        tensors = _read_npy(path)
    else:
        tensors = _read_safetensors(path)
    _check(path, tensors)
    labels = tensors.get("labels")
    images = tensors["images"].astype(np.uint8, copy=False)
    return images, None if labels is None else labels.astype(np.int64)


def _read_safetensors(path: Path) -> Tensors:
    with open_safetensors(path) as file:
        names = set(file.keys())
        _check_names(path, names)
        return {name: file.get_tensor(name) for name in sorted(names)}


def _read_npy(path: Path) -> Tensors:
    """The array of a .npy file. Nothing is unpickled, and it takes no more memory than the file."""
    size = check_input(path).stat().st_size
    if size > MOST_BYTES:
        raise NetworkFileError(f"{path}: the most that is read is {MOST_BYTES} bytes")
    with path.open("rb") as file, _numpy_errors(path):
        return {"images": _array(file, size)}


def _read_npz(path: Path) -> Tensors:
    """The arrays of a .npz file; names and sizes are checked before an array is unpacked."""
    packed = check_input(path).stat().st_size
    with path.open("rb") as whole, _numpy_errors(path), zipfile.ZipFile(whole) as archive:
        entries = archive.infolist()
        _check_names(path, {entry.filename.removesuffix(".npy") for entry in entries})
        if len(entries) > 2:
            raise NetworkFileError(f"{path}: an array is there twice")
        size = sum(entry.file_size for entry in entries)
        most = min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * packed))
        if size > most:
            raise NetworkFileError(
                f"{path}: unpacks to {size} bytes; the most that is read is {most}"
            )
        tensors = {}
        for entry in entries:
            with archive.open(entry) as file:
                tensors[entry.filename.removesuffix(".npy")] = _array(file, entry.file_size)
        return tensors


@contextmanager
def _numpy_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except NetworkFileError:
        raise
    except NUMPY_ERRORS as error:
        raise NetworkFileError(f"{path}: not a whole file of NumPy arrays ({error})") from None


def _array(file: IO[bytes], size: int) -> npt.NDArray[np.generic]:
    """The array of an open .npy file of `size` bytes."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"version {version}")
    shape, fortran, dtype = HEADERS[version](file)
    if dtype.hasobject or dtype.kind not in "iuf":
        raise ValueError(f"its elements are {dtype}")
    bytes_of_it = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or bytes_of_it > size:
        raise ValueError(f"shape {shape} of {dtype} does not fit its {size} bytes")
    array = np.frombuffer(file.read(bytes_of_it), dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _check_names(path: Path, names: Set[str]) -> None:
    if "images" not in names or names - {"images", "labels"}:
        raise NetworkFileError(
            f"{path}: must hold the tensors images and, if known, labels, not {sorted(names)[:9]}"
        )


def _check(path: Path, tensors: Tensors) -> None:
    _check_names(path, set(tensors))
    images = tensors["images"]
    if images.dtype != np.uint8 or images.ndim != 4 or images.size == 0:
        raise NetworkFileError(
            f"{path}: images must be uint8 with shape (n, C, H, W), "
            f"not {images.dtype} with shape {images.shape}"
        )
    labels = tensors.get("labels")
    if labels is None:
        return
    if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
        raise NetworkFileError(
            f"{path}: labels must be integers with shape ({len(images)},), "
            f"not {labels.dtype} with shape {labels.shape}"
        )
