"""Counts random programs on NPUs drawn by seed: `python -m tests.programs.cycles --seed 7`.

Every counter of the model must be the one that the RTL counted. All three buses are among the NPUs;
the memory's latency and its pauses, by a rule, are drawn for each.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from tests.programs.drawn import random_npus
from truncmac.descriptors import Region
from truncmac.hw.npu.config import BUS_WIDTHS, NpuConfig
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.cycles.npu.machine import NpuControl
from truncmac.sim.rtl.npu.pauses import CHANNELS, Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.runs import ProgramOutcome, ProgramRun
from truncmac.sim.rtl.npu.stimulus import random_programs

__all__ = ["differences"]

NPUS, NETWORKS = 8, 7  # each network at four k
LATENCIES = (1, 2, 7, 30, 100)
MOST_GAP = 5  # cycles of a transfer


def differences(
    runs: list[ProgramRun], outcomes: list[ProgramOutcome], config: NpuConfig, pauses: Pauses
) -> list[str]:
    """Counters that the model counts otherwise than the RTL, in words."""
    npu = NpuControl(config, MemoryTiming(pauses.latency, pauses.gaps))
    found = []
    for number, (run, outcome) in enumerate(zip(runs, outcomes, strict=True)):
        if not outcome.ended:
            found.append(f"program {number} ended with {outcome.fault.name}")
        program = run.regions[Region.PROGRAM].tobytes()
        counted = npu.run(program, outcome.bases, run.entry)
        expected = {**outcome.counters, "cycles": outcome.cycles}
        found += [
            f"program {number}: {name} is {value} on the RTL, not {counted.get(name)}"
            for name, value in expected.items()
            if counted.get(name) != value
        ]
    return found


def drawn(seed: int) -> Iterator[tuple[NpuConfig, Pauses]]:
    """NPUs and memories without end."""
    rng = np.random.default_rng(seed)
    for number, config in enumerate(random_npus(seed)):
        slow = [name for name in CHANNELS if rng.integers(2)]
        gaps = {name: int(rng.integers(2, MOST_GAP + 1)) for name in slow}
        pauses = Pauses(latency=int(rng.choice(LATENCIES)), gaps=gaps)
        yield replace(config, bus_width=BUS_WIDTHS[number % len(BUS_WIDTHS)]), pauses


def run(
    seed: int, networks: int, point: tuple[int, tuple[NpuConfig, Pauses]]
) -> tuple[str, int, list[str]]:
    """A line about an NPU's programs, how many there were, and what differs."""
    began = time.monotonic()
    number, (config, pauses) = point
    runs = [
        program.run for program in random_programs(config, count=networks, seed=100 * seed + number)
    ]
    # Many of them, and some are long: Icarus would take longer than Verilator's builds
    outcomes = run_programs(
        runs, config, pauses=pauses, optimised=False, build_root=Path("build/sim")
    )
    found = differences(runs, outcomes, config, pauses)
    cycles = sum(outcome.cycles for outcome in outcomes)
    line = f"{config.array.name}, {config.bus_width} bits, latency {pauses.latency}, "
    line += f"gaps {dict(pauses.gaps)}: {len(runs)} programs, {cycles:,} cycles, "
    line += f"{len(found)} counters differ, {time.monotonic() - began:.0f} s"
    return line, len(runs), found


def main() -> int:
    """Run and print; exit code 1 where a counter differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs.cycles", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn (%(default)s)")
    parser.add_argument("--npus", type=int, default=NPUS, help="(%(default)s)")
    parser.add_argument("--networks", type=int, default=NETWORKS, help="for each (%(default)s)")
    options = parser.parse_args()
    points = enumerate(islice(drawn(options.seed), options.npus))
    total, differ = 0, 0
    with ProcessPoolExecutor(2) as pool:
        work = partial(run, options.seed, options.networks)
        for line, count, found in pool.map(work, points):
            print("\n  ".join([line, *found[:5]]), flush=True)
            total, differ = total + count, differ + len(found)
    print(f"{options.npus} NPUs, {total} programs, {differ} counters differ")
    return 1 if differ or total < options.npus * options.networks else 0


if __name__ == "__main__":
    sys.exit(main())
