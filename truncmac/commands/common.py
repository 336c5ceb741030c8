"""What the commands do, from checked options to printed tables."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from truncmac.golden import network_by_name
from truncmac.golden.files import file_name, write_all, write_bytes
from truncmac.hw.axi.registers import c_header, register_table
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.sim.axi.deployment import deployment
from truncmac.sim.extras import extra_needed
from truncmac.terminal import Terminal

__all__ = [
    "console",
    "export",
    "export_qonnx",
    "notes_to_stderr",
    "progress_bar",
    "quiet",
    "rtl",
    "say",
    "simulation",
]

console = Terminal()


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere nothing that overwrites itself."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as progress:
        yield progress


def progress_bar(console: Console, *, quiet: bool = False) -> Progress:
    """A bar with the time that is left, on a terminal only, and not at all if `quiet`."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )


def say(what: str) -> None:
    """Tell what goes on."""
    console.print(what, style="dim")


@contextlib.contextmanager
def quiet(wanted: bool) -> Iterator[None]:
    """Without the tables and notes, where something else is printed."""
    before, console.quiet = console.quiet, wanted
    try:
        yield
    finally:
        console.quiet = before


@contextlib.contextmanager
def notes_to_stderr(wanted: bool, console: Console = console) -> Iterator[None]:
    """What is printed goes to stderr, where stdout is for something else."""
    before, console.stderr = console.stderr, wanted
    try:
        yield
    finally:
        console.stderr = before


def rtl(config: ArrayConfig, axi: bool, bus_width: int, out: Path, as_json: bool) -> None:
    """Write the Verilog of the core, or of the AXI top with its register map, to `out`."""
    files = {}
    with notes_to_stderr(as_json), console.status("Generating Verilog ..."):
        if axi:
            files[f"{AXI_TOP}.v"] = axi_verilog(config, BusWidths.all(bus_width))
            files["truncmac_registers.h"] = c_header()
            files["truncmac_registers.md"] = register_table()
        else:
            files[f"{TOP}.v"] = core_verilog(config)
    contents = {out / name: text.encode() for name, text in files.items()}
    write_all(contents)
    if as_json:
        print(json.dumps(_hardware(config, bus_width if axi else None, contents), indent=2))
        return
    console.print(
        f"{', '.join(str(out / name) for name in files)}: {config.rows} x {config.cols} PEs of "
        f"{config.lanes} lanes x {config.planes} planes, {config.requantisers} requantisers, "
        f"{config.peak_macs:g} 8-bit MACs a cycle",
        soft_wrap=True,
    )


def _hardware(
    config: ArrayConfig, bus_width: int | None, files: Mapping[Path, bytes]
) -> dict[str, object]:
    """Sizes, widths and speed of an array, and its files; `bus_width` of the AXI top alone."""
    widths = {
        "dot": config.dot_width,
        "row_sum": config.row_sum_width,
        "sum": config.sum_width,
        "bias": config.bias_width,
        "residual_multiplier": config.residual_multiplier_bits,
    }
    return {
        "top": TOP if bus_width is None else AXI_TOP,
        "array": asdict(config),
        "widths": widths if bus_width is None else widths | {"bus": bus_width},
        "peak_macs": config.peak_macs,
        "files": _sizes(files),
    }


def _sizes(files: Mapping[Path, bytes]) -> list[dict[str, object]]:
    return [{"path": str(path), "bytes": len(data)} for path, data in files.items()]


def export(name: str, config: ArrayConfig, bits: Sequence[int], out: Path, as_json: bool) -> None:
    """Write the memories of a network for an array."""
    network = network_by_name(name)
    files = deployment(network, config, bits)
    contents = {out / file: data for file, data in files.items()}
    write_all(contents)
    weights = sum(len(data) for file, data in files.items() if file.endswith("weights.bin"))
    if as_json:
        found = {
            "network": network.name,
            "format": "memories",
            "array": asdict(config),
            "bits": list(bits),
            "layers": len(network.products),
            "weight_bytes": weights,
            "files": _sizes(contents),
        }
        print(json.dumps(found, indent=2))
        return
    console.print(
        f"{out}: {len(files)} files of {len(network.products)} layers, {weights:,} bytes of "
        f"weights at k = 8; network.h describes them",
        soft_wrap=True,
    )


def export_qonnx(name: str, bits: Sequence[int], out: Path, as_json: bool) -> None:
    """Write a network as QONNX, a file for each k."""
    with extra_needed("Writing ONNX files", "onnx"):
        from truncmac.onnx.export.qonnx import qonnx_model
    network = network_by_name(name)
    files = {
        out / f"{file_name(network.name)}.k{k}.onnx": qonnx_model(network, k).SerializeToString()
        for k in bits
    }
    for path, data in files.items():
        write_bytes(path, data)
        if not as_json:
            console.print(f"Written: {path}, {len(data):,} bytes", soft_wrap=True)
    if as_json:
        found = {
            "network": network.name,
            "format": "qonnx",
            "bits": list(bits),
            "layers": len(network.products),
            "files": _sizes(files),
        }
        print(json.dumps(found, indent=2))


@contextlib.contextmanager
def simulation(
    simulator: str,
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Progress of a simulation: callbacks for its start, with the number of jobs, and each job."""
    start = time.monotonic()
    with _progress() as progress:
        task = progress.add_task(f"Building the array for {simulator}", total=None)

        def on_build(jobs: int) -> None:
            say(f"Array built for {simulator} in {time.monotonic() - start:.0f} s")
            say(f"Running {jobs} matrix products on the RTL ...")
            progress.update(task, description="Running on the RTL", total=jobs)

        yield on_build, lambda done: progress.update(task, completed=done)
    say(f"RTL run finished after {time.monotonic() - start:.0f} s")
