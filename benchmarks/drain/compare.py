"""Compares ways to drain the array: `python -m benchmarks.drain.compare --liberty FILE`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import npu_array
from truncmac.sim.characterise.characterise import default_period
from truncmac.sim.netlist.liberty import read_liberty
from truncmac.sim.netlist.mapping import MappingOptions
from truncmac.sim.workloads.names import workload_by_name
from truncmac.sim.workloads.shapes import Workload
from truncmac.terminal import Terminal, new_table

from .parts import Parts, Synthesis
from .remedies import SERIAL_CYCLES, Remedy, remedies
from .ways import bound, count, jobs_of

__all__ = ["ARRAYS", "WIDTHS", "main"]

ARRAYS = (  # each with the numbers of requantisers that are compared
    (npu_array(rows=8, cols=8, lanes=8, planes=1), (2, 4, 8)),
    (npu_array(rows=16, cols=16, lanes=16, planes=2, requantisers=16), (4, 8, 16)),
)
WIDTHS = (8, 4, 2, 1)
MM2 = 1e6  # um2
console = Terminal()


def main(
    liberty: Annotated[
        list[Path] | None,
        typer.Option(help="Liberty files of the cells; without them cycles alone are shown."),
    ] = None,
    workload: Annotated[str, typer.Option(help="Network whose layers are counted.")] = "resnet20",
    cache: Annotated[Path, typer.Option(help="Folder that keeps the netlists.")] = Path(
        "build/drain"
    ),
) -> None:
    """Print, for each way to drain, the core's area and its cycles of a network at each k."""
    synthesis = None
    if liberty:
        library = read_liberty(liberty)
        synthesis = Synthesis(library, MappingOptions(default_period(library)), cache)
    network = workload_by_name(workload)
    for array, counts in ARRAYS:
        parts: dict[ArrayConfig, Parts] = {}
        found = remedies(array, counts)
        if synthesis is not None:
            parts = {core: Parts(core, synthesis) for core in {each.config for each in found}}
        _show_remedies(array, found, network, parts)
        if parts:
            _show_parts(parts[array], parts[replace(array, requantisers=array.cols)])


def _show_remedies(
    array: ArrayConfig,
    found: Sequence[Remedy],
    network: Workload,
    parts: dict[ArrayConfig, Parts],
) -> None:
    """A line for each way; an area that is of one netlist is marked."""
    names = ("way to drain", "units", "cycles a tile", "mm2", "ratio")
    table = new_table(
        (*names, *(f"k = {k}" for k in WIDTHS), "over bound"),
        words=names[:1],
        title=f"{array.rows} x {array.cols} PEs of {array.lanes} lanes x {array.planes} planes: "
        f"area of the core, * of one netlist, else a sum of parts; its cycles of {network.name}, "
        f"and at k = {WIDTHS[-1]} their ratio to the bound",
    )
    bounds = [bound(jobs_of(network, array, bits), array) for bits in WIDTHS]
    table.add_row("bound", "", "", "", "", *(f"{cycles:,}" for cycles in bounds), "")
    for each in found:
        cycles = [count(jobs_of(network, array, k), each.config, each.way).cycles for k in WIDTHS]
        table.add_row(
            each.name,
            each.units,
            f"{each.way.interval(array.rows)}",
            *_areas(each, array, parts),
            *(f"{own:,}" for own in cycles),
            f"{cycles[-1] / bounds[-1]:.2f}",
        )
    console.print(table)


def _areas(each: Remedy, array: ArrayConfig, parts: dict[ArrayConfig, Parts]) -> tuple[str, str]:
    """Area of the core with it, and its ratio to that of `array`."""
    if not parts:
        return "", ""
    with console.status("Synthesising ..."):
        area, base = each.area(parts[each.config]), parts[array].core
    return f"{area / MM2:.3f}{'*' if each.built else ''}", f"{area / base:.3f}"


def _show_parts(own: Parts, full: Parts) -> None:
    """The parts' areas, each synthesised by itself."""
    config = own.config
    serial = {n: full.serial(n) for n in SERIAL_CYCLES}
    entries = {
        f"output edge with {config.requantisers} output units": own.edge,
        "memory of a unit's parameters": own.memory,
        "buffers of results and residual codes": own.buffers,
        f"queue of {config.rows} rows": own.queue(config.rows),
        "second copy of all sums": own.copy,
        "requantiser": full.requantiser,
        **{f"serial requantiser, {n} cycles": area for n, area in serial.items()},
    }
    table = new_table(("part", "mm2"), words=("part",), title="Parts")
    for what, area in entries.items():
        table.add_row(what, f"{area / MM2:.4f}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
