"""Data sets, as codes: scikit-learn's handwritten digits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

__all__ = ["Split", "digits"]

SPLIT_SEED = 0
TEST_SHARE = 0.25


@dataclass(frozen=True)
class Split:
    """Images, uint8 codes (n, 1, 8, 8), and labels, int64 (n,), to train and to test with."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]


def digits() -> Split:
    """Return the 1797 digits, 8 x 8; grey 0..16 becomes 8-bit codes. A quarter is for testing.

    The split keeps the classes' shares and is always the same.
    """
    source = load_digits()
    images = np.floor(source.images / 16 * 255 + 0.5).astype(np.uint8)[:, None]
    labels = source.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SHARE, random_state=SPLIT_SEED, stratify=labels
    )
    return Split(images[train], labels[train], images[test], labels[test])
