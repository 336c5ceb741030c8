"""Counters as the RTL counted them, as a file of data: `python -m tests.verilog.recorded`.

The tests of the cycle model hold it against them in milliseconds; test_cycles.py holds the file
against the RTL. Points are of tools.sweep: arrays, patterns of stalls, products.
"""

import json
from dataclasses import asdict, replace
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.verilog.test_axi import CASES, run_bench
from tools.sweep import PATTERNS, random_sweeps
from truncmac.golden.files import write_bytes
from truncmac.hw.counters import COUNTERS
from truncmac.sim.cycles.job import Job

FILE = Path(__file__).parents[1] / "sim" / "cycles" / "rtl_counters.json"
SEED, ARRAYS, PRODUCTS = 41, 12, 5
PAIRED = 3  # arrays that two rows leave at once


def sweeps():
    """The points: of each array every pattern; in every other array products follow at once."""
    found = chain(
        islice(random_sweeps(SEED), ARRAYS * PATTERNS),
        islice(random_sweeps(SEED, rows_at_once=2), PAIRED * PATTERNS),
    )
    for index, sweep in enumerate(found):
        together = PRODUCTS if index // PATTERNS % 2 and index % PATTERNS in (0, 3) else 1
        yield replace(sweep, gemms=sweep.gemms[:PRODUCTS], together=together)


def record(sweep, build_root):
    """Run a point on Icarus: what ran, and what was counted."""
    outcomes = sweep.run(build_root, "icarus")
    jobs = [Job.of(gemm, sweep.config) for gemm in sweep.gemms]
    return {
        "config": list(vars(sweep.config).values()),
        "stalls": asdict(sweep.stalls),
        "together": sweep.together,
        "products": [[g.rows, g.reduction, g.columns] for g in sweep.gemms],
        "jobs": [list(vars(job).values()) for job in jobs],
        "counters": [
            [outcome.counters[name] for name in COUNTERS] for outcome in outcomes[:: sweep.together]
        ],
    }


def record_axi(simulator, sizes, widths):
    """Run the bench of the AXI top: what ran, and what was counted."""
    with TemporaryDirectory() as folder:
        run_bench(simulator, sizes, widths, Path(folder))
        counted = json.loads((Path(folder) / "counted.json").read_text())
    return {"config": sizes, "widths": widths} | counted


def main():
    """Record all points."""
    cases = [getattr(case, "values", case) for case in CASES]  # those that are marked, too
    found = [record_axi(*case) for case in cases if case[0] == "icarus"]
    for sweep in sweeps():
        found.append(record(sweep, Path("build/tests/sim")))
        print(f"{len(found)}: {sweep.config.name}", flush=True)
    lines = ",\n".join(json.dumps(point) for point in found)
    names = json.dumps(list(COUNTERS))
    write_bytes(FILE, f'{{"counters": {names},\n"points": [\n{lines}\n]}}\n'.encode())


if __name__ == "__main__":
    main()
