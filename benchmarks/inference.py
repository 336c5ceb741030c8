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
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from truncmac.golden import (
    Executor,
    Network,
    Setting,
    example_images,
    example_network,
    load,
    load_images,
    save,
    save_images,
)
from truncmac.golden.types import Codes
from truncmac.terminal import Terminal, new_table

__all__ = ["main"]

BITS = 8
CLASSES = {"resnet20": 10, "resnet18": 1000}
COLUMNS = (
    *("network", "batch", "CPUs", "float", "int8", "plain", "golden"),
    *("of float", "of int8", "MB", "MB"),
)
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
    """Compare the integer network in golden with networks of its shape in other runtimes."""
    table = new_table(
        COLUMNS,
        words=("network",),
        title=f"Images a second at k = {BITS}, golden's share, and the MB that it and float take.\n"
        "float: PyTorch, in the faster of its two layouts. int8: ONNX Runtime's static\n"
        "quantisation of the float network. plain: golden's integers in ONNX Runtime",
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
    found: dict[str, list[Measured]] = {kind: [] for kind in RUNS}
    for _ in range(rounds):
        for kind, measured in found.items():
            with console.status(f"{kind}, {threads} threads ..."):
                measured.append(_in_process(kind, folder, threads))
    best = {kind: max(measured) for kind, measured in found.items()}
    layout = max(("contiguous", "channels_last"), key=lambda kind: best[kind])
    shown = (layout, "int8", "plain", "golden")
    speeds = [best[kind].images_a_second for kind in shown]
    return [
        *(f"{speed:,.1f}" for speed in speeds),
        *(f"{speeds[-1] / speed:.2f}" for speed in speeds[:2]),
        *(f"{max(m.peak_mb for m in found[kind]):,.0f}" for kind in (layout, "golden")),
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
    seconds = _fastest(RUNS[kind](load(folder / "network"), images, kind))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps([len(images) / seconds, peak]))


def _golden(network: Network, images: Codes, kind: str) -> Callable[[], object]:
    executor = Executor(network, BITS)
    return lambda: executor.run(images, keep=())


def _plain(network: Network, images: Codes, kind: str) -> Callable[[], object]:
    """Golden's integers in ONNX Runtime."""
    from truncmac.onnx.runtime import RuntimeNetwork

    runtime = RuntimeNetwork(network, Setting(str(BITS), BITS), threads=_threads())
    return lambda: runtime.run(images)


def _int8(network: Network, images: Codes, kind: str) -> Callable[[], object]:
    """ONNX Runtime's own int8: static quantisation of the float network, unsigned by signed."""
    import onnxruntime
    import torch
    from onnxruntime import quantization

    class Samples(quantization.CalibrationDataReader):
        left = iter(
            [{"image": np.random.default_rng(0).random((8, *images.shape[1:]), np.float32)}]
        )

        def get_next(self) -> dict[str, object] | None:
            return next(self.left, None)

    with tempfile.TemporaryDirectory() as folder:
        whole, quantised = (str(Path(folder) / name) for name in ("float.onnx", "int8.onnx"))
        torch.onnx.export(
            _torch_model(network, images.shape),
            (torch.rand(images.shape),),
            whole,
            input_names=["image"],
            dynamic_axes={"image": {0: "images"}},
            dynamo=False,  # the other way needs packages that nothing else does
        )
        quantization.quantize_static(
            whole,
            quantised,
            Samples(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _threads()
        session = onnxruntime.InferenceSession(quantised, options)
    batch = np.random.default_rng(1).random(images.shape, np.float32)
    return lambda: session.run(None, {"image": batch})


def _torch(network: Network, images: Codes, kind: str) -> Callable[[], object]:
    """The float network in PyTorch, with `kind` as its layout in memory."""
    import torch

    torch.set_num_threads(_threads())
    memory_format = getattr(torch, f"{kind}_format" if kind == "contiguous" else kind)
    model = _torch_model(network, images.shape).to(memory_format=memory_format)
    batch = torch.rand(images.shape).contiguous(memory_format=memory_format)

    def run() -> object:
        with torch.inference_mode():
            return model(batch)

    return run


def _torch_model(network: Network, shape: tuple[int, ...]) -> Any:
    from truncmac.model.networks import ImageShape, build

    return build(network.name, ImageShape(*shape[1:], CLASSES[network.name])).eval()


def _threads() -> int:
    return int(os.environ["OMP_NUM_THREADS"])


RUNS: dict[str, Callable[[Network, Codes, str], Callable[[], object]]] = {
    "contiguous": _torch,
    "channels_last": _torch,
    "int8": _int8,
    "plain": _plain,
    "golden": _golden,
}


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
