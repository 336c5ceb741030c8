"""What data sets share: images that can be taken by index, and their split."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .networks import ImageShape

__all__ = ["ArrayImages", "Codes", "DataError", "Images", "Labels", "Split"]

Codes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


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
class Split:
    """Images to train and to test with."""

    name: str
    shape: ImageShape
    train: Images
    test: Images
