"""A checkpoint is one safetensors file of model, optimiser and recipe; nothing is pickled."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from truncmac.golden.files import read_json, write_bytes

from .convert import truncquantize
from .layers import TruncConv2d, TruncLinear
from .networks import ImageShape, build
from .recipes import Recipe
from .training import EpochLog, Trainer

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "load_checkpoint",
    "new_model",
    "resume",
    "save_checkpoint",
]

FORMAT = "truncmac-checkpoint"
VERSION = 1
OLDER = {"exact_means": False}  # what recipes did before they had a word for it
FIELDS = {
    *("format", "version", "network", "dataset", "shape", "recipe", "epoch", "history"),
}  # of its description, beside the SHA-256
MODEL, OPTIMISER = "model.", "optimiser."
MOST_SIZE = 4096  # of a side of the images, of channels and of classes


class CheckpointError(ValueError):
    """A file is no whole checkpoint of this format, or it belongs to another run."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    network : a name in `NETWORKS`
    dataset : the data set's name
    shape : of its images, and the number of classes
    recipe : the run's
    epoch : how many epochs are done
    history : the log of each epoch
    tensors : by name, which begins with "model." or "optimiser."
    """

    network: str
    dataset: str
    shape: ImageShape
    recipe: Recipe
    epoch: int
    history: tuple[EpochLog, ...]
    tensors: dict[str, Tensor]

    def model(self) -> nn.Module:
        """The trained model, in evaluation mode.

        Raises
        ------
        CheckpointError
            If the tensors are not those of the network.
        """
        state = {k.removeprefix(MODEL): v for k, v in self.tensors.items() if k.startswith(MODEL)}
        try:
            with torch.device("meta"):  # the tensors alone take memory, whatever the shape
                model = new_model(self.network, self.shape, self.recipe)
            model.load_state_dict(state, assign=True)
        except (RuntimeError, TypeError, OverflowError) as error:
            reason = " ".join(str(error).split())[:300]
            raise CheckpointError(f"Checkpoint does not fit {self.network}: {reason}") from error
        return model.eval()


def new_model(network: str, shape: ImageShape, recipe: Recipe) -> nn.Module:
    """A network that is converted as the recipe says, with weights drawn from its seed."""
    torch.manual_seed(recipe.seed)
    model = truncquantize(
        build(network, shape), recipe.widths, recipe.act_bits, exact_means=recipe.exact_means
    )
    for module in model.modules():
        if isinstance(module, TruncConv2d | TruncLinear):
            module.scheme = recipe.scheme
            module.centred = recipe.centred
    return model


def save_checkpoint(path: Path, trainer: Trainer, network: str) -> None:
    """Write the state of `trainer` after an epoch to a file, which is whole or as it was before."""
    tensors = {f"{MODEL}{name}": value for name, value in trainer.model.state_dict().items()}
    for index, values in trainer.optimiser.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"{OPTIMISER}{index}.{name}"] = torch.as_tensor(value)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "network": network,
        "dataset": trainer.split.name,
        "shape": asdict(trainer.split.shape),
        "recipe": asdict(trainer.recipe),
        "epoch": trainer.epoch,
        "history": [asdict(log) for log in trainer.history],
    }
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    about["sha256"] = _digest(about, whole)
    write_bytes(path, to_bytes(whole, {"truncmac": json.dumps(about)}))


def _digest(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of a description, without its own digest, and of all tensors."""
    named = {name: value for name, value in about.items() if name != "sha256"}
    found = hashlib.sha256(json.dumps(named, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is not whole, or was changed after it was written, or is of another format or
        version, or holds NaN or infinity.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("truncmac")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is not a whole safetensors file: {error}") from error
    try:
        about: dict[str, Any] = read_json(text or "{}")
        if about.get("format") != FORMAT:
            raise CheckpointError(f"{path}: is no checkpoint of a training run")
        if about["version"] != VERSION:
            raise CheckpointError(
                f"{path}: has version {about['version']!r}; this package reads {VERSION}"
            )
        _check_unchanged(path, about, tensors)
        recipe = about["recipe"]
        lists = {name: tuple(recipe[name]) for name in ("milestones", "widths")}
        checkpoint = Checkpoint(
            network=str(about["network"]),
            dataset=str(about["dataset"]),
            shape=_shape(path, about["shape"]),
            recipe=Recipe(**(OLDER | recipe | lists)),
            epoch=int(about["epoch"]),
            history=tuple(EpochLog(**log) for log in about["history"]),
            tensors=tensors,
        )
    except CheckpointError:
        raise
    except (
        *(ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError),
    ) as error:
        raise CheckpointError(f"{path}: its description is damaged: {error!r}") from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: tensor {name!r} must be finite, not NaN or infinite")
    return checkpoint


def _check_unchanged(path: Path, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """A description without a SHA-256, of a file that someone else made, is taken as it is."""
    differing = (set(about) - {"sha256"}) ^ FIELDS
    if differing:
        raise CheckpointError(
            f"{path}: its description is damaged: it differs in {', '.join(sorted(differing))}"
        )
    if "sha256" in about and about["sha256"] != _digest(about, tensors):
        raise CheckpointError(f"{path}: is damaged: its content has another SHA-256")


def _shape(path: Path, entries: Any) -> ImageShape:
    """The images' shape, if it is small enough for a network to be made."""
    shape = ImageShape(**entries)
    sizes = asdict(shape).values()
    if not all(type(size) is int and 0 < size <= MOST_SIZE for size in sizes):
        raise CheckpointError(f"{path}: sizes of its images must be in 1..{MOST_SIZE}")
    return shape


def resume(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Bring a trainer to the state in which a checkpoint was written.

    Raises
    ------
    CheckpointError
        If the checkpoint is of another data set or recipe: names what differs.
    """
    if checkpoint.dataset != trainer.split.name:
        raise CheckpointError(
            f"Checkpoint is of data set {checkpoint.dataset}, not {trainer.split.name}"
        )
    theirs, ours = asdict(checkpoint.recipe), asdict(trainer.recipe)
    for name, value in ours.items():
        if theirs[name] != value:
            raise CheckpointError(f"Checkpoint has {name} = {theirs[name]}, this run {value}")
    state = checkpoint.model().state_dict()
    trainer.model.load_state_dict(state)
    found: dict[int, dict[str, Tensor]] = {}
    for name, value in checkpoint.tensors.items():
        if name.startswith(OPTIMISER):
            index, _, key = name.removeprefix(OPTIMISER).partition(".")
            found.setdefault(int(index), {})[key] = value
    whole = trainer.optimiser.state_dict()
    trainer.optimiser.load_state_dict(whole | {"state": found})
    trainer.epoch = checkpoint.epoch
    trainer.history = list(checkpoint.history)
