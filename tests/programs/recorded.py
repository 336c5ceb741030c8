"""Counters of programs as the RTL counted them: `python -m tests.programs.recorded` writes a file.

The tests of the model hold it against them in seconds; `tests.programs.cycles` holds the model
against the RTL, at other NPUs in each run.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tests.programs.cycles import drawn
from truncmac.descriptors import Region
from truncmac.golden import Setting, builtin_images, builtin_network
from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.counters import ALL_COUNTERS
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.rtl.npu.network import program_run
from truncmac.sim.rtl.npu.pauses import Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.runs import ProgramRun
from truncmac.sim.rtl.npu.stimulus import random_programs

__all__ = ["FILE", "Point", "points", "runs_of"]

FILE = Path(__file__).parents[1] / "sim" / "cycles" / "npu" / "rtl_counters.json"
SEED, NPUS, NETWORKS = 41, 12, 1
NAMES = ("cycles", *ALL_COUNTERS)
# Maps come and go by bands beside convolutions
BANDED = NpuConfig(array=ArrayConfig(4, 8, 8, 2, 1200, 4), depth=32, outstanding=2)
# Words of the edge pass through several ports
WIDE = [
    NpuConfig(array=ArrayConfig(4, 8, 2, 2, 2000, 8), bus_width=128, depth=700),
    NpuConfig(array=ArrayConfig(2, 8, 4, 4, 2000, 8), bus_width=64, depth=900, groups=4),
]
# Two rows leave at once
TWO_ROWS = [
    NpuConfig(array=ArrayConfig(4, 8, 2, 1, 2000, 16), bus_width=128, depth=700),
    NpuConfig(array=ArrayConfig(8, 4, 8, 2, 2000, 8), bus_width=256, depth=300),
]


def drawn_points() -> Iterator[tuple[int | None, NpuConfig, Pauses]]:
    """Seed of the programs, None for those of digits; NPU, and memory."""
    found = [*islice(drawn(SEED), NPUS), *((config, Pauses(latency=9)) for config in WIDE)]
    for number, (config, pauses) in enumerate(found):
        yield 100 * SEED + number, config, pauses
    late = next(islice(drawn(77), 4, None))  # where residual codes come late
    yield 4, *late
    for pauses in (Pauses(), Pauses(latency=20, gaps={"w": 3})):
        yield None, BANDED, pauses
    for number, config in enumerate(TWO_ROWS):
        yield 50 + number, config, Pauses(latency=3)


def runs_of(config: NpuConfig, seed: int | None) -> list[ProgramRun]:
    """The programs of a point: of random networks, or of digits at k = 4 and k = 1."""
    if seed is not None:
        return [program.run for program in random_programs(config, count=NETWORKS, seed=seed)]
    settings = [Setting("4", 4), Setting("1", 1)]
    compiled = compile_network(builtin_network(), config, settings)
    image = builtin_images()[0][0]
    return [program_run(compiled, entry, image) for entry in compiled.entries]


def record(seed: int | None, config: NpuConfig, pauses: Pauses) -> dict[str, Any]:
    """Run a point on Icarus: what ran, and what was counted."""
    runs = runs_of(config, seed)
    outcomes = run_programs(runs, config, simulator="icarus", pauses=pauses)
    found = [{"cycles": outcome.cycles, **outcome.counters} for outcome in outcomes]
    return {
        "config": asdict(config),
        "latency": pauses.latency,
        "gaps": dict(pauses.gaps),
        "seed": seed,
        "bases": [[outcome.bases[region] for region in Region] for outcome in outcomes],
        "counters": [[counters[name] for name in NAMES] for counters in found],
    }


@dataclass(frozen=True)
class Point:
    """What was recorded of an NPU.

    Attributes
    ----------
    config, pauses : NPU and memory
    seed : of the programs; None: they are those of digits
    bases : of each program, where the regions lay
    counters : of each program, by name
    """

    config: NpuConfig
    pauses: Pauses
    seed: int | None
    bases: list[dict[Region, int]]
    counters: list[dict[str, int]]


def points() -> Iterator[Point]:
    """What was recorded."""
    for point in json.loads(FILE.read_text())["points"]:
        sizes = point["config"] | {"array": ArrayConfig(**point["config"]["array"])}
        bases = [dict(zip(Region, places, strict=True)) for places in point["bases"]]
        counters = [dict(zip(NAMES, values, strict=True)) for values in point["counters"]]
        pauses = Pauses(latency=point["latency"], gaps=point["gaps"])
        yield Point(NpuConfig(**sizes), pauses, point["seed"], bases, counters)


def main() -> None:
    """Record all points."""
    found = []
    for point in drawn_points():
        found.append(json.dumps(record(*point)))
        print(f"{len(found)}: {point[1].array.name}", flush=True)
    lines = ",\n".join(found)
    text = f'{{"counters": {json.dumps(NAMES)},\n"points": [\n{lines}\n]}}\n'
    write_bytes(FILE, text.encode())


if __name__ == "__main__":
    main()
