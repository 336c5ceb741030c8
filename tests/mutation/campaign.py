"""Runs the mutants: which of them no run tells from the core."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.mutation.mutants import CONFIG, MUTATED, MUTATED_COUNTER_BITS, Mutant, build
from tests.mutation.stimulus import Run, runs
from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.hw.counters import COUNTER_BITS
from truncmac.sim.axi.memories import tiles_to_matrices
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job

__all__ = ["check_core", "simulate"]

SECONDS = 60  # of the processor, for a simulation: a mutant may hang the simulator itself


def simulate(
    mutants: Sequence[Mutant],
    folder: Path,
    *,
    workers: int = 2,
    report: Callable[[str], None] = lambda line: None,
) -> list[Mutant]:
    """Run all mutants; return those that no run tells from the core."""
    program = build(mutants, folder)
    report(f"{len(mutants)} mutants compiled")
    alive = list(mutants)
    for run in runs(MUTATED):
        place = folder / "runs" / run.name
        options = run.write(MUTATED, place)
        expected = answers(program, place, options, 0)
        check_core(run, expected, MUTATED, counter_bits=MUTATED_COUNTER_BITS)
        cycles = int(expected.split()[-1])
        options.append(f"+most_cycles={2 * cycles}")
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(partial(answers, program, place, options), [m.number for m in alive])
            left = [m for m, answer in zip(alive, found, strict=True) if answer == expected]
        report(f"{run.name}, {cycles} cycles: {len(alive) - len(left)} killed, {len(left)} live")
        alive = left
    return alive


def answers(program: Path, folder: Path, options: Iterable[str], number: int) -> str:
    """What the bench writes with this mutant; an empty text if it does not end."""
    place = folder / f"{number}"
    place.mkdir(exist_ok=True)
    for name in ("tiles", "activations", "weights", "parameters", "residuals"):
        link = place / f"{name}.hex"
        if not link.exists():
            link.symlink_to(folder.resolve() / f"{name}.hex")
    limited = ["sh", "-c", f'ulimit -t {SECONDS}; exec "$@"', "sh"]
    command = [*limited, str(program), *options, f"+mutsel={number}"]
    if subprocess.run(command, cwd=place, capture_output=True, check=False).returncode < 0:
        return ""
    text = (place / "answers.hex").read_text()
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    return text


def check_core(
    run: Run,
    text: str,
    config: ArrayConfig = CONFIG,
    *,
    counter_bits: int = COUNTER_BITS,
    counted: int = 0,
) -> None:
    """Raise RuntimeError unless the core without a mutant gives golden's results and counters.

    Where bad commands stand between the products, or all are one job, there is no model of the
    cycles. All counters begin at `counted`, and at 0 after the first product.
    """
    lines = text.splitlines()
    results = [int(line, 16) for line in lines if " " not in line]
    found_in_all = outputs(results, run.gemms, config)
    for gemm, expected, found in zip(run.gemms, run.outputs(), found_in_all, strict=True):
        if not np.array_equal(found, expected):
            raise RuntimeError(
                f"Run {run.name}: {gemm.name} differs from golden in the core itself"
            )
    if run.reset_at and int(lines[-1].split()[-1]) <= run.reset_at:
        raise RuntimeError(f"Run {run.name} ends before it is reset")
    if run.bad or run.too_long or run.joined:
        return
    mask = (1 << counter_bits) - 1
    found = [int(line.split()[0], 16) for line in lines if " " in line][: len(run.gemms)]
    jobs = [Job.of(gemm, config) for gemm in run.gemms]
    for value, counters in zip(found, control_counters(config, jobs, run.stalls), strict=True):
        expected = [counted + count & mask for count in counters.values()]
        if [value >> counter_bits * i & mask for i in range(len(counters))] != expected:
            raise RuntimeError(f"Run {run.name}: the core's counters are not the model's")
        counted = 0


def outputs(
    words: Sequence[int], gemms: Sequence[Gemm], config: ArrayConfig
) -> list[npt.NDArray[np.int64]]:
    """Outputs (M, N) of each product from its result words, the padding cut off."""
    width, sign = config.sum_width, 1 << config.sum_width - 1
    parts = [
        [
            ((word >> width * unit & 2 * sign - 1) ^ sign) - sign
            for unit in range(config.requantisers)
        ]
        for word in words
    ]
    rows = np.array(parts, np.int64).reshape(-1, config.cols)
    return tiles_to_matrices(rows, gemms, config)
