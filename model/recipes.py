"""Recipes are the hyper-parameters of training runs, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, pi
from typing import Literal

from .convert import BIT_WIDTHS
from .quantisers import Scheme

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of joint training over bit-widths.

    Attributes
    ----------
    optimiser : "adam", or "sgd" with momentum 0.9
    learning_rate, weight_decay, epochs : as usual
    batch : images of a step, of all processes together
    milestones : epochs at which the rate falls to a tenth; if there are none, it falls to zero as
        a cosine does
    teacher : "distil": the float network learns from the labels, and each bit-width from the
        softmax of the next higher one; "labels": all learn from the labels
    widths : the bit-widths k to train
    act_bits : bits of the activations' codes
    scheme : how weights are quantised, see `Scheme`
    centred : each output channel's mean is taken off its weights before they are quantised
    exact_means : means over the image are not rounded; else they are, to codes of `act_bits`
    calibrated : after the last epoch the batch-norm statistics of all bit-widths are taken anew,
        not only those of bit-widths that were not trained
    seed : of the weights, and of the order and the moves of the images
    """

    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 4e-3
    weight_decay: float = 0.0
    batch: int = 64
    epochs: int = 80
    milestones: tuple[int, ...] = ()
    teacher: Literal["distil", "labels"] = "distil"
    widths: tuple[int, ...] = BIT_WIDTHS
    act_bits: int = 4
    scheme: Scheme = "truncquant"
    centred: bool = False
    exact_means: bool = True
    calibrated: bool = True
    seed: int = 0

    def rate(self, epoch: float) -> float:
        """The learning rate in `epoch`, which counts from 0."""
        if not self.milestones:
            return self.learning_rate * (1 + cos(pi * epoch / self.epochs)) / 2
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return self.learning_rate * float(0.1**passed)


RECIPES: Mapping[str, Recipe] = {
    "digits": Recipe(),
    "mnist5k": Recipe(epochs=20),
    # Any-Precision DNNs, arXiv 1911.07346, section 4; TruncQuant, arXiv 2506.11431
    "cifar": Recipe(learning_rate=1e-3, batch=128, epochs=200, milestones=(100, 150, 180)),
    "imagenet": Recipe(
        optimiser="sgd",
        learning_rate=0.1,
        weight_decay=1e-4,
        batch=256,
        epochs=80,
        milestones=(45, 60, 70),
    ),
}
