"""Files of images, with their labels if known: safetensors, .npz, or .npy without labels.

A file holds `images`, pixels or real numbers, or `codes` as a network takes them.
"""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as to_bytes

from .coding import level_codes, pixel_codes, real_codes
from .errors import NetworkFileError
from .files import check_input, write_bytes
from .network import ImageSpec
from .network_file import MOST_BYTES, open_safetensors
from .types import Array, Codes, Labels, Tensors

__all__ = ["Images", "load_images", "read_images", "save_images"]

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


@dataclass(frozen=True, eq=False)
class Images:
    """Images, as a file holds them.

    Attributes
    ----------
    path : of the file, for messages
    array : (n, C, H, W) or (n, K); pixels or codes, uint8; signed codes, int8; or real numbers
    are_codes : the file says that they are codes of a network
    labels : int64 array (n,), or None
    """

    path: Path
    array: Array
    are_codes: bool = False
    labels: Labels | None = None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest of real numbers; None where they are integers."""
        if self.array.dtype.kind != "f":
            return None
        low, high = float(self.array.min()), float(self.array.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise NetworkFileError(f"{self.path}: images must be finite, not NaN or infinite")
        return low, high

    def codes(self, image: ImageSpec | None = None) -> Codes:
        """The codes that a network takes, uint8 (n, C, H, W).

        Of uint8 `images`, pixels, and of real ones the codes are what the network says of them;
        where it says nothing, uint8 numbers are codes.

        Parameters
        ----------
        image : what the network takes; None: uint8 numbers are taken as they are

        Raises
        ------
        NetworkFileError
            If the network has no codes for what the file holds.
        """
        array = self.array if self.array.ndim == 4 else self.array[:, :, None, None]
        known = None if image is None else image.coding
        if array.dtype == np.uint8 and (self.are_codes or known is None):
            return array
        if image is None:
            raise NetworkFileError(
                f"{self.path}: images must be uint8 where no network says what others mean, "
                f"not {array.dtype}"
            )
        self._check_shape(array, image)
        try:
            if array.dtype == np.int8:
                return level_codes(array, image.bits)
            make = pixel_codes if array.dtype == np.uint8 else real_codes
            return make(array, image.meaning, image.bits)
        except ValueError as error:
            raise NetworkFileError(f"{self.path}: {error}") from None

    def _check_shape(self, array: Array, image: ImageSpec) -> None:
        """Check that the network takes images of this shape, and signed codes if they are."""
        if array.shape[1:] != (image.channels, image.height, image.width):
            raise NetworkFileError(
                f"{self.path}: images must have shape (n, {image.channels}, {image.height}, "
                f"{image.width}), not {self.array.shape}"
            )
        if array.dtype == np.int8 and not (image.coding is not None and image.coding.signed):
            raise NetworkFileError(
                f"{self.path}: holds signed codes, and the codes of the network's image have no "
                "sign"
            )


def save_images(path: Path, images: Array, labels: Labels | None = None) -> None:
    """Write a safetensors file of images, with labels if known; it is whole or not there.

    Parameters
    ----------
    images : uint8 array (n, C, H, W), pixels; or real numbers
    labels : integer array (n,)

    Raises
    ------
    NetworkFileError
        If the arrays are not of these types and shapes.
    """
    tensors: dict[str, Array] = {"images": np.ascontiguousarray(images)}
    if labels is not None:
        tensors["labels"] = np.ascontiguousarray(labels)
    _check(Path(path), dict(tensors))
    write_bytes(Path(path), to_bytes(tensors))


def load_images(path: Path, image: ImageSpec | None = None) -> tuple[Codes, Labels | None]:
    """Read images as codes, and their labels if the file has them; see `read_images`.

    Parameters
    ----------
    image : what the network takes; None: the file must hold uint8 numbers, taken as they are

    Returns
    -------
    images : uint8 array (n, C, H, W), codes
    labels : int64 array (n,), or None

    Raises
    ------
    NetworkFileError
        If the file is not whole, or does not hold images that the network has codes for.
    OSError
        If the file cannot be read.
    """
    found = read_images(path)
    return found.codes(image), found.labels


def read_images(path: Path) -> Images:
    """Read a file of images.

    The file is a safetensors or .npz file that holds `images` or `codes` and, if known, `labels`;
    or a .npy file, which holds the images alone. Images are pixels (uint8) or real numbers, codes
    are uint8, or int8 if they are signed. Nothing in it is unpickled.

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
    return Images(
        path,
        tensors["codes"] if "codes" in tensors else tensors["images"],
        "codes" in tensors,
        None if labels is None else labels.astype(np.int64),
    )


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
    if len(names & {"images", "codes"}) != 1 or names - {"images", "codes", "labels"}:
        raise NetworkFileError(
            f"{path}: must hold the tensors images and, if known, labels, not {sorted(names)[:9]}"
        )


def _check(path: Path, tensors: Tensors) -> None:
    _check_names(path, set(tensors))
    name = "codes" if "codes" in tensors else "images"
    images = tensors[name]
    kinds = ("u1", "i1") if name == "codes" else ("u1", "f2", "f4", "f8")
    known = images.dtype in [np.dtype(kind) for kind in kinds]
    if not known or images.ndim not in (2, 4) or images.size == 0:
        allowed = "uint8 or int8" if name == "codes" else "uint8 or real"
        raise NetworkFileError(
            f"{path}: {name} must be {allowed} with shape (n, C, H, W) or (n, K), "
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
