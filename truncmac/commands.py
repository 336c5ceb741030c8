"""What the commands do, from checked options to printed tables."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from truncmac.golden import (
    EXAMPLES,
    Network,
    builtin_images,
    builtin_network,
    example_images,
    example_network,
    execute,
    layer_bits,
    load,
    load_images,
    truncate,
    write_bytes,
)
from truncmac.hw.axi import BusWidths
from truncmac.hw.axi_registers import c_header, register_table
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import AXI_TOP, TOP, axi_verilog, core_verilog
from truncmac.sim.cosim import simulate
from truncmac.sim.deploy import deployment
from truncmac.sim.network import BitWidthReport, golden_accuracy, run_network
from truncmac.sim.stalls import Stalls
from truncmac.sim.stimulus import random_gemms

__all__ = ["STYLE", "export", "export_qonnx", "infer", "network_by_name", "rtl", "sim"]

DIGITS = "digits"
console = Console(highlight=False)
STYLE: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False}


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere nothing that overwrites itself."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as progress:
        yield progress


def _say(what: str) -> None:
    console.print(f"[dim]{what}[/]")


def rtl(config: ArrayConfig, axi: bool, bus_width: int, out: Path) -> None:
    """Write the Verilog of the core, or of the AXI top with its register map, to `out`."""
    files = {}
    with console.status("Generating Verilog ..."):
        if axi:
            files[f"{AXI_TOP}.v"] = axi_verilog(config, BusWidths.all(bus_width))
            files["truncmac_registers.h"] = c_header()
            files["truncmac_registers.md"] = register_table()
        else:
            files[f"{TOP}.v"] = core_verilog(config)
    for name, text in files.items():
        write_bytes(out / name, text.encode())
    console.print(
        f"{', '.join(str(out / name) for name in files)}: {config.rows} x {config.cols} PEs of "
        f"{config.lanes} lanes x {config.planes} planes, {config.requantisers} requantisers, "
        f"{config.peak_macs:g} 8-bit MACs a cycle"
    )


def export(name: str, config: ArrayConfig, bits: Sequence[int], out: Path) -> None:
    """Write the memories of a network for an array."""
    network = network_by_name(name)
    files = deployment(network, config, bits)
    for file, data in files.items():
        write_bytes(out / file, data)
    weights = sum(len(data) for file, data in files.items() if file.endswith("weights.bin"))
    console.print(
        f"{out}: {len(files)} files of {len(network.products)} layers, {weights:,} bytes of "
        f"weights at k = 8; network.h describes them"
    )


def export_qonnx(name: str, bits: Sequence[int], out: Path) -> None:
    """Write a network as QONNX, a file for each k."""
    try:
        from .onnx_export import qonnx_model
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"Writing ONNX files needs the package {error.name}. Install it with: "
            "pip install 'truncmac[onnx]'"
        ) from error
    network = network_by_name(name)
    files = {
        out / f"{network.name}.k{k}.onnx": qonnx_model(network, k).SerializeToString() for k in bits
    }
    for path, data in files.items():
        write_bytes(path, data)
        console.print(f"Written: {path}, {len(data):,} bytes")


def sim(
    config: ArrayConfig, simulator: str, bits: list[int], count: int, stall: float, seed: int
) -> bool:
    """Run random products on the RTL; True if every output equals golden."""
    stalls = Stalls.everywhere(stall, seed)
    gemms = random_gemms(config, bits=bits, count=count, seed=seed)
    with _simulation(simulator) as (on_build, on_progress):
        outcomes = simulate(
            gemms,
            config,
            simulator=simulator,
            stalls=stalls,
            on_build=lambda: on_build(len(gemms)),
            on_progress=on_progress,
        )
    table = Table("k", "products", "outputs", "cycles", "mismatches", **STYLE)
    for column in table.columns:
        column.justify = "right"
    for k in bits:
        part = [outcome for outcome in outcomes if outcome.gemm.bits == k]
        table.add_row(
            str(k),
            str(len(part)),
            f"{sum(outcome.outputs.size for outcome in part):,}",
            f"{sum(outcome.cycles for outcome in part):,}",
            str(sum(outcome.mismatches for outcome in part)),
        )
    console.print(table)
    return not any(outcome.mismatches for outcome in outcomes)


@contextlib.contextmanager
def _simulation(
    simulator: str,
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Progress of a simulation: callbacks for its start, with the number of jobs, and each job."""
    start = time.monotonic()
    with _progress() as progress:
        task = progress.add_task(f"Building the array for {simulator}", total=None)

        def on_build(jobs: int) -> None:
            _say(f"Array built for {simulator} in {time.monotonic() - start:.0f} s")
            _say(f"Running {jobs} matrix products on the RTL ...")
            progress.update(task, description="Running on the RTL", total=jobs)

        yield on_build, lambda done: progress.update(task, completed=done)
    _say(f"RTL run finished after {time.monotonic() - start:.0f} s")


def infer(
    config: ArrayConfig,
    network_name: str,
    data_path: Path | None,
    bits: list[int],
    on_rtl: bool,
    image_count: int,
    simulator: str,
    dump: Path | None,
) -> bool:
    """Classify images; True unless the RTL differs from golden somewhere."""
    network, images, labels = _network_and_images(network_name, data_path, image_count)
    _say(f"Network {network.name}: {len(images)} images, k = {', '.join(map(str, bits))}")
    accuracies = {}
    for k in bits:
        layer_bits(network, k)  # raises before anything runs
        if labels is not None:
            accuracies[k] = golden_accuracy(network, images, labels, k)
        if dump is not None:
            _dump(network, images[:image_count], k, dump / f"k{k}")
    reports = []
    if on_rtl:
        with _simulation(simulator) as (on_build, on_progress):
            reports = run_network(
                network,
                images[:image_count],
                bits,
                config,
                simulator=simulator,
                on_build=on_build,
                on_progress=on_progress,
            )
    console.print(_inference_table(config, bits, accuracies, reports, len(images)))
    mismatches = sum(report.mismatches for report in reports)
    if mismatches:
        _print_differences(reports)
    return mismatches == 0


def _dump(network: Network, images: npt.NDArray[np.uint8], bits: int, folder: Path) -> None:
    """Keep each layer's outputs as .npy files."""
    for name, values in execute(network, images, bits).outputs.items():
        data = io.BytesIO()
        np.save(data, values)
        write_bytes(folder / f"{name}.npy", data.getvalue())
    _say(f"Written: each layer's outputs for {len(images)} images to {folder}")


def _network_and_images(
    name: str, data_path: Path | None, image_count: int
) -> tuple[Network, npt.NDArray[np.uint8], npt.NDArray[np.integer] | None]:
    """A network by file or name, and its images."""
    network = network_by_name(name)
    if data_path is not None:
        images, labels = load_images(data_path)
    elif name in EXAMPLES:
        images, labels = example_images(name, image_count), None
    elif name == DIGITS:
        images, labels = builtin_images()
    else:
        raise ValueError(f"{name}: give its images with --data")
    return network, images, labels


def network_by_name(name: str) -> Network:
    """The shipped network, an example, or the network in a file."""
    if name in EXAMPLES:
        return example_network(name)
    return builtin_network() if name == DIGITS else load(Path(name))


def _inference_table(
    config: ArrayConfig,
    bits: Sequence[int],
    accuracies: Mapping[int, float],
    reports: Sequence[BitWidthReport],
    image_count: int,
) -> Table:
    table = Table("k", **STYLE, title=f"Integer network: accuracy on {image_count} images")
    if reports:
        table.title = (
            f"{table.title}, run on the RTL\n({config.rows} x {config.cols} PEs, {config.lanes} "
            f"lanes x {config.planes} planes; {reports[0].outputs:,} outputs compared at each k)"
        )
    table.add_column("accuracy", justify="right")
    names = ("images", "layers", "cycles", "MACs/cycle", "speed-up", "mismatches")
    for name in names if reports else ():
        table.add_column(name, justify="right")
    slowest = max(reports, key=lambda report: report.bits, default=None)
    for index, k in enumerate(bits):
        row = [str(k), f"{accuracies[k]:.2%}" if k in accuracies else "unknown"]
        if slowest is not None:
            report = reports[index]
            row += [
                str(report.images),
                str(len(report.outcomes)),
                f"{report.cycles:,}",
                f"{report.macs / report.cycles:.1f}",
                f"{slowest.cycles / report.cycles:.2f}",
                str(report.mismatches),
            ]
        table.add_row(*row)
    return table


def _print_differences(reports: Sequence[BitWidthReport]) -> None:
    """Name the first output that differs, for each k, with all that it is made of."""
    for report in reports:
        outcome = next((o for o in report.outcomes if o.mismatches), None)
        if outcome is None:
            continue
        gemm, (row, column) = outcome.gemm, outcome.first_difference
        console.print(
            f"k = {report.bits}: first difference in layer {gemm.name!r}, {outcome.mismatches} of "
            f"{outcome.outputs.size} outputs\n"
            f"  row {row} of {gemm.rows}, channel {column} of {gemm.columns}: golden "
            f"{gemm.outputs()[row, column]}, RTL {outcome.outputs[row, column]}\n"
            f"  S = {gemm.sums()[row, column]}, z = {gemm.offset}, K = {gemm.reduction}\n"
            f"  activations {_few(gemm.activations[row])}\n"
            f"  weight codes {_few(truncate(gemm.codes[:, column], gemm.bits))}"
        )
        if gemm.requant is not None:
            q = gemm.requant
            residual = "" if gemm.residual is None else f", r = {gemm.residual[row, column]}"
            console.print(
                f"  M = {q.multiplier[column]}, B = {q.bias[column]}, s = {q.shift[column]}"
                f"{residual}"
            )


def _few(values: npt.NDArray[np.integer]) -> str:
    """The first of many numbers."""
    shown = " ".join(map(str, values[:16].tolist()))
    return shown if len(values) <= 16 else f"{shown} ... ({len(values)})"
