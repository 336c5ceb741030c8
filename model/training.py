"""Joint training over bit-widths: each bit-width is taught by the next higher one.

Source: Any-Precision Deep Neural Networks, arXiv 1911.07346; TruncQuant, arXiv 2506.11431.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from truncmac.golden.types import Codes, Integers, Singles

from .images import Images, Split
from .layers import SwitchableBatchNorm, at_bits, set_bits
from .processes import Processes
from .quantisers import FLOAT_BITS
from .recipes import Recipe

__all__ = [
    "EpochLog",
    "JointLoss",
    "Trainer",
    "accuracy_at",
    "calibrate",
    "complete",
    "logits_of",
    "real",
]

EVALUATION_BATCH = 512


def real(codes: Codes) -> Tensor:
    """Image codes, uint8 of any shape, as reals code / 255: float32."""
    return torch.from_numpy(np.ascontiguousarray(codes)).float() / 255


class JointLoss(nn.Module):
    """The sum of the losses of all bit-widths for one batch, so that one backward serves them all.

    The float network learns from the labels. Each bit-width learns from the softmax of the next
    higher one, which is detached; or from the labels too, if the recipe says so.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.model = model
        self.widths = (FLOAT_BITS, *sorted(recipe.widths, reverse=True))
        self.distil = recipe.teacher == "distil"

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """The loss of images (B, C, H, W) in [0, 1] with labels (B,)."""
        losses = []
        target = labels
        for bits in self.widths:
            set_bits(self.model, bits)
            logits = self.model(images).float()
            losses.append(F.cross_entropy(logits, target))
            if self.distil:
                target = F.softmax(logits.detach(), dim=1)
        return torch.stack(losses).sum()


@dataclass(frozen=True)
class EpochLog:
    """What one epoch came to.

    Attributes
    ----------
    epoch : counts from 0
    loss : the mean over the epoch's batches
    rate : the learning rate
    accuracies : shares, in 0..1, of the test images that are classified right, by k as text; empty
        if they were not measured
    """

    epoch: int
    loss: float
    rate: float
    accuracies: Mapping[str, float] = field(default_factory=dict)


class Trainer:
    """Trains a converted model epoch by epoch; the same seed gives the same model.

    All that is random in an epoch follows from the recipe's seed and the epoch's number. So a run
    that goes on from a checkpoint ends as if it had never been stopped.

    Parameters
    ----------
    model : what `truncquantize` made, with the recipe's bit-widths
    split : the images
    recipe : the hyper-parameters
    processes : this process and the others; None: this one alone
    autocast : compute in bfloat16 where PyTorch deems it safe
    compiled : compile the model with torch.compile
    """

    def __init__(
        self,
        model: nn.Module,
        split: Split,
        recipe: Recipe,
        processes: Processes | None = None,
        *,
        autocast: bool = False,
        compiled: bool = False,
    ) -> None:
        self.processes = processes or Processes()
        self.split = split
        self.recipe = recipe
        self.autocast = autocast
        device = self.processes.device
        self.model = model.to(device)
        if device.type == "cuda":
            self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        inner = _compiled(self.model, recipe) if compiled else self.model
        self.loss: nn.Module = JointLoss(inner, recipe)
        if self.processes.count > 1:
            ids = [device.index] if device.type == "cuda" else None
            self.loss = DistributedDataParallel(self.loss, device_ids=ids)
        self.optimiser = _optimiser(self.model, recipe)
        self.epoch = 0
        self.history: list[EpochLog] = []

    def train_epoch(
        self, on_batch: Callable[[int, int], None] = lambda done, count: None
    ) -> EpochLog:
        """Train one more epoch.

        Parameters
        ----------
        on_batch : called with the number of batches done and the number of batches of the epoch

        Raises
        ------
        ValueError
            If there are too few images for a batch.
        """
        torch.manual_seed(
            np.random.SeedSequence([self.recipe.seed, self.epoch]).generate_state(1)[0]
        )
        rate = self.recipe.rate(self.epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        losses = []
        parts = list(self._batches())
        if not parts:
            raise ValueError(
                f"Training images must be at least 2 for each of {self.processes.count} processes, "
                f"not {len(self.split.train.labels)} in all"
            )
        for index, (images, labels) in enumerate(self._loaded(parts)):
            self.optimiser.zero_grad()
            with self._precision():
                loss = self.loss(images, labels)
            loss.backward()
            self.optimiser.step()
            losses.append(loss.detach())
            on_batch(index + 1, len(parts))
        log = EpochLog(self.epoch, float(torch.stack(losses).mean()), rate)
        self.history.append(log)
        self.epoch += 1
        return log

    def measure(self) -> EpochLog:
        """Add the accuracy at each trained bit-width to the last epoch's log, and return it."""
        accuracies = {
            f"{bits}": accuracy_at(self.model, self.split.test, bits) for bits in self.recipe.widths
        }
        self.history[-1] = replace(self.history[-1], accuracies=accuracies)
        return self.history[-1]

    def _batches(self) -> Iterator[Integers]:
        """The indices of this process's part of each batch; all but the last are of one size.

        The last batch is dropped if it is too small for statistics of its own.
        """
        count, size = self.processes.count, self.recipe.batch
        order = np.random.default_rng([self.recipe.seed, self.epoch]).permutation(
            len(self.split.train.labels)
        )
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            mine = batch[self.processes.rank :: count][: len(batch) // count]
            if len(mine) > 1:
                yield mine

    def _loaded(self, parts: Sequence[Integers]) -> Iterator[tuple[Tensor, Tensor]]:
        """The images and labels of each part; the next are taken while these are trained with."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            coming = pool.submit(self._take, parts[0], 0)
            for index in range(1, len(parts) + 1):
                now = coming.result()
                if index < len(parts):
                    coming = pool.submit(self._take, parts[index], index)
                yield now

    def _take(self, part: Integers, index: int) -> tuple[Tensor, Tensor]:
        train, device = self.split.train, self.processes.device
        rng = np.random.default_rng([self.recipe.seed, self.epoch, index, self.processes.rank])
        images = real(train.take(part, rng)).to(device, non_blocking=True)
        if device.type == "cuda":
            images = images.contiguous(memory_format=torch.channels_last)
        return images, torch.from_numpy(train.labels[part]).to(device, non_blocking=True)

    def _precision(self) -> torch.autocast | nullcontext[None]:
        if not self.autocast:
            return nullcontext()
        return torch.autocast(self.processes.device.type, dtype=torch.bfloat16)


def _compiled(model: nn.Module, recipe: Recipe) -> nn.Module:
    """The model compiled by torch.compile, which keeps two graphs for each bit-width.

    There are two because the last batch of an epoch may be smaller. Beyond its limit of graphs, 8
    by default, torch.compile would run the model without compiling it, which is slow.
    """
    from torch import _dynamo

    graphs = 2 * (len(recipe.widths) + 1)
    _dynamo.config.recompile_limit = max(_dynamo.config.recompile_limit, graphs)
    return cast(nn.Module, torch.compile(model))


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=decay)
    return torch.optim.Adam(model.parameters(), rate, weight_decay=decay)


@torch.no_grad()
def logits_of(model: nn.Module, images: Images, bits: int) -> Singles:
    """The logits, float32 (n, classes), of all images at `bits`, in evaluation mode."""
    device = next(model.parameters()).device
    model.eval()
    found = []
    with at_bits(model, bits):
        for start in range(0, len(images.labels), EVALUATION_BATCH):
            indices = np.arange(start, min(start + EVALUATION_BATCH, len(images.labels)))
            found.append(model(real(images.take(indices, None)).to(device)).float().cpu().numpy())
    return np.concatenate(found)


def accuracy_at(model: nn.Module, images: Images, bits: int) -> float:
    """The share, in 0..1, of images that the PyTorch model puts into the right class at `bits`."""
    return float((logits_of(model, images, bits).argmax(axis=1) == images.labels).mean())


@torch.no_grad()
def calibrate(
    model: nn.Module, widths: Sequence[int], images: Images, *, most: int = 4096, batch: int = 256
) -> None:
    """Take a model's batch-norm statistics anew for `widths`, which it need not be trained for.

    The weights stay as they are. The batch-norm of a new bit-width begins as a copy of that of the
    next higher one that the model has. Each then takes the mean statistics of the images.

    Parameters
    ----------
    most : of more images than that so many are drawn at random, always the same
    batch : how many images run at once
    """
    norms = [module for module in model.modules() if isinstance(module, SwitchableBatchNorm)]
    device = next(model.parameters()).device
    indices = np.arange(len(images.labels))
    if len(indices) > most:
        indices = np.random.default_rng(0).choice(indices, most, replace=False)
    for bits in sorted(widths, reverse=True):
        for module in norms:
            known = sorted(int(key) for key in module.norms if int(key) != FLOAT_BITS)
            nearest = next((key for key in known if key >= bits), known[-1])
            like: nn.BatchNorm1d | nn.BatchNorm2d = module.norms[str(nearest)]  # type: ignore[assignment]
            module.add_width(bits, like)
        model.to(device)
        fresh = [module.norms[str(bits)] for module in norms]
        momenta = [norm.momentum for norm in fresh]
        model.eval()
        for norm in fresh:
            norm.reset_running_stats()  # type: ignore[operator]
            norm.momentum = None  # type: ignore[assignment]  # the mean of all batches
            norm.train()
        with at_bits(model, bits):
            for start in range(0, len(indices), batch):
                taken = images.take(indices[start : start + batch], None)
                model(real(taken).to(device))
        for norm, momentum in zip(fresh, momenta, strict=True):
            norm.momentum = momentum
        model.eval()


def complete(model: nn.Module, recipe: Recipe, images: Images) -> None:
    """Give a model whose training is done batch-norm statistics for every k in 1..8.

    If the recipe says so, the statistics of trained bit-widths are taken anew too: they are running
    means of weights that have moved since, which matters the more the fewer bits there are.

    Parameters
    ----------
    images : those of training
    """
    known = () if recipe.calibrated else recipe.widths
    calibrate(model, sorted(set(range(1, 9)) - set(known)), images)
