"""Joint training: one set of weights for all bit-widths, each taught by the next higher one.

Source: Any-Precision DNNs, arXiv 1911.07346; TruncQuant, arXiv 2506.11431.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR

from .data import distorted
from .layers import set_bits
from .networks import CodeNetwork, real_images
from .quantisers import FLOAT

__all__ = ["Recipe", "fit", "joint_step"]


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train; the learning rate falls to 0 along a cosine."""

    epochs: int = 120
    batch: int = 64
    learning_rate: float = 2e-3


def joint_step(
    model: CodeNetwork, images: Tensor, labels: Tensor, optimiser: Optimizer
) -> dict[int, float]:
    """One step on one batch, with the gradients of all bit-widths summed.

    The float pass learns from the labels by cross-entropy; then each width, the highest
    first, from the softmax of the one before it, which is held constant.

    Parameters
    ----------
    images : real tensor (B, C, H, W) in [0, 1]
    labels : int64 tensor (B,)

    Returns
    -------
    The loss of each bit-width, `FLOAT` included.
    """
    optimiser.zero_grad()
    targets = labels
    losses = {}
    for bits in (FLOAT, *sorted(model.bit_widths, reverse=True)):
        set_bits(model, bits)
        logits = model(images)
        loss = functional.cross_entropy(logits, targets)
        torch.autograd.backward(loss)
        targets = logits.detach().softmax(dim=1)
        losses[bits] = float(loss.detach())
    optimiser.step()
    return losses


def fit(
    model: CodeNetwork,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[dict[int, float]], None] = lambda losses: None,
) -> None:
    """Train `model` in place; the seed decides the order of the images and their distortion.

    Parameters
    ----------
    images : uint8 tensor (n, C, H, W) of codes
    labels : int64 tensor (n,)
    on_epoch : called after each epoch with the last batch's losses
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = Adam(model.parameters(), lr=recipe.learning_rate)
    real = real_images(images, model.image)
    batches = len(images) // recipe.batch  # the rest of the images wait for the next epoch
    schedule = CosineAnnealingLR(optimiser, T_max=recipe.epochs * batches)
    model.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: batches * recipe.batch].split(recipe.batch):
            batch = distorted(real[chosen], generator)
            losses = joint_step(model, batch, labels[chosen], optimiser)
            schedule.step()
        on_epoch(losses)
    model.eval()
