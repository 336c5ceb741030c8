"""What a network's logits say: the class of each image, and how many classes are right."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .executor import Executor
from .network import Network
from .types import AnyIntegers, BitWidths, Codes

__all__ = ["accuracy", "network_accuracy", "predictions"]

IMAGES_AT_ONCE = 256  # between two reports of progress


def predictions(logits: AnyIntegers) -> npt.NDArray[np.intp]:
    """The class of each image, int (n,): its largest logit, or the first of equal ones.

    Parameters
    ----------
    logits : integer array (n, ...), which counts as (n, classes)
    """
    return logits.reshape(len(logits), -1).argmax(axis=1)


def accuracy(logits: AnyIntegers, labels: AnyIntegers) -> float:
    """The share, in 0..1, of images whose predicted class is their label.

    Parameters
    ----------
    logits : integer array (n, ...)
    labels : integer array (n,)
    """
    return float((predictions(logits) == labels).mean())


def network_accuracy(
    network: Network,
    images: Codes,
    labels: AnyIntegers,
    bits: BitWidths,
    on_progress: Callable[[int], None] = lambda done: None,
) -> float:
    """The share, in 0..1, of images that the integer network puts into the right class at `bits`.

    Parameters
    ----------
    images : uint8 (n, C, H, W), codes
    labels : integer array (n,)
    bits : the network's k, or k by layer name
    on_progress : called with the number of images done so far
    """
    executor, right = Executor(network, bits), 0.0
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
        logits = executor.run(images[part], keep=()).logits
        right += accuracy(logits, labels[part]) * len(images[part])
        on_progress(min(start + IMAGES_AT_ONCE, len(images)))
    return right / len(images)
