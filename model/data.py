"""Handwritten digits, which scikit-learn carries, as image codes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn import functional

from truncmac.golden import activation_codes

__all__ = ["Digits", "digits", "distorted"]

Codes = npt.NDArray[np.uint8]
LARGEST_VALUE = 16  # of a pixel, in scikit-learn's digits
TEST_IMAGES = 450
SPLIT_SEED = 0  # the split never changes, whatever the seed of a training


@dataclass(frozen=True, eq=False)
class Digits:
    """Images, uint8 codes (n, 1, 8, 8), and labels, uint8 (n,), for training and for tests."""

    train_images: Codes
    train_labels: Codes
    test_images: Codes
    test_labels: Codes


def digits() -> Digits:
    """The 1797 digits, of which 450 are for tests: always the same, equally many of each class.

    A pixel v in 0..16 becomes the 8-bit code of v/16, rounded half up.
    """
    values, labels = load_digits(return_X_y=True)
    codes = activation_codes(values / LARGEST_VALUE, 8).reshape(-1, 1, 8, 8)
    train_images, test_images, train_labels, test_labels = train_test_split(
        codes,
        labels.astype(np.uint8),
        test_size=TEST_IMAGES,
        stratify=labels,
        random_state=SPLIT_SEED,
    )
    return Digits(train_images, train_labels, test_images, test_labels)


def distorted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images turned by up to 10 degrees, scaled by up to 10 % and moved by up to 0.8 pixels.

    Parameters
    ----------
    images : real tensor (B, C, H, W) in [0, 1]; what comes in from outside is 0
    """
    count, _, height, width = images.shape

    def random(limit: float) -> Tensor:
        return (2 * torch.rand(count, generator=generator) - 1) * limit

    angle, scale = random(torch.pi / 18), 1 + random(0.1)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    right, down = random(2 * 0.8 / width), random(2 * 0.8 / height)
    rows = [torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
