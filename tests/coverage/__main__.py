"""Measures coverage and writes docs/verification/coverage.md: `python -m tests.coverage`."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.coverage.functional import covered
from tests.coverage.measure import CONFIG, axi_points, core_points
from tests.coverage.report import Top, document, measured
from tests.coverage.stimulus import all_runs
from tests.coverage.waivers import Waiver, read_waivers
from tests.mutation.stimulus import Run
from truncmac.golden.files import write_bytes
from truncmac.hw.axi.verilog import AXI_TOP
from truncmac.hw.verilog import TOP

DOCUMENT = Path("docs/verification/coverage.md")


def faults(
    tops: Sequence[Top], waivers: Sequence[Waiver], stimulus: Sequence[Run]
) -> Iterator[str]:
    """What keeps the measurement from passing, a line each."""
    for top in tops:
        for point in top.missing():
            place = f"{top.name} {point.kind} {point.module} {point.line or ''}"
            yield f"Neither covered nor waived: {place} {point.name}: {point.text}"
        for point, waiver in top.review.refuted:
            yield f"Covered, though waived: {top.name} {point.module} {point.name}: {waiver.reason}"
        for point in top.unproven:
            yield f"Waived as constant, but not proven so: {top.name} {point.module} {point.name}"
    used = {id(waiver) for top in tops for waiver in top.review.waived.values()}
    for waiver in waivers:
        if id(waiver) not in used:
            yield f"No point needs the waiver: {waiver.module} {waiver.name}: {waiver.reason}"
    for group, points in covered(stimulus, CONFIG).items():
        for point, count in points.items():
            if not count:
                yield f"Situation not met: {group} {point}"


def main() -> int:
    """Measure, write the page, and name what is wrong; exit code 1 if anything is."""
    stimulus = all_runs(CONFIG)
    waivers = read_waivers()
    tops = [
        measured(TOP, core_points(stimulus), waivers),
        measured(AXI_TOP, axi_points(), waivers),
    ]
    write_bytes(DOCUMENT, document(tops, waivers, stimulus).encode())
    lines = list(faults(tops, waivers, stimulus))
    print("\n".join([*lines, f"{len(lines)} faults"]))
    place = os.environ.get("VERIFY_JSON")
    if place is not None:
        found = {"tops": {top.name: top.shares() for top in tops}, "faults": len(lines)}
        write_bytes(Path(place), json.dumps(found, indent=1).encode())
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
