"""What data sets have in common: images that can be taken by index, and their split."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from sklearn.model_selection import train_test_split

from truncmac.golden.types import AnyIntegers, Codes, Integers, Labels

from .networks import ImageShape

__all__ = ["ArrayImages", "DataError", "Images", "SomeImages", "Split", "hold_out"]


class DataError(ValueError):
    """A data set is missing or damaged; the message says where it was looked for and what to do."""


class Images(Protocol):
    """Images that can be taken by index, and their labels, int64 (n,)."""

    @property
    def labels(self) -> Labels:
        """Classes, from 0."""

    def take(self, indices: AnyIntegers, rng: np.random.Generator | None) -> Codes:
        """The images with these indices, uint8 codes (n, C, H, W).

        With `rng` they are moved about at random, for training.
        """


@dataclass(frozen=True)
class ArrayImages:
    """Images in memory, uint8 codes (n, C, H, W), with labels int64 (n,).

    For training they are moved by up to `shift` pixels each way, and zeros come in at the border;
    with `flip` half of them are mirrored.
    """

    images: Codes
    labels: Labels
    shift: int = 0
    flip: bool = False

    def take(self, indices: AnyIntegers, rng: np.random.Generator | None) -> Codes:
        """The images with these indices; see `Images`."""
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
    """A data set: its name and shape, images to train with, and images to test with."""

    name: str
    shape: ImageShape
    train: Images
    test: Images


@dataclass(frozen=True)
class SomeImages:
    """Some of the images `whole`: those with the indices `chosen`."""

    whole: Images
    chosen: Integers

    @property
    def labels(self) -> Labels:
        """Classes, from 0."""
        return self.whole.labels[self.chosen]

    def take(self, indices: AnyIntegers, rng: np.random.Generator | None) -> Codes:
        """The images with these indices among the chosen; see `Images`."""
        return self.whole.take(self.chosen[indices], rng)


def hold_out(split: Split, share: float, seed: int) -> Split:
    """Split the training images: `share` of each class takes the place of the test images.

    The test images are not in the result, so that what is chosen with its help can be judged on
    them later.

    Parameters
    ----------
    share : between 0 and 1, both excluded
    seed : of the random choice

    Raises
    ------
    ValueError
        If `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"Share held out must be between 0 and 1, not {share}")
    labels = split.train.labels
    kept, held = train_test_split(
        np.arange(len(labels)), test_size=share, random_state=seed, stratify=labels
    )
    name = f"{split.name}, {share:.0%} held out by seed {seed}"
    return replace(
        split, name=name, train=SomeImages(split.train, kept), test=SomeImages(split.train, held)
    )
