"""Joint training over bit-widths: each is taught by the next higher one.

Source: Any-Precision Deep Neural Networks, arXiv 1911.07346; TruncQuant, arXiv 2506.11431.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import Tensor, nn

from .data import Split
from .layers import set_bits
from .networks import DigitsNet
from .quantisers import FLOAT_BITS

__all__ = ["Recipe", "float_predictions", "joint_step", "train"]


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters: Adam with a cosine schedule, images shifted by up to `shift` pixels."""

    epochs: int = 80
    batch: int = 64
    learning_rate: float = 4e-3
    shift: int = 1
    seed: int = 0


def joint_step(
    model: nn.Module, bit_widths: tuple[int, ...], images: Tensor, labels: Tensor
) -> float:
    """Add the gradients of all bit-widths for one batch; return the summed loss.

    The float network learns from the labels, each lower bit-width from the softmax of the next
    higher one, detached.
    """
    total = 0.0
    target: Tensor | None = None
    for bits in (FLOAT_BITS, *sorted(bit_widths, reverse=True)):
        set_bits(model, bits)
        logits = model(images)
        loss = F.cross_entropy(logits, labels if target is None else target)
        loss.backward()  # type: ignore[no-untyped-call]
        target = F.softmax(logits.detach(), dim=1)
        total += float(loss.detach())
    return total


def train(
    split: Split,
    recipe: Recipe,
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> DigitsNet:
    """Train a `DigitsNet` on codes of images; the same seed gives the same network.

    Parameters
    ----------
    on_epoch : called with the number of epochs done and the mean loss of the last
    """
    torch.manual_seed(recipe.seed)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(recipe.seed)
    model = DigitsNet()
    optimiser = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
    for epoch in range(recipe.epochs):
        model.train()
        losses = []
        for images, labels in batches(split, recipe, rng):
            optimiser.zero_grad()
            losses.append(joint_step(model, model.bit_widths, images, labels))
            optimiser.step()
        schedule.step()
        on_epoch(epoch + 1, float(np.mean(losses)))
    return model.eval()


def batches(
    split: Split, recipe: Recipe, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in random order, each image moved by a few pixels."""
    order = rng.permutation(len(split.train_labels))
    reach = recipe.shift
    padded = np.pad(split.train_images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    height, width = split.train_images.shape[2:]
    for start in range(0, len(order), recipe.batch):
        part = order[start : start + recipe.batch]
        moves = rng.integers(0, 2 * reach + 1, (len(part), 2))
        images = np.stack(
            [
                padded[index, :, down : down + height, right : right + width]
                for index, (down, right) in zip(part, moves, strict=True)
            ]
        )
        yield real(images), torch.from_numpy(split.train_labels[part])


def real(codes: npt.NDArray[np.uint8]) -> Tensor:
    """Image codes as reals in [0, 1]."""
    return torch.from_numpy(codes.astype(np.float32)) / 255


def float_predictions(
    model: nn.Module, images: npt.NDArray[np.uint8], bits: int
) -> npt.NDArray[np.int64]:
    """Classes that the PyTorch model gives codes of images at `bits`."""
    set_bits(model, bits)
    with torch.no_grad():
        result: npt.NDArray[np.int64] = model(real(images)).argmax(dim=1).numpy()
    return result
