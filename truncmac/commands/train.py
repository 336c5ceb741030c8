"""What `truncmac train` does: a run into a folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from truncmac.golden import save, save_images
from truncmac.model.checkpoint import load_checkpoint, new_model, resume, save_checkpoint
from truncmac.model.data import DATASETS, dataset
from truncmac.model.evaluate import Comparison, compare
from truncmac.model.export import export
from truncmac.model.images import ArrayImages, Split
from truncmac.model.logs import Logs
from truncmac.model.processes import Processes
from truncmac.model.recipes import RECIPES, Recipe
from truncmac.model.training import Trainer, complete
from truncmac.terminal import STYLE, Terminal

from .common import progress_bar

__all__ = ["Run", "chosen_recipe", "train"]

console = Terminal()
MOST_DIFFERING = 0.001  # of the predictions: float and integer are held to be the same below it


@dataclass(frozen=True)
class Run:
    """What is trained, where, and how it computes."""

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
        If there is no such data set, recipe or teacher.
    """
    if dataset not in DATASETS:
        raise ValueError(f"Data set must be one of {', '.join(DATASETS)}, not {dataset!r}")
    name = name or BY_DATASET.get(dataset, dataset)
    if name not in RECIPES:
        raise ValueError(f"Recipe must be one of {', '.join(RECIPES)}, not {name!r}")
    if changes.get("teacher", "distil") not in ("distil", "labels"):
        raise ValueError(f"Teacher must be distil or labels, not {changes['teacher']!r}")
    recipe = replace(RECIPES[name], **changes)
    if epochs is None:
        return recipe
    milestones = tuple(m * epochs // recipe.epochs for m in recipe.milestones)
    return replace(recipe, epochs=epochs, milestones=milestones)


def train(run: Run, go_on: bool) -> None:
    """Train, write a checkpoint after each epoch, then export and compare with the integers."""
    split = dataset(run.dataset, run.data)
    processes = Processes.start(run.device)
    try:
        trainer = Trainer(
            new_model(run.network, split.shape, run.recipe),
            split,
            run.recipe,
            processes,
            autocast=run.autocast,
            compiled=run.compiled,
        )
        path = run.out / "checkpoint.safetensors"
        if go_on:
            if not path.exists():
                raise ValueError(f"{path}: no such file; leave out --resume to begin")
            resume(trainer, load_checkpoint(path))
        elif path.exists():
            raise ValueError(f"{path} exists: go on with --resume, or choose another --out")
        first = processes.rank == 0
        processes.wait()  # until all have seen that there was no checkpoint
        if first and not go_on:
            save_checkpoint(path, trainer, run.network)  # so that --resume always has one
        _epochs(run, trainer, path, quiet=not first)
        if first:
            _deploy(run, trainer, split)
    finally:
        processes.stop()


def _epochs(run: Run, trainer: Trainer, path: Path, quiet: bool) -> None:
    """Train the epochs that are left; the first process writes what it comes to."""
    if quiet:
        while trainer.epoch < run.recipe.epochs:
            trainer.train_epoch()
        return
    logs = Logs(run.out, trainer.epoch)
    with progress_bar(console) as bar:
        task = bar.add_task("Training", total=run.recipe.epochs, completed=trainer.epoch)
        while trainer.epoch < run.recipe.epochs:
            trainer.train_epoch(
                lambda done, count: bar.update(task, completed=trainer.epoch + done / count)
            )
            log = trainer.measure()
            save_checkpoint(path, trainer, run.network)
            logs.write(trainer.history)
            shares = ", ".join(f"{k}: {share:.1%}" for k, share in log.accuracies.items())
            text = f"epoch {log.epoch + 1}, loss {log.loss:.3f}, accuracy at k = {shares}"
            bar.update(task, completed=trainer.epoch, description=text)
            if not console.is_terminal:
                console.print(text)
    logs.close()


def _deploy(run: Run, trainer: Trainer, split: Split) -> None:
    """Calibrate, export, and say what the integers change."""
    model = trainer.model.eval()
    complete(model, run.recipe, split.train)
    shape = split.shape
    network = export(model, (shape.channels, shape.height, shape.width), name=split.name)
    save(network, run.out / "network.safetensors")
    if isinstance(split.test, ArrayImages):
        save_images(run.out / "images.safetensors", split.test.images, split.test.labels)
    lines = [
        _line(run, compare(model, network, split.test, bits), bits) for bits in network.bit_widths
    ]
    far = [
        line["k"]
        for line in lines
        if line["differing_predictions"] >= MOST_DIFFERING * len(split.test.labels)
    ]
    if run.as_json:
        print(json.dumps(_as_dictionary(run, split, lines), indent=2))
    else:
        console.print(_table(run, split, lines))
    if far:
        widths = ", ".join(map(str, far))
        console.print(
            f"At k = {widths} the integer network differs from PyTorch's in "
            f"{MOST_DIFFERING:.1%} of its predictions or more",
            style="yellow",
        )
    console.print(
        f"Written: {run.out / 'network.safetensors'}, a checkpoint and logs beside it",
        soft_wrap=True,
    )


def _line(run: Run, found: Comparison, bits: int) -> dict[str, Any]:
    return {
        "k": bits,
        "trained": bits in run.recipe.widths,
        "integer_accuracy": found.integer_right / found.images,
        "float_accuracy": found.float_right / found.images,
        "differing_predictions": found.differing_predictions,
        "differing_codes": found.differing_codes,
        "codes": found.codes,
    }


def _as_dictionary(run: Run, split: Split, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "network": run.network,
        "dataset": split.name,
        "images": len(split.test.labels),
        "epochs": run.recipe.epochs,
        "seed": run.recipe.seed,
        "bits": list(lines),
        "files": [str(run.out / "network.safetensors"), str(run.out / "checkpoint.safetensors")],
    }


def _table(run: Run, split: Split, lines: Sequence[dict[str, Any]]) -> Table:
    table = Table(
        *("k", "integer accuracy", "float accuracy", "differing predictions", "differing codes"),
        title=f"{run.network} on {split.name}, {len(split.test.labels)} test images",
        **STYLE,
    )
    for line in lines:
        table.add_row(
            f"{line['k']}" if line["trained"] else f"{line['k']} (not trained)",
            f"{line['integer_accuracy']:.2%}",
            f"{line['float_accuracy']:.2%}",
            f"{line['differing_predictions']}",
            f"{line['differing_codes'] / line['codes']:.4%}",
        )
    return table
