"""Benchmark of golden: `python -m benchmarks.inference`. Ratios within one run."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from truncmac.golden import (
    Executor,
    example_images,
    example_network,
    load,
    load_images,
    save,
    save_images,
)
from truncmac.terminal import Terminal, new_table

__all__ = ["main"]

BITS = 8
CLASSES = {"resnet20": 10, "resnet18": 1000}
LEAST_RUNS, LEAST_SECONDS = 3, 1.0
console = Terminal()


class Measured(NamedTuple):
    """What one process measured: its fastest run, and all the memory it ever held."""

    images_a_second: float
    peak_mb: float


def main(
    networks: Annotated[str, typer.Option(help="Names of examples.")] = "resnet20,resnet18",
    batches: Annotated[str, typer.Option(help="Images that run together.")] = "1,32",
    threads: Annotated[str, typer.Option(help="Of the processor.")] = "1,2",
    rounds: Annotated[int, typer.Option(min=1, help="Processes of each kind, in turn.")] = 2,
) -> None:
    """Compare the integer network in golden with the same float network in PyTorch."""
    names = ("network", "batch", "CPUs", "PyTorch", "golden", "ratio", "PyTorch", "golden", "ratio")
    table = new_table(
        names,
        words=("network",),
        title=f"Images a second at k = {BITS}; peak memory of the process in MB.\n"
        "PyTorch: float32, in the faster of its two layouts",
    )
    for name in networks.split(","):
        for batch in map(int, batches.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                save(example_network(name), Path(folder) / "network")
                save_images(Path(folder) / "images", example_images(name, batch))
                for count in map(int, threads.split(",")):
                    table.add_row(name, str(batch), str(count), *_row(folder, count, rounds))
    console.print(table)


def _row(folder: str, threads: int, rounds: int) -> list[str]:
    found: dict[str, list[Measured]] = {"contiguous": [], "channels_last": [], "golden": []}
    for _ in range(rounds):
        for kind, measured in found.items():
            with console.status(f"{kind}, {threads} threads ..."):
                measured.append(_in_process(kind, folder, threads))
    best = {kind: max(measured).images_a_second for kind, measured in found.items()}
    layout = max(("contiguous", "channels_last"), key=lambda kind: best[kind])
    torch_mb, golden_mb = (max(m.peak_mb for m in found[kind]) for kind in (layout, "golden"))
    return [
        *(f"{best[layout]:,.1f}", f"{best['golden']:,.1f}"),
        f"{best['golden'] / best[layout]:.2f}",
        *(f"{torch_mb:,.0f}", f"{golden_mb:,.0f}", f"{golden_mb / torch_mb:.2f}"),
    ]


def _in_process(kind: str, folder: str, threads: int) -> Measured:
    """Measure in a fresh process, so that its memory is its own."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    command = [sys.executable, "-m", "benchmarks.inference", "measure", kind, folder]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return Measured(*json.loads(run.stdout))


def measure(kind: str, folder: Path) -> None:
    """Measure in this process, and print it as JSON."""
    images, _ = load_images(folder / "images")
    network = load(folder / "network")
    if kind == "golden":
        executor = Executor(network, BITS)
        seconds = _fastest(lambda: executor.run(images, keep=()))
    else:
        seconds = _fastest(_torch_run(network.name, images.shape, kind))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps([len(images) / seconds, peak]))


def _torch_run(name: str, shape: tuple[int, ...], layout: str) -> Callable[[], object]:
    import torch

    from truncmac.model.networks import ImageShape, build

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    memory_format = getattr(torch, f"{layout}_format" if layout == "contiguous" else layout)
    _, channels, height, width = shape
    model = build(name, ImageShape(channels, height, width, CLASSES[name])).eval()
    model = model.to(memory_format=memory_format)  # type: ignore[call-overload]
    batch = torch.rand(shape).contiguous(memory_format=memory_format)

    def run() -> object:
        with torch.inference_mode():
            return model(batch)

    return run


def _fastest(run: Callable[[], object]) -> float:
    """Seconds of the fastest run, but for the first."""
    run()
    times: list[float] = []
    while len(times) < LEAST_RUNS or sum(times) < LEAST_SECONDS:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        typer.run(main)
