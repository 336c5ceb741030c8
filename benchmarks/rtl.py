"""Benchmarks: `python -m benchmarks.rtl`. Ratios within one run; machines differ."""

import os
import subprocess
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from truncmac.golden import Gemm, weight_offset
from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.hw.tile import tile_layout
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.integers import ceil_div
from truncmac.sim import rtl
from truncmac.sim.netlist.generic import estimate
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.tools import check_simulator, simulator_environment
from truncmac.terminal import Terminal, new_table

__all__ = ["main"]

HERE = Path(__file__).parent
SHAPES = [(4, 8), (1, 8), (8, 1), (8, 2), (16, 1), (16, 2)]  # lanes, planes; the baseline first
SPEED = ArrayConfig(rows=16, cols=16, lanes=8, planes=1)
BEATS = 144
console = Terminal()


def main(
    rows: Annotated[int, typer.Option(min=1, help="Rows of the cores to synthesise.")] = 8,
    cols: Annotated[int, typer.Option(min=1, help="Columns of the cores to synthesise.")] = 8,
    cycles: Annotated[int, typer.Option(min=1, help="Cycles to simulate, about.")] = 1_000_000,
) -> None:
    """Hardware quality by a generic gate library, and simulation speed against a bare loop."""
    synthesis_table(rows, cols)
    speed_table(cycles)


def synthesis_table(rows: int, cols: int) -> None:
    """PE and core of each shape; MACs a second and area are compared with conventional MACs."""
    names = ("PE cells", "area", "FO4", "core cells", "area", "FO4", "area/MAC", "MACs/s/area")
    table = new_table(
        ("L, P", *names),
        words=("L, P",),
        title=f"Yosys, generic gates: {rows} x {cols} PEs of L lanes and P planes. Area in NAND2, "
        "clock period in FO4; last two: 8-bit MACs, ratios to the first line",
    )
    base: list[float] = []
    for lanes, planes in SHAPES:
        config = ArrayConfig(rows, cols, lanes, planes)
        with console.status(f"Synthesising {lanes} lanes x {planes} planes ..."):
            result = estimate(core_verilog(config), TOP)
        per_mac = result.area(TOP) / config.peak_macs
        density = 1 / (per_mac * result.period(TOP))
        base = base or [per_mac, density]
        row = [f"{lanes}, {planes}"]
        for module in ("truncmac_pe", TOP):
            row += [f"{result.cells(module):,}", f"{result.area(module):,.0f}"]
            row += [f"{result.period(module):.1f}"]
        row += [f"{per_mac / base[0]:.2f}", f"{density / base[1]:.2f}"]
        table.add_row(*row)
    console.print(table)


def speed_table(cycles: int) -> None:
    """Cycles a second of one long product: with memories and cocotb, and in a bare loop."""
    tiles = ceil_div(cycles, BEATS * 8)
    folder = Path("build/bench")
    loop = raw_loop(SPEED, tiles * BEATS * 8, folder)
    built = []
    outcome = simulate(
        [long_product(SPEED, tiles)],
        SPEED,
        build_root=folder,
        on_build=lambda: built.append(time.perf_counter()),
    )[0]
    harness = outcome.cycles / (time.perf_counter() - built[0])
    table = new_table(
        ("", "cycles a second", "ratio"),
        words=("",),
        title=f"Verilator, {SPEED.rows} x {SPEED.cols} PEs of {SPEED.lanes} lanes, k = 8",
    )
    table.add_row("bare C++ loop round the core", f"{loop:,.0f}", "1.00")
    played = "truncmac sim: memories, counters, cocotb"
    table.add_row(played, f"{harness:,.0f}", f"{harness / loop:.2f}")
    console.print(table)


def long_product(config: ArrayConfig, row_tiles: int) -> Gemm:
    """One column tile and many row tiles, so that operands are few and cycles many."""
    rng = np.random.default_rng(0)
    reduction = BEATS * config.lanes
    few = rng.integers(0, 256, (config.rows, reduction), np.uint8)
    return Gemm(
        name="long",
        activations=np.tile(few, (row_tiles, 1)),
        codes=rng.integers(0, 256, (reduction, config.cols), np.uint8),
        bits=8,
        offset=weight_offset(8),
    )


def raw_loop(config: ArrayConfig, cycles: int, folder: Path) -> float:
    """Cycles a second of the core in `raw_loop.cpp`."""
    check_simulator("verilator")
    environment = os.environ | dict(simulator_environment("verilator"))
    source = folder.resolve() / "truncmac_core.v"
    write_bytes(source, core_verilog(config).encode(), keep_unchanged=True)
    command = ["verilator", "--cc", "--exe", "--build", "-O3", "-Wno-fatal", "-Wno-WIDTH"]
    command += ["--no-public-flat-rw", "--top-module", TOP, "-Mdir", "raw", "-o", "raw_loop"]
    command += [
        str(Path(rtl.__file__).with_name("verilator.vlt")),
        str(source),
        str(HERE / "raw_loop.cpp"),
    ]
    with console.status("Building the bare loop ..."):
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    fields = {"bits": 8, "beats": BEATS, "offset": weight_offset(8), "raw": 1}
    tile = tile_layout(config).const(fields).as_bits()
    loop = folder.resolve() / "raw" / "raw_loop"
    run = subprocess.run([loop, str(cycles), str(tile)], capture_output=True, text=True, check=True)
    chunks, seconds = run.stdout.split()
    if int(chunks) < 0.99 * cycles:
        raise RuntimeError(f"The core took {chunks} chunks in {cycles} cycles; it should take all")
    return cycles / float(seconds)


if __name__ == "__main__":
    typer.run(main)
