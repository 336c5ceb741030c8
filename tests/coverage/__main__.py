"""Measures coverage and writes docs/verification/coverage.md: `python -m tests.coverage`."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.coverage.functional import covered
from tests.coverage.measure import CONFIG, axi_points, core_points
from tests.coverage.npu import npu_points
from tests.coverage.npu import stimulus as npu_stimulus
from tests.coverage.npu_functional import covered_by_programs
from tests.coverage.report import Situations, Top, document, measured
from tests.coverage.stimulus import all_runs
from tests.coverage.waivers import Waiver, read_waivers
from truncmac.golden.files import write_bytes
from truncmac.hw.axi.verilog import AXI_TOP
from truncmac.hw.npu.verilog import NPU_TOP
from truncmac.hw.verilog import TOP

DOCUMENT = Path("docs/verification/coverage.md")
# Not all of the NPU is covered or waived yet: no less than this
NPU_LEAST = {"line": 0.99, "branch": 0.97, "toggle": 0.59, "expr": 0.93}


def faults(tops: Sequence[Top], situations: Sequence[Situations]) -> Iterator[str]:
    """What keeps the measurement from passing, a line each."""
    for top in tops:
        for kind, share, least in top.short():
            yield f"{top.name}: {share:.2%} of {kind} points are covered, and {least:.2%} must be"
        for point in top.missing():
            if point.kind in top.least:
                continue
            place = f"{top.name} {point.kind} {point.module} {point.line or ''}"
            yield f"Neither covered nor waived: {place} {point.name}: {point.text}"
        for point, waiver in top.review.refuted:
            yield f"Covered, though waived: {top.name} {point.module} {point.name}: {waiver.reason}"
        for point in top.unproven:
            yield f"Waived as constant, but not proven so: {top.name} {point.module} {point.name}"
    for groups in situations:
        for group, points in groups.items():
            for point, count in points.items():
                if not count:
                    yield f"Situation not met: {group} {point}"


def unused(tops: Sequence[Top], waivers: Sequence[Waiver]) -> Iterator[str]:
    """Waivers that none of all tops needs, a line each."""
    used = {id(waiver) for top in tops for waiver in top.review.waived.values()}
    for waiver in waivers:
        if id(waiver) not in used:
            yield f"No point needs the waiver: {waiver.module} {waiver.name}: {waiver.reason}"


def core_tops(waivers: Sequence[Waiver]) -> tuple[list[Top], Situations]:
    """Measure the core and the AXI top."""
    stimulus = all_runs(CONFIG)
    tops = [
        measured(TOP, core_points(stimulus), waivers),
        measured(AXI_TOP, axi_points(), waivers),
    ]
    return tops, covered(stimulus, CONFIG)


def npu_tops(waivers: Sequence[Waiver]) -> tuple[list[Top], Situations]:
    """Measure the NPU."""
    plays = list(npu_stimulus())
    points, outcomes = npu_points(plays)
    some = [waiver for waiver in waivers if waiver.proof == "argument"]  # ABC takes too long
    return [measured(NPU_TOP, points, some, NPU_LEAST)], covered_by_programs(plays, outcomes)


PARTS = (core_tops, npu_tops)


def main() -> int:
    """Measure, write the page, and name what is wrong; exit code 1 if anything is."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    about = "measure either core and AXI top, or the NPU, and write no page"
    parser.add_argument("--part", type=int, metavar="SEED", help=about)
    part = parser.parse_args().part
    waivers = read_waivers()
    parts = PARTS if part is None else [PARTS[part % len(PARTS)]]
    found = [measure(waivers) for measure in parts]
    tops = [top for some, _ in found for top in some]
    situations = [groups for _, groups in found]
    lines = list(faults(tops, situations))
    if part is None:
        write_bytes(DOCUMENT, document(tops, waivers, situations).encode())
        lines += unused(tops, waivers)
    print("\n".join([*lines, f"{len(lines)} faults"]))
    place = os.environ.get("VERIFY_JSON")
    if place is not None:
        figures = {"tops": {top.name: top.shares() for top in tops}, "faults": len(lines)}
        write_bytes(Path(place), json.dumps(figures, indent=1).encode())
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
