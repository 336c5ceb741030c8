"""Measures coverage and writes docs/coverage.md: `python -m tests.coverage`."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cocotb_tools.runner import get_runner

from tests.mutation.campaign import check_core
from tests.mutation.mutants import CONFIG, compile_bench
from tests.mutation.stimulus import Run, runs
from truncmac.golden import write_bytes
from truncmac.hw.axi import BusWidths
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import AXI_TOP, TOP, axi_verilog, core_verilog
from truncmac.sim.cosim import in_environment
from truncmac.sim.tools import simulator_environment

from .functional import covered
from .points import KINDS, Point, read_points
from .waivers import Waiver, read_waivers, waived

FOLDER = Path("build/coverage")
DOCUMENT = Path("docs/coverage.md")
AXI_SIZES, AXI_WIDTHS = (2, 4, 2, 2, 12, 2), (32, 64, 32, 64, 32)


def core_points(stimulus: Sequence[Run]) -> Mapping[Point, int]:
    """Play all runs into the core; what they covered."""
    folder = FOLDER / "core"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{TOP}.v"
    source.write_text(core_verilog(CONFIG))
    program = compile_bench(source, folder, mutated=False, options=["--coverage"])
    paths = []
    for run in stimulus:
        place = folder / run.name
        command = [str(program), *run.write(CONFIG, place), "+hang_cycles=100000"]
        subprocess.run(command, cwd=place, capture_output=True, check=True)
        check_core(run, (place / "answers.hex").read_text())
        paths.append(place / "coverage.dat")
    return read_points(paths, source.name)


def axi_points() -> Mapping[Point, int]:
    """Run the bench of the AXI top; what it covered."""
    folder = FOLDER.resolve() / "axi"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{AXI_TOP}.v"
    source.write_text(axi_verilog(ArrayConfig(*AXI_SIZES), BusWidths(*AXI_WIDTHS)))
    environment = {
        **simulator_environment("verilator"),
        "TRUNCMAC_SIZES": json.dumps(AXI_SIZES),
        "TRUNCMAC_WIDTHS": json.dumps(AXI_WIDTHS),
    }
    runner = get_runner("verilator")
    with in_environment(environment):
        runner.build(
            sources=[source],
            hdl_toplevel=AXI_TOP,
            build_dir=folder,
            build_args=["-Wno-fatal", "-Wno-WIDTH", "--coverage"],
            timescale=("1ns", "1ps"),
            log_file=folder / "build.log",
        )
        runner.test(
            hdl_toplevel=AXI_TOP,
            hdl_toplevel_lang="verilog",
            test_module="tests.rtl.axi_bench",
            build_dir=folder,
            test_dir=folder,
            seed=1,
            log_file=folder / "run.log",
        )
    return read_points([folder / "coverage.dat"], source.name)
