"""Benchmark of training: `python -m benchmarks.training`. A ratio within one run."""

import time
from collections.abc import Callable
from typing import Annotated

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
import typer
from torch import nn

from truncmac.model.checkpoint import new_model
from truncmac.model.networks import ImageShape, build
from truncmac.model.quantisers import FLOAT_BITS
from truncmac.model.recipes import Recipe
from truncmac.model.training import JointLoss
from truncmac.terminal import Terminal, new_table

__all__ = ["main"]

SHAPE = ImageShape(3, 32, 32, 10)
console = Terminal()


def main(
    network: Annotated[str, typer.Option(help="cnn, mlp, resnet20, ...")] = "resnet20",
    batch: Annotated[int, typer.Option(min=2, help="Images of a step.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Of each kind; the fastest counts.")] = 5,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    compile_: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
) -> None:
    """Compare a joint step with as many steps of the plain float model as it has bit-widths."""
    recipe = Recipe()
    images = torch.rand(batch, SHAPE.channels, SHAPE.height, SHAPE.width, device=device)
    labels = torch.arange(batch, device=device) % SHAPE.classes
    joint = new_model(network, SHAPE, recipe).to(device)
    plain = build(network, SHAPE).to(device)
    if device == "cuda":
        images = images.contiguous(memory_format=torch.channels_last)
        joint = joint.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        plain = plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss = JointLoss(torch.compile(joint) if compile_ else joint, recipe)  # type: ignore[arg-type]
    run_plain: nn.Module = torch.compile(plain) if compile_ else plain  # type: ignore[assignment]
    widths = (*recipe.widths, FLOAT_BITS)

    def separate() -> None:
        for _ in widths:
            F.cross_entropy(run_plain(images), labels).backward()  # type: ignore[no-untyped-call]

    def together() -> None:
        loss(images, labels).backward()

    seconds = fastest([separate, together], steps, device)
    table = new_table(
        ("", "images a second", "ratio of time"),
        words=("",),
        title=f"{network}, batch {batch}, {len(widths)} bit-widths, {device}",
    )
    for name, value in zip(("plain model, as many passes", "joint step"), seconds, strict=True):
        table.add_row(name, f"{batch / value:,.1f}", f"{value / seconds[0]:.2f}")
    console.print(table)


def fastest(functions: list[Callable[[], None]], steps: int, device: str) -> list[float]:
    """Seconds of the fastest of `steps` calls of each, taken in turn, the first of all left out."""
    found: list[list[float]] = [[] for _ in functions]
    for step in range(steps + 1):
        for function, times in zip(functions, found, strict=True):
            start = time.perf_counter()
            function()
            if device == "cuda":
                torch.cuda.synchronize()
            if step:
                times.append(time.perf_counter() - start)
    return [min(times) for times in found]


if __name__ == "__main__":
    typer.run(main)
