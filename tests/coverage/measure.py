"""Plays the runs into the core and the bench into the AXI top, and reads what they covered."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from tests.coverage.points import Point, read_points
from tests.coverage.stimulus import DEPTH, Wrapping
from tests.mutation.campaign import check_core
from tests.mutation.mutants import compile_bench
from tests.mutation.stimulus import Run
from tests.verilog.test_axi import TESTS
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.sim.rtl.simulator import in_environment
from truncmac.sim.tools import simulator_environment

__all__ = ["CONFIG", "FOLDER", "axi_points", "core_points", "source"]

FOLDER = Path("build/coverage")
# Every kind of path, twice: clusters of rows and of columns, requantisers that wait for others
SIZES = (6, 6, 2, 2, 12, 2)
CONFIG = ArrayConfig(*SIZES)
WIDTHS = (256, 64, 32, 128, 32)  # words of several transfers, several words of a transfer
OWN_TESTS = 9  # of tests.coverage.axi_bench

# Verilator 5.48 cannot count lines and expressions of a memory's writes in one build
BUILDS = {"lines": ["--coverage-line", "--coverage-toggle"], "expressions": ["--coverage-expr"]}


def source(top: str) -> list[str]:
    """The lines of the Verilog that was measured."""
    return (FOLDER / top / "lines" / f"{top}.v").read_text().splitlines()


def core_points(stimulus: Sequence[Run]) -> Mapping[Point, int]:
    """Play all runs into the core; what they covered."""
    paths = []
    for build, options in BUILDS.items():
        folder = FOLDER / TOP / build
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{TOP}.v"
        _write(path, core_verilog(CONFIG))
        program = compile_bench(
            path,
            folder,
            mutated=False,
            config=CONFIG,
            depth=DEPTH,
            options=[*options, f"-DCOUNTERS={_counters(path.read_text())} "],
        )
        for run in stimulus:
            place = folder / run.name
            command = [str(program), f"+hang_cycles={DEPTH}", *run.write(CONFIG, place)]
            subprocess.run(command, cwd=place, capture_output=True, check=True)
            counted = run.counted if isinstance(run, Wrapping) else 0
            check_core(run, (place / "answers.hex").read_text(), CONFIG, counted=counted)
            paths.append(place / "coverage.dat")
    return read_points(paths, path)


def _write(path: Path, text: str) -> None:
    """Leave a file alone that is right, so that what was built of it need not be built again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _counters(text: str) -> str:
    """Name of the instance of the core's counters, as it stands in the Verilog."""
    found = re.search(rf"^ *\\{TOP}\.counters\S* +(\S+) +\($", text, re.MULTILINE)
    if found is None:
        raise RuntimeError("The core's Verilog must have counters")
    return found[1]


def axi_points() -> Mapping[Point, int]:
    """Run the benches of the AXI top; what they covered."""
    environment = {
        **simulator_environment("verilator"),
        "TRUNCMAC_SIZES": json.dumps(SIZES),
        "TRUNCMAC_WIDTHS": json.dumps(WIDTHS),
    }
    paths = []
    for build, options in BUILDS.items():
        folder = FOLDER.resolve() / AXI_TOP / build
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{AXI_TOP}.v"
        _write(path, axi_verilog(CONFIG, BusWidths(*WIDTHS)))
        runner = get_runner("verilator")
        with in_environment(environment):
            runner.build(
                sources=[path],
                hdl_toplevel=AXI_TOP,
                build_dir=folder,
                build_args=["-Wno-fatal", "-Wno-WIDTH", *options],
                timescale=("1ns", "1ps"),
                log_file=folder / "build.log",
            )
            results = runner.test(
                hdl_toplevel=AXI_TOP,
                hdl_toplevel_lang="verilog",
                test_module=["tests.verilog.axi_bench", "tests.coverage.axi_bench"],
                build_dir=folder,
                test_dir=folder,
                seed=1,
                log_file=folder / "run.log",
            )
        if get_results(results) != (TESTS + OWN_TESTS, 0):
            raise RuntimeError(f"The benches of the AXI top failed; see {folder / 'run.log'}")
        paths.append(folder / "coverage.dat")
    return read_points(paths, path)
