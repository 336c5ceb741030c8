"""What a network's logits say: classes, and how many of them are right."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .executor import Executor
from .network import Network
from .types import AnyIntegers, BitWidths, Codes

__all__ = ["accuracy", "network_accuracy", "predictions"]

IMAGES_AT_ONCE = 256  # between two reports of progress


def predictions(logits: AnyIntegers) -> npt.NDArray[np.intp]:
    """Class of each image: the largest logit, the first of equals."""
    return logits.reshape(len(logits), -1).argmax(axis=1)


def accuracy(logits: AnyIntegers, labels: AnyIntegers) -> float:
    """Share of images whose largest logit is that of their label."""
    return float((predictions(logits) == labels).mean())


def network_accuracy(
    network: Network,
    images: Codes,
    labels: AnyIntegers,
    bits: BitWidths,
    on_progress: Callable[[int], None] = lambda done: None,
) -> float:
    """Share of `images` that the integer network classifies right at `bits`.

    `on_progress` is called with the number of images done so far.
    """
    executor, right = Executor(network, bits), 0.0
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
        logits = executor.run(images[part], keep=()).logits
        right += accuracy(logits, labels[part]) * len(images[part])
        on_progress(min(start + IMAGES_AT_ONCE, len(images)))
    return right / len(images)
