"""Folders of pictures as images of a network. This needs Pillow, which nothing else here does."""

import warnings
from pathlib import Path

import numpy as np

from .coding import pixel_codes
from .errors import NetworkFileError
from .files import check_input
from .network import ImageSpec
from .types import Codes, Labels

__all__ = ["load_pictures", "picture_labels"]

PICTURES = (".png", ".jpg", ".jpeg")
MODES = {1: "L", 3: "RGB"}
MOST_PIXELS = 1 << 24  # of a picture before it is scaled
MOST_CODES = 1 << 30  # of all pictures, scaled


def load_pictures(folder: Path, image: ImageSpec) -> tuple[Codes, Labels | None]:
    """The pictures in a folder as codes, in the order of their names, and their labels if known.

    The network says what code a pixel has, see `ImageCoding`.

    If there are folders in the folder, each is a class: labels count them in the order of their
    names, and pictures beside them are left out. A picture of the network's size is taken as it
    is. Of any other a square is scaled, the middle 7/8 of the shorter side, as is usual when
    networks for ImageNet are validated.

    Returns
    -------
    images : uint8 array (n, C, H, W), codes
    labels : int64 array (n,); None if there are no folders of classes

    Raises
    ------
    NetworkFileError
        If there are no pictures, one cannot be read, or the network takes no pictures.
    RuntimeError
        If Pillow is not installed.
    """
    if image.channels not in MODES:
        raise NetworkFileError(
            f"{folder}: pictures have 1 or 3 channels, the network's images {image.channels}; "
            "give an array with --data"
        )
    groups = _groups(folder)
    count = sum(map(len, groups))
    if not count:
        raise NetworkFileError(f"{folder}: holds no pictures ({', '.join(PICTURES)})")
    if count * image.channels * image.height * image.width > MOST_CODES:
        raise NetworkFileError(f"{folder}: {count} pictures are more than {MOST_CODES} codes")
    pixels = np.stack([_read(path, image) for group in groups for path in group])
    return pixel_codes(pixels, image.meaning, image.bits), picture_labels(folder)


def picture_labels(folder: Path) -> Labels | None:
    """The classes of a folder's pictures, int64 (n,), as `load_pictures` gives them."""
    if not _classes(folder):
        return None
    groups = _groups(folder)
    return np.repeat(np.arange(len(groups)), [len(group) for group in groups])


def _classes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _groups(folder: Path) -> list[list[Path]]:
    """The pictures of each class; of a folder without classes all of them."""
    groups = _classes(folder) or [folder]
    return [[p for p in sorted(group.iterdir()) if _is_picture(p)] for group in groups]


def _is_picture(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in PICTURES


def _read(path: Path, image: ImageSpec) -> Codes:
    """One picture's pixels (C, H, W)."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "Pictures need the package pillow. Install it with: pip install pillow"
        ) from error
    size = image.width, image.height
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of pictures that are far too large
            file = Image.open(check_input(path), formats=("PNG", "JPEG"))
        with file:
            if file.width * file.height > MOST_PIXELS:
                raise NetworkFileError(
                    f"{path}: {file.width} x {file.height} pixels; the most that is read is "
                    f"{MOST_PIXELS}"
                )
            picture = file.convert(MODES[image.channels])
        if picture.size != size:
            if image.width != image.height:
                raise NetworkFileError(
                    f"{path}: must have {image.width} x {image.height} pixels, not "
                    f"{picture.width} x {picture.height}: it is scaled for square images only"
                )
            box = _middle(picture.size)
            picture = picture.resize(size, Image.Resampling.BILINEAR, box)
    except NetworkFileError:
        raise
    except Exception as error:  # a decoder's errors are of many kinds
        raise NetworkFileError(f"{path}: is not a whole picture ({error})") from None
    pixels = np.asarray(picture).reshape(image.height, image.width, image.channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _middle(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The middle 7/8 of the shorter side, as a square."""
    side = min(size) * 7 / 8
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side
