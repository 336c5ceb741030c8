"""Files of images: one safetensors file with `images` and, if known, `labels`."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as to_bytes

from .errors import NetworkFileError
from .files import write_bytes
from .network_file import read_safetensors
from .quantise import Codes

__all__ = ["load_images", "save_images"]

Labels = npt.NDArray[np.integer]


def save_images(path: Path, images: Codes, labels: Labels | None = None) -> None:
    """Write codes (n, C, H, W), uint8, and labels (n,); the file is whole or not there."""
    tensors: dict[str, npt.NDArray[np.integer]] = {"images": np.ascontiguousarray(images)}
    if labels is not None:
        tensors["labels"] = np.ascontiguousarray(labels)
    _check(Path(path), dict(tensors))
    write_bytes(Path(path), to_bytes(tensors))


def load_images(path: Path) -> tuple[Codes, Labels | None]:
    """Read codes (n, C, H, W), uint8, and labels (n,), or None.

    Raises
    ------
    NetworkFileError
        If the file is not whole, or is not such a file.
    """
    _, tensors = read_safetensors(Path(path))
    _check(Path(path), tensors)
    labels = tensors.get("labels")
    images = tensors["images"].astype(np.uint8, copy=False)
    return images, None if labels is None else labels.astype(np.int64)


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
