"""Runs random programs on NPUs that are drawn by seed: `python -m tests.programs --seed 7`.

Every second NPU has cocotbext-axi's memory, the others the harness' own; all channels of the bus
pause at random. Every byte that a program leaves must be the reference's.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

from tests.programs.drawn import random_npus
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.rtl.npu.pauses import Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.stimulus import random_programs, wrong_bytes


def run(options: Any, number: int, config: NpuConfig) -> tuple[str, int, int]:
    """A line about an NPU's programs, the bytes that differ, and all bytes."""
    began = time.monotonic()
    seed = 100 * options.seed + number
    programs = random_programs(config, count=options.networks, seed=seed)
    outcomes = run_programs(
        [program.run for program in programs],
        config,
        simulator="verilator" if number % 4 == 3 else "icarus",
        pauses=Pauses.everywhere(0.2, seed),
        axi_ram=number % 2 == 0,
        optimised=False,
    )
    wrong = size = 0
    for program, outcome in zip(programs, outcomes, strict=True):
        differing, count = wrong_bytes(config, program.run, outcome)
        bad = differing or not outcome.ended or outcome.strays
        wrong += max(differing, 1) if bad else 0
        size += count
    line = f"{config.array.name}, {config.bus_width} bits, {config.groups} x {config.depth} words"
    line += f": {len(programs)} programs, {size:,} bytes, {wrong} differ"
    return f"{line}, {time.monotonic() - began:.0f} s", wrong, size


def main() -> int:
    """Run and print; exit code 1 where a byte differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn (%(default)s)")
    parser.add_argument("--npus", type=int, default=8, help="how many are drawn (%(default)s)")
    parser.add_argument("--networks", type=int, default=2, help="for each NPU (%(default)s)")
    options = parser.parse_args()
    configs = list(islice(random_npus(options.seed), options.npus))
    total = differ = 0
    with ProcessPoolExecutor(2) as pool:
        runs = pool.map(partial(run, options), range(len(configs)), configs)
        for line, wrong, size in runs:
            print(line, flush=True)
            differ, total = differ + wrong, total + size
    print(f"{len(configs)} NPUs, {total:,} bytes compared, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
