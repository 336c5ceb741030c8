"""Files of images, and their labels if known: safetensors, .npz, or .npy without labels."""

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as to_bytes

from .errors import NetworkFileError
from .files import write_bytes
from .network_file import MOST_BYTES, read_safetensors
from .quantise import Codes

__all__ = ["load_images", "save_images"]

Labels = npt.NDArray[np.integer]
# What NumPy raises over damaged files
NUMPY_ERRORS = (
    *(ValueError, EOFError, KeyError, TypeError, SyntaxError, RuntimeError, MemoryError),
    *(NotImplementedError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def save_images(path: Path, images: Codes, labels: Labels | None = None) -> None:
    """Write codes (n, C, H, W), uint8, and labels (n,); the file is whole or not there."""
    tensors: dict[str, npt.NDArray[np.integer]] = {"images": np.ascontiguousarray(images)}
    if labels is not None:
        tensors["labels"] = np.ascontiguousarray(labels)
    _check(Path(path), dict(tensors))
    write_bytes(Path(path), to_bytes(tensors))


def load_images(path: Path) -> tuple[Codes, Labels | None]:
    """Read codes (n, C, H, W), uint8, and labels (n,), or None.

    The file is a safetensors or .npz file with `images` and, if known, `labels`; or a .npy file
    of images.

    Raises
    ------
    NetworkFileError
        If the file is not whole, or is not such a file.
    """
    path = Path(path)
    if path.suffix in (".npy", ".npz"):
        tensors = _read_numpy(path)
    else:
        _, tensors = read_safetensors(path)
    _check(path, tensors)
    labels = tensors.get("labels")
    images = tensors["images"].astype(np.uint8, copy=False)
    return images, None if labels is None else labels.astype(np.int64)


def _read_numpy(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Arrays of a .npy or .npz file; nothing in it is unpickled, and none is larger than said."""
    if path.stat().st_size > MOST_BYTES:
        raise NetworkFileError(f"{path}: the most that is read is {MOST_BYTES} bytes")
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > MOST_BYTES:
                raise NetworkFileError(
                    f"{path}: unpacks to {size} bytes; the most that is read is {MOST_BYTES}"
                )
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return {"images": found}
        with found:
            return {name: np.asarray(found[name]) for name in found.files}
    except NUMPY_ERRORS as error:
        raise NetworkFileError(f"{path}: not a whole file of NumPy arrays ({error})") from None


def _check(path: Path, tensors: dict[str, npt.NDArray[np.generic]]) -> None:
    if "images" not in tensors or set(tensors) - {"images", "labels"}:
        raise NetworkFileError(
            f"{path}: must hold the tensors images and, if known, labels, not {sorted(tensors)}"
        )
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
