"""Runs the mutants: those that no run tells from the core are judged."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.tile import tile_layout
from truncmac.sim.control import Job, control_counters
from truncmac.sim.memory import tiles_to_matrices

from .equivalence import Judgement, judge
from .mutants import CONFIG, Mutant, build, list_mutants
from .stimulus import Run, runs

__all__ = ["Campaign", "campaign", "check_core"]

SECONDS = 20  # of a simulation: a mutant may hang the simulator itself
BATCH = 25  # mutants that are judged together


@dataclass(frozen=True)
class Campaign:
    """What became of the mutants.

    Attributes
    ----------
    mutants : all of them
    killed_by : number of those that each run killed
    survivors : of all runs, with their judgements
    """

    mutants: Sequence[Mutant]
    killed_by: dict[str, int]
    survivors: Sequence[tuple[Mutant, Judgement | None]]

    @property
    def holes(self) -> list[tuple[Mutant, Judgement]]:
        """Those that do something which no run saw."""
        return [(m, found) for m, found in self.survivors if found and found.verdict == "differs"]


def campaign(
    count: int,
    seed: int,
    folder: Path,
    *,
    judged: bool = False,
    workers: int = 2,
    report: Callable[[str], None] = lambda line: None,
) -> Campaign:
    """Draw and run `count` mutants, and if asked for, judge those that no run kills."""
    mutants = list_mutants(count, seed, folder)
    program = build(mutants, folder)
    report(f"{len(mutants)} mutants compiled")
    alive = list(mutants)
    killed_by = {}
    for run in runs(CONFIG):
        place = folder / "runs" / run.name
        options = run.write(CONFIG, place)
        expected = answers(program, place, options, 0)
        check_core(run, expected)
        options.append(f"+most_cycles={2 * int(expected.split()[-1])}")
        numbers = [mutant.number for mutant in alive]
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(partial(answers, program, place, options), numbers)
            left = [m for m, answer in zip(alive, found, strict=True) if answer == expected]
        killed_by[run.name] = len(alive) - len(left)
        alive = left
        report(f"{run.name}: {killed_by[run.name]} killed, {len(alive)} live")
    if not judged:
        return Campaign(mutants, killed_by, [(mutant, None) for mutant in alive])
    sizes = {
        "tile": tile_layout(CONFIG).size,
        "activations": CONFIG.rows * CONFIG.lanes * 8,
        "weights": CONFIG.cols * CONFIG.lanes * CONFIG.planes,
        "parameters": parameters_layout(CONFIG).size,
        "residuals": CONFIG.cols * 8,
        "results": CONFIG.requantisers * CONFIG.sum_width,
    }
    batches = [alive[start : start + BATCH] for start in range(0, len(alive), BATCH)]
    with ThreadPoolExecutor(workers) as pool:
        judged = pool.map(lambda batch: judge(batch, folder, sizes), batches)
        judgements = [judgement for part in judged for judgement in part]
    return Campaign(mutants, killed_by, list(zip(alive, judgements, strict=True)))


def answers(program: Path, folder: Path, options: Iterable[str], number: int) -> str:
    """What the bench writes with this mutant; an empty text if it does not end."""
    place = folder / f"{number}"
    place.mkdir(exist_ok=True)
    for name in ("tiles", "activations", "weights", "parameters", "residuals"):
        link = place / f"{name}.hex"
        if not link.exists():
            link.symlink_to(folder.resolve() / f"{name}.hex")
    command = [str(program), *options, f"+mutsel={number}"]
    try:
        subprocess.run(command, cwd=place, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ""
    text = (place / "answers.hex").read_text()
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    return text


def check_core(run: Run, text: str, config: ArrayConfig = CONFIG, counted: int = 0) -> None:
    """Raise RuntimeError unless the core without a mutant gives golden's results and counters.

    Where bad commands stand between the products there is no model of the cycles. All counters
    begin at `counted`, and at 0 after the first product.
    """
    lines = text.splitlines()
    results = [int(line, 16) for line in lines if " " not in line]
    for gemm, found in zip(run.gemms, outputs(results, run.gemms, config), strict=True):
        if not np.array_equal(found, gemm.outputs()):
            raise RuntimeError(
                f"Run {run.name}: {gemm.name} differs from golden in the core itself"
            )
    if run.bad:
        return
    mask = (1 << 32) - 1
    found = [int(line.split()[0], 16) for line in lines if " " in line][: len(run.gemms)]
    jobs = [Job.of(gemm, config) for gemm in run.gemms]
    for value, counters in zip(found, control_counters(config, jobs, run.stalls), strict=True):
        expected = [counted + count & mask for count in counters.values()]
        if [value >> 32 * i & mask for i in range(len(counters))] != expected:
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
