"""Trains the shipped digits network and exports it: `python -m tools.train_digits`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.progress import Progress

from truncmac.golden import BUILTIN_IMAGES, BUILTIN_NETWORK, save, save_images
from truncmac.model.checkpoint import new_model
from truncmac.model.data import digits
from truncmac.model.evaluate import compare
from truncmac.model.export import export
from truncmac.model.recipes import RECIPES
from truncmac.model.training import Trainer
from truncmac.terminal import Terminal, new_table

__all__ = ["FLOORS", "main"]

FLOORS = {8: 0.97, 4: 0.97, 2: 0.97, 1: 0.93}
RECIPE = replace(RECIPES["digits"], exact_means=False)  # as all of its figures were made
console = Terminal()


def main(
    seed: Annotated[int, typer.Option(help="Of weights, order and shifts.")] = RECIPE.seed,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images.")] = RECIPE.epochs,
    out: Annotated[Path, typer.Option(help="Network file.")] = BUILTIN_NETWORK,
    images_out: Annotated[Path, typer.Option(help="Test images file.")] = BUILTIN_IMAGES,
) -> None:
    """Train the digits network jointly at k = 8, 4, 2, 1 and export it.

    Nothing is written if the integer network is less accurate than it must be.
    """
    torch.set_num_threads(1)  # the order of sums, and so every bit of the result, depends on it
    torch.use_deterministic_algorithms(True)
    split = digits()
    recipe = replace(RECIPE, seed=seed, epochs=epochs)
    trainer = Trainer(new_model("cnn", split.shape, recipe), split, recipe)
    with Progress(console=console) as progress:
        task = progress.add_task("Training", total=epochs)
        for epoch in range(epochs):
            log = trainer.train_epoch()
            text = f"Training, loss {log.loss:.3f}"
            progress.update(task, completed=epoch + 1, description=text)
    model = trainer.model.eval()
    shape = split.shape
    network = export(model, (shape.channels, shape.height, shape.width), name="digits")

    names = ("differing predictions", "differing codes", "channels exact for every sum")
    table = new_table(("k", "integer accuracy", "float accuracy", *names))
    reached = True
    for bits in network.bit_widths:
        found = compare(model, network, split.test, bits)
        channels = np.concatenate(
            [tensor for name, tensor in network.tensors.items() if name.endswith(f".b{bits}.exact")]
        )
        table.add_row(
            str(bits),
            f"{found.integer_right / found.images:.2%}",
            f"{found.float_right / found.images:.2%}",
            str(found.differing_predictions),
            f"{found.differing_codes} of {found.codes:,}",
            f"{np.count_nonzero(channels)} of {len(channels)}",
        )
        reached &= found.integer_right / found.images >= FLOORS[bits]
    console.print(table)
    if not reached:
        floors = ", ".join(f"{floor:.0%} at k = {bits}" for bits, floor in FLOORS.items())
        console.print(f"Nothing is written: the accuracy must be at least {floors}")
        sys.exit(1)
    save(network, out)
    everything = np.arange(len(split.test.labels))
    save_images(images_out, split.test.take(everything, None), split.test.labels)
    console.print(f"Written: {out} and {images_out}")


if __name__ == "__main__":
    typer.run(main)
