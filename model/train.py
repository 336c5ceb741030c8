"""Trains the shipped digits network and exports it: `python -m truncmac.model.train`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from truncmac.golden import (
    BUILTIN_IMAGES,
    BUILTIN_NETWORK,
    accuracy,
    execute,
    predictions,
    save,
    save_images,
)

from .data import digits
from .export import export_digits
from .training import Recipe, float_predictions, train

__all__ = ["FLOORS", "main"]

FLOORS = {8: 0.97, 4: 0.97, 2: 0.97, 1: 0.93}
console = Console(highlight=False)


def main(
    seed: Annotated[int, typer.Option(help="Of weights, order and shifts.")] = Recipe.seed,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images.")] = Recipe.epochs,
    out: Annotated[Path, typer.Option(help="Network file.")] = BUILTIN_NETWORK,
    images_out: Annotated[Path, typer.Option(help="Test images file.")] = BUILTIN_IMAGES,
) -> None:
    """Train the digits network jointly at k = 8, 4, 2, 1 and export it.

    Nothing is written if the integer network is less accurate than it must be.
    """
    torch.set_num_threads(1)  # the order of sums, and so every bit of the result, depends on it
    split = digits()
    recipe = replace(Recipe(), seed=seed, epochs=epochs)
    with Progress(console=console) as progress:
        task = progress.add_task("Training", total=epochs)

        def on_epoch(epoch: int, loss: float) -> None:
            progress.update(task, completed=epoch, description=f"Training, loss {loss:.3f}")

        model = train(split, recipe, on_epoch)
    exact: dict[int, list[npt.NDArray[np.bool_]]] = {}
    network = export_digits(
        model, lambda name, bits, channels: exact.setdefault(bits, []).append(channels)
    )

    table = Table(
        "k",
        "integer accuracy",
        "float accuracy",
        "differing predictions",
        "channels exact for every sum",
    )
    reached = True
    for bits in network.bit_widths:
        logits = execute(network, split.test_images, bits).logits
        right = accuracy(logits, split.test_labels)
        float_classes = float_predictions(model, split.test_images, bits)
        float_right = float((float_classes == split.test_labels).mean())
        differing = int(np.count_nonzero(predictions(logits) != float_classes))
        channels = np.concatenate(exact[bits])
        certified = f"{np.count_nonzero(channels)} of {len(channels)}"
        table.add_row(str(bits), f"{right:.2%}", f"{float_right:.2%}", str(differing), certified)
        reached &= right >= FLOORS[bits]
    console.print(table)
    if not reached:
        floors = ", ".join(f"{floor:.0%} at k = {bits}" for bits, floor in FLOORS.items())
        console.print(f"Nothing is written: the accuracy must be at least {floors}")
        sys.exit(1)
    save(network, out)
    save_images(images_out, split.test_images, split.test_labels)
    console.print(f"Written: {out} and {images_out}")


if __name__ == "__main__":
    typer.run(main)
