"""One training run into a folder: epochs, checkpoints, and the integers that come out."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from truncmac.commands.progress import progress_bar
from truncmac.golden import save, save_images
from truncmac.golden.files import alone
from truncmac.model.checkpoint import (
    CheckpointError,
    load_checkpoint,
    new_model,
    resume,
    save_checkpoint,
)
from truncmac.model.data import dataset
from truncmac.model.evaluate import Comparison, compare
from truncmac.model.export import export
from truncmac.model.images import ArrayImages, Split
from truncmac.model.logs import Logs
from truncmac.model.processes import Processes
from truncmac.model.recipes import RECIPES, Recipe
from truncmac.model.training import Trainer, complete
from truncmac.terminal import Terminal, new_table

__all__ = ["TrainRequest", "chosen_recipe", "console", "train"]

console = Terminal()
MOST_DIFFERING = 0.001  # of the predictions: float and integer are held to be the same below it


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What is trained, where, and how it computes.

    Attributes
    ----------
    network, dataset : names of `model`'s networks and data sets
    data : the folder of the data set's files, where it needs any
    recipe : epochs, bit-widths and all else that changes the result
    out : the folder of the run
    device : "auto", "cpu" or "cuda"
    autocast, compiled : compute in bfloat16 where that is safe, and through torch.compile
    as_json : print JSON instead of tables
    """

    network: str
    dataset: str
    data: Path | None
    recipe: Recipe
    out: Path
    device: str
    autocast: bool = False
    compiled: bool = False
    as_json: bool = False


BY_DATASET = {"cifar10": "cifar", "cifar100": "cifar", "folders": "imagenet"}


def chosen_recipe(
    dataset: str, name: str | None = None, epochs: int | None = None, **changes: Any
) -> Recipe:
    """The recipe `name`, or that of the data set, with changes.

    Fewer or more epochs keep the milestones where they are in proportion.

    Raises
    ------
    ValueError
        If there is no such recipe, nor one of the data set.
    """
    name = name or BY_DATASET.get(dataset, dataset)
    if name not in RECIPES:
        raise ValueError(f"Recipe must be one of {', '.join(RECIPES)}, not {name!r}")
    recipe = replace(RECIPES[name], **changes)
    if epochs is None:
        return recipe
    milestones = tuple(m * epochs // recipe.epochs for m in recipe.milestones)
    return replace(recipe, epochs=epochs, milestones=milestones)


def train(request: TrainRequest, *, go_on: bool) -> None:
    """Train, write a checkpoint after each epoch, then export and compare with the integers.

    With `go_on` the run begins at the checkpoint in its folder, else there must be none.

    Raises
    ------
    ValueError
        If another run is at work in the folder, or the checkpoint is missing, there already,
        damaged or of another run.
    """
    split = dataset(request.dataset, request.data)
    path = _checkpoint(request)
    if go_on and not path.exists():
        raise ValueError(f"{path}: no such file; leave out --resume to begin")
    processes = Processes.start(request.device)
    first = processes.rank == 0
    try:
        with alone(request.out) if first else nullcontext():
            _train(request, split, processes, go_on)
    finally:
        processes.stop()


def _checkpoint(request: TrainRequest) -> Path:
    return request.out / "checkpoint.safetensors"


def _train(request: TrainRequest, split: Split, processes: Processes, go_on: bool) -> None:
    trainer = Trainer(
        new_model(request.network, split.shape, request.recipe),
        split,
        request.recipe,
        processes,
        autocast=request.autocast,
        compiled=request.compiled,
    )
    path = _checkpoint(request)
    if go_on:
        checkpoint = load_checkpoint(path)
        try:
            resume(trainer, checkpoint)
        except CheckpointError as error:  # it knows no file
            raise CheckpointError(f"{path}: {error}") from error
    elif path.exists():
        raise ValueError(f"{path} exists: go on with --resume, or choose another --out")
    first = processes.rank == 0
    processes.wait()  # until all have seen that there was no checkpoint
    if first and not go_on:
        save_checkpoint(path, trainer, request.network)  # so that --resume always has one
    with console.on_stderr(request.as_json):
        _epochs(request, trainer, path, quiet=not first)
        if first:
            _deploy(request, trainer, split)


def _epochs(request: TrainRequest, trainer: Trainer, path: Path, quiet: bool) -> None:
    """Train the epochs that are left; the first process writes what it comes to."""
    if quiet:
        while trainer.epoch < request.recipe.epochs:
            trainer.train_epoch()
        return
    logs = Logs(request.out, trainer.epoch)
    if trainer.history:
        logs.write_table(trainer.history)  # a kill may have come between checkpoint and table
    with progress_bar(console) as bar:
        task = bar.add_task("Training", total=request.recipe.epochs, completed=trainer.epoch)
        while trainer.epoch < request.recipe.epochs:
            trainer.train_epoch(
                lambda done, count: bar.update(task, completed=trainer.epoch + done / count)
            )
            log = trainer.measure()
            save_checkpoint(path, trainer, request.network)
            logs.write(trainer.history)
            shares = ", ".join(f"{k}: {share:.1%}" for k, share in log.accuracies.items())
            text = f"epoch {log.epoch + 1}, loss {log.loss:.3f}, accuracy at k = {shares}"
            bar.update(task, completed=trainer.epoch, description=text)
            if not console.is_terminal:
                console.print(text)
    logs.close()


def _deploy(request: TrainRequest, trainer: Trainer, split: Split) -> None:
    """Calibrate, export, and say what the integers change."""
    model = trainer.model.eval()
    complete(model, request.recipe, split.train)
    shape = split.shape
    network = export(model, (shape.channels, shape.height, shape.width), name=split.name)
    save(network, request.out / "network.safetensors")
    if isinstance(split.test, ArrayImages):
        save_images(request.out / "images.safetensors", split.test.images, split.test.labels)
    lines = [
        _line(request, compare(model, network, split.test, bits), bits)
        for bits in network.bit_widths
    ]
    far = [
        line["k"]
        for line in lines
        if line["differing_predictions"] >= MOST_DIFFERING * len(split.test.labels)
    ]
    if request.as_json:
        print(json.dumps(_as_dictionary(request, split, lines), indent=2))
    else:
        console.print(_table(request, split, lines))
    if far:
        widths = ", ".join(map(str, far))
        console.print(
            f"At k = {widths} the integer network differs from PyTorch's in "
            f"{MOST_DIFFERING:.1%} of its predictions or more",
            style="yellow",
        )
    console.print(
        f"Written: {request.out / 'network.safetensors'}, a checkpoint and logs beside it",
        soft_wrap=True,
    )


def _line(request: TrainRequest, found: Comparison, bits: int) -> dict[str, Any]:
    return {
        "k": bits,
        "trained": bits in request.recipe.widths,
        "integer_accuracy": found.integer_right / found.images,
        "float_accuracy": found.float_right / found.images,
        "differing_predictions": found.differing_predictions,
        "differing_codes": found.differing_codes,
        "codes": found.codes,
    }


def _as_dictionary(
    request: TrainRequest, split: Split, lines: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "network": request.network,
        "dataset": split.name,
        "images": len(split.test.labels),
        "epochs": request.recipe.epochs,
        "seed": request.recipe.seed,
        "bits": list(lines),
        "files": [
            str(request.out / "network.safetensors"),
            str(request.out / "checkpoint.safetensors"),
        ],
    }


def _table(request: TrainRequest, split: Split, lines: Sequence[dict[str, Any]]) -> Table:
    """A line for each k."""
    shares = ("integer accuracy", "float accuracy", "differing predictions", "differing codes")
    columns = ("k", *shares)
    rows = (
        [
            f"{line['k']}" if line["trained"] else f"{line['k']} (not trained)",
            f"{line['integer_accuracy']:.2%}",
            f"{line['float_accuracy']:.2%}",
            f"{line['differing_predictions']}",
            f"{line['differing_codes'] / line['codes']:.4%}",
        ]
        for line in lines
    )
    title = f"{request.network} on {split.name}, {len(split.test.labels)} test images"
    return new_table(columns, rows, words=columns, title=title)
