"""Area and clock of an NPU: `python -m benchmarks.npu --liberty FILE`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.sim.characterise.blocks import NpuBlocks, measure_blocks
from truncmac.sim.characterise.characterise import default_period
from truncmac.sim.energy.macros import load_srams
from truncmac.sim.netlist.liberty import read_liberty
from truncmac.sim.netlist.mapping import TIMEOUT_S, MappingOptions
from truncmac.sim.netlist.paths import TracedPath
from truncmac.terminal import Terminal, new_table

__all__ = ["main", "show"]

console = Terminal()
MM2 = 1e6  # um2


def main(
    liberty: Annotated[list[Path], typer.Option(help="Liberty files of the cells.")],
    macros: Annotated[
        str, typer.Option(help="Process of the package's memory macros; none if it is empty.")
    ] = "",
    rows: Annotated[int, typer.Option(min=1, help="Rows of PEs.")] = 8,
    cols: Annotated[int, typer.Option(min=1, help="Columns of PEs.")] = 8,
    lanes: Annotated[int, typer.Option(min=1, help="Lanes of a PE.")] = 8,
    planes: Annotated[int, typer.Option(min=1, help="Bit planes of a PE.")] = 1,
    bus_width: Annotated[Literal["64", "128", "256"], typer.Option(help="Bits of the bus.")] = "64",
    depth: Annotated[int, typer.Option(min=1, help="Words of a bank of activations.")] = 1024,
    count: Annotated[int, typer.Option(min=0, help="Most paths to show.")] = 10,
    cache: Annotated[Path, typer.Option(help="Folder that keeps the netlist.")] = Path("build/npu"),
    timeout: Annotated[float, typer.Option(help="Seconds that synthesis may take.")] = TIMEOUT_S,
) -> None:
    """Synthesise an NPU with a Liberty library: area by block, memories apart, longest paths."""
    array = npu_array(rows=rows, cols=cols, lanes=lanes, planes=planes)
    config = NpuConfig(array=array, bus_width=int(bus_width), depth=depth)
    library = read_liberty(liberty)
    options = MappingOptions(default_period(library), timeout_s=timeout)
    with console.status("Synthesising ..."):
        found = measure_blocks(
            config, library, options, load_srams(macros) if macros else [], cache
        )
    show(found, f"{rows} x {cols} PEs of {lanes} lanes x {planes} planes, {bus_width} bits", count)


def show(found: NpuBlocks, size: str, count: int) -> None:
    """Print the tables of blocks, memories and paths."""
    _show_blocks(found, size)
    _show_memories(found)
    _show_paths(found, count)


def _show_blocks(found: NpuBlocks, size: str) -> None:
    total, core = sum(found.area_um2.values()), found.area_um2["core"]
    table = new_table(
        ("block", "mm2", "of the core"),
        words=("block",),
        title=f"Area of cells, without memories: {size}",
    )
    for block, area in found.area_um2.items():
        table.add_row(block, f"{area / MM2:.4f}", f"{area / core:.1%}")
    table.add_row("NPU", f"{total / MM2:.4f}", f"{total / core:.1%}")
    console.print(table)


def _show_memories(found: NpuBlocks) -> None:
    names = ("memories", "words", "bits", "KiB", "macros each", "macro", "mm2")
    table = new_table(names, words=("memories", "macro"), title="Memories, which are apart")
    for memory in found.memories:
        table.add_row(
            f"{memory.count} of {memory.what}",
            f"{memory.words:,}",
            f"{memory.bits}",
            f"{memory.total_bits / 8192:,.1f}",
            f"{memory.macros}" if memory.macro else "",
            memory.macro.name if memory.macro else "not known",
            f"{memory.area_um2 / MM2:.3f}" if memory.macro else "",
        )
    console.print(table)


def _show_paths(found: NpuBlocks, count: int) -> None:
    table = new_table(
        ("from", "to", "ps", "FO4", "cells"),
        words=("from", "to"),
        title="Longest path of the core, and the longer ones outside it",
    )
    for path in (found.core_worst, *found.paths[:count]):
        table.add_row(*_ends(path), *_times(path, found.fo4_ps), f"{path.cells}")
    console.print(table)
    console.print(
        f"Shortest clock period: core {found.core_period_ps:,.0f} ps, NPU {found.period_ps:,.0f} "
        f"ps; outputs at {found.outputs_ps:,.0f} ps. FO4: {found.fo4_ps:.1f} ps. "
        f"{len(found.paths)} pairs of modules have a path longer than the core's"
    )


def _ends(path: TracedPath) -> tuple[str, str]:
    """Where a path begins and ends, without the name of the top."""
    start, end = (scope.removeprefix("truncmac_npu.") for scope in (path.start, path.end))
    return start, end


def _times(path: TracedPath, fo4_ps: float) -> tuple[str, str]:
    return f"{path.period_ps:,.0f}", f"{path.period_ps / fo4_ps:.1f}"


if __name__ == "__main__":
    typer.run(main)
