"""The kinds of values that pass between functions, each under one name.

An array's name says what its elements are, not what it is for: images, weights and activations
are all codes. Shapes stand in the docstrings of the functions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "AnyIntegers",
    "Array",
    "BitWidths",
    "Codes",
    "Integers",
    "Labels",
    "Padding",
    "Pair",
    "Reals",
    "Shape",
    "Singles",
    "Tensors",
]

Codes = npt.NDArray[np.uint8]  # of images, weights or activations
Integers = npt.NDArray[np.int64]  # sums, logits, parameters
AnyIntegers = npt.NDArray[np.integer]  # codes or integers, of any width
Labels = AnyIntegers  # the class of each image
Reals = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Array = npt.NDArray[Any]  # of any elements
Tensors = Mapping[str, npt.NDArray[np.generic]]  # arrays by name

Pair = tuple[int, int]  # vertical, horizontal
Padding = Pair | tuple[int, int, int, int]  # alike on opposite sides; or top, left, bottom, right
Shape = tuple[int, ...]
BitWidths = int | Mapping[str, int]  # a network's k, or k by layer name
