"""Measures coverage and writes docs/coverage.md: `python -m tests.coverage`."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from tests.mutation.campaign import check_core
from tests.mutation.mutants import CONFIG, compile_bench
from tests.mutation.stimulus import Run, runs
from tests.rtl.test_axi import TESTS
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


# Verilator 5.48 cannot count lines and expressions of a memory's writes in one build
BUILDS = {"lines": ["--coverage-line", "--coverage-toggle"], "expressions": ["--coverage-expr"]}


def core_points(stimulus: Sequence[Run]) -> Mapping[Point, int]:
    """Play all runs into the core; what they covered."""
    paths = []
    for build, options in BUILDS.items():
        folder = FOLDER / TOP / build
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / f"{TOP}.v"
        source.write_text(core_verilog(CONFIG))
        program = compile_bench(source, folder, mutated=False, options=options)
        for run in stimulus:
            place = folder / run.name
            command = [str(program), *run.write(CONFIG, place), "+hang_cycles=100000"]
            subprocess.run(command, cwd=place, capture_output=True, check=True)
            check_core(run, (place / "answers.hex").read_text())
            paths.append(place / "coverage.dat")
    return read_points(paths, f"{TOP}.v")


def axi_points() -> Mapping[Point, int]:
    """Run the bench of the AXI top; what it covered."""
    environment = {
        **simulator_environment("verilator"),
        "TRUNCMAC_SIZES": json.dumps(AXI_SIZES),
        "TRUNCMAC_WIDTHS": json.dumps(AXI_WIDTHS),
    }
    paths = []
    for build, options in BUILDS.items():
        folder = FOLDER.resolve() / AXI_TOP / build
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / f"{AXI_TOP}.v"
        source.write_text(axi_verilog(ArrayConfig(*AXI_SIZES), BusWidths(*AXI_WIDTHS)))
        runner = get_runner("verilator")
        with in_environment(environment):
            runner.build(
                sources=[source],
                hdl_toplevel=AXI_TOP,
                build_dir=folder,
                build_args=["-Wno-fatal", "-Wno-WIDTH", *options],
                timescale=("1ns", "1ps"),
                log_file=folder / "build.log",
            )
            results = runner.test(
                hdl_toplevel=AXI_TOP,
                hdl_toplevel_lang="verilog",
                test_module="tests.rtl.axi_bench",
                build_dir=folder,
                test_dir=folder,
                seed=1,
                log_file=folder / "run.log",
            )
        if get_results(results) != (TESTS, 0):
            raise RuntimeError(f"The AXI bench failed; see {folder / 'run.log'}")
        paths.append(folder / "coverage.dat")
    return read_points(paths, f"{AXI_TOP}.v")


@dataclass(frozen=True)
class Measured:
    """Coverage of one top.

    Attributes
    ----------
    name : of the top
    counts : of its points
    waivers : of points that are not covered
    """

    name: str
    counts: Mapping[Point, int]
    waivers: Mapping[Point, Waiver]

    def missing(self, kind: str) -> list[Point]:
        """Points that are neither covered nor waived."""
        return [
            point
            for point, count in self.counts.items()
            if point.kind == kind and not count and point not in self.waivers
        ]

    def row(self, kind: str) -> str:
        """A line of the table."""
        points = [point for point in self.counts if point.kind == kind]
        hit = sum(self.counts[point] > 0 for point in points)
        exempt = sum(point in self.waivers for point in points)
        share = 100 * hit / max(len(points) - exempt, 1)
        return f"| {self.name} | {kind} | {len(points)} | {hit} | {exempt} | {share:.2f} % |"


def document(tops: Sequence[Measured], waivers: Sequence[Waiver], stimulus: Sequence[Run]) -> str:
    """The page of the documents, with what was measured."""
    lines = [
        "# Coverage",
        "",
        "`make coverage` plays the runs of `tests/mutation/stimulus.py` into the core, and the",
        "bench of `tests/rtl/axi_bench.py` into the AXI top, under Verilator. It writes this page.",
        "",
        "## Code",
        "",
        "| top | kind | points | covered | waived | covered of the rest |",
        "|---|---|---|---|---|---|",
        *(top.row(kind) for top in tops for kind in KINDS),
        "",
        "Waived are, by `tests/coverage/waivers.toml`:",
        "",
        "| points | of | why |",
        "|---|---|---|",
    ]
    for waiver in waivers:
        count = sum(found is waiver for top in tops for found in top.waivers.values())
        lines.append(f"| {count} | {', '.join(waiver.kinds)} | {waiver.reason} |")
    lines += ["", "## Situations", "", "| situation | points | met | mean a point |"]
    lines.append("|---|---|---|---|")
    for name, points in covered(stimulus, CONFIG).items():
        met = sum(count > 0 for count in points.values())
        mean = sum(points.values()) / len(points)
        lines.append(f"| {name} | {len(points)} | {met} | {mean:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, write the page, and name what is missing; exit code 1 if anything is."""
    stimulus = runs(CONFIG)
    waivers = read_waivers()
    tops, used = [], set()
    for name, counts in ((TOP, core_points(stimulus)), (AXI_TOP, axi_points())):
        source = (FOLDER / name / "lines" / f"{name}.v").read_text().splitlines()
        exempt, _ = waived(counts, waivers, source)
        used |= set(map(id, exempt.values()))
        tops.append(Measured(name, counts, exempt))
        for kind in KINDS:
            for point in tops[-1].missing(kind):
                text = source[point.line - 1].strip() if point.line else ""
                print(f"{name} {kind} {point.module} {point.line} {point.name}: {text}")
    write_bytes(DOCUMENT, document(tops, waivers, stimulus).encode())
    idle = [waiver.reason for waiver in waivers if id(waiver) not in used]
    for reason in idle:
        print(f"No point needs the waiver: {reason}")
    unmet = [p for points in covered(stimulus, CONFIG).values() for p, n in points.items() if not n]
    for point in unmet:
        print(f"Not met: {point}")
    missing = sum(len(top.missing(kind)) for top in tops for kind in KINDS)
    print(f"{missing} points and {len(unmet)} situations are neither covered nor waived")
    return bool(missing or unmet or idle)


if __name__ == "__main__":
    sys.exit(main())
