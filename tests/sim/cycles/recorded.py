"""What the RTL counted: rtl_counters.json, which `python -m tests.verilog.recorded` writes."""

import json
from dataclasses import dataclass
from pathlib import Path

from truncmac.hw.axi.top import BusWidths
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.job import Job
from truncmac.sim.stalls import NO_STALLS, Gaps, Stalls

FILE = Path(__file__).with_name("rtl_counters.json")


@dataclass(frozen=True)
class Point:
    """Jobs of one array under one pattern of stalls, `together` without a pause between them.

    `widths` are those of the buses where the core is in the AXI top. A counter has a number for
    each group of jobs that ran together.
    """

    config: ArrayConfig
    jobs: list[Job]
    counters: list[dict[str, int]]
    stalls: Stalls = NO_STALLS
    together: int = 1
    products: tuple[tuple[int, int, int], ...] = ()
    widths: BusWidths | None = None

    @property
    def name(self) -> str:
        """Of the point in a list of tests."""
        return f"{self.config.name}-{'axi' if self.widths else self.together}"


def _points():
    found = json.loads(FILE.read_text())
    for entry in found["points"]:
        stalls = dict(entry.get("stalls", {}))
        yield Point(
            config=ArrayConfig(*entry["config"]),
            jobs=[Job(*values) for values in entry["jobs"]],
            counters=[
                dict(zip(found["counters"], values, strict=True)) for values in entry["counters"]
            ],
            stalls=Stalls(**stalls | {"gaps": Gaps(**stalls.pop("gaps", {}))}),
            together=entry.get("together", 1),
            products=tuple(map(tuple, entry.get("products", ()))),
            widths=BusWidths(*entry["widths"]) if "widths" in entry else None,
        )


POINTS = list(_points())
