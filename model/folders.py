"""Folders of image files, laid out as ImageNet is; a file is decoded when its image is taken."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from truncmac.golden.types import AnyIntegers, Codes, Labels

from .images import DataError, Split
from .networks import ImageShape

__all__ = ["FolderImages", "image_folders"]

SUFFIXES = (".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class FolderImages:
    """Image files, which are decoded when they are taken, on all cores.

    An image is the middle of its picture, scaled. For training it is a random part of the picture,
    and half of the images are mirrored.

    Attributes
    ----------
    paths : one file for each image
    labels : int64 (n,)
    size : height and width of the images, in pixels
    """

    paths: tuple[Path, ...]
    labels: Labels
    size: int = 224

    def take(self, indices: AnyIntegers, rng: np.random.Generator | None) -> Codes:
        """The images with these indices, uint8 codes (n, 3, size, size); see `Images`."""
        # Each image has its own generator, so that the order of the threads changes nothing
        own: Sequence[np.random.Generator | None]
        own = [None] * len(indices) if rng is None else rng.spawn(len(indices))
        with ThreadPoolExecutor() as pool:
            paths = [self.paths[index] for index in indices]
            return np.stack(list(pool.map(self._one, paths, own)))

    def _one(self, path: Path, rng: np.random.Generator | None) -> Codes:
        from PIL import Image

        try:
            with Image.open(path) as file:
                image = file.convert("RGB")
        except OSError as error:
            raise DataError(f"{path}: is not a readable image: {error}") from error
        part = _middle(image.size, self.size) if rng is None else _random_part(image.size, rng)
        codes = np.asarray(image.resize((self.size, self.size), Image.Resampling.BILINEAR, part))
        if rng is not None and rng.random() < 0.5:
            codes = codes[:, ::-1]
        return np.ascontiguousarray(codes.transpose(2, 0, 1))


Box = tuple[float, float, float, float]


def _middle(size: tuple[int, int], out: int) -> Box:
    """The square in the middle whose side is `out` / 256 of the shorter side, as a box."""
    side = min(size) * min(1.0, out / 256)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side


def _random_part(size: tuple[int, int], rng: np.random.Generator) -> Box:
    """A random box of 8 to 100 % of the area and of 3:4 to 4:3 (arXiv 1409.4842, section 6)."""
    width, height = size
    area = width * height * rng.uniform(0.08, 1.0)
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    wide = min(width, float(np.sqrt(area * aspect)))
    high = min(height, float(np.sqrt(area / aspect)))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    return left, top, left + wide, top + high


def image_folders(folder: Path, size: int = 224) -> Split:
    """The image files in `folder`/train/CLASS and `folder`/val/CLASS, as ImageNet is laid out.

    Raises
    ------
    DataError
        If there are no such folders or files, or both parts do not have the same classes.
    """
    parts = []
    names: list[str] = []
    for part in ("train", "val"):
        place = folder / part
        found = (
            sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
        )
        if not found:
            raise DataError(
                f"Image folders not found. Looked for class folders in {place}. "
                "Pass the folder that holds train/ and val/ with --data"
            )
        names = names or found
        if found != names:
            other = sorted(set(found) ^ set(names))
            raise DataError(
                f"{folder}: train/ and val/ must hold the same classes; {other[0]!r} is in one only"
            )
        paths, labels = [], []
        for label, name in enumerate(names):
            files = sorted(p for p in (place / name).iterdir() if p.suffix.lower() in SUFFIXES)
            paths += files
            labels += [label] * len(files)
        if not paths:
            raise DataError(f"{place}: holds no image files ({', '.join(SUFFIXES)})")
        parts.append(FolderImages(tuple(paths), np.array(labels, np.int64), size))
    return Split(folder.name, ImageShape(3, size, size, len(names)), *parts)
