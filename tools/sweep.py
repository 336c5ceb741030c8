"""Random points at which the cycle models must equal the RTL: `python -m tools.sweep`."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.closed_form import count_sequence
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.points import Products, Sizes
from truncmac.sim.rtl.cosim import Outcome, simulate
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import Gaps, Stalls

__all__ = ["Sweep", "compare_with_models", "differences", "main", "random_sweeps"]

console = Console(highlight=False)
PATTERNS = 4  # patterns of stalls for each array, each of another kind
PRODUCTS_EACH = 14  # products under each pattern


@dataclass(frozen=True)
class Sweep:
    """Products that one array runs one after the other, all under one pattern of stalls.

    `together` of them follow each other without a pause, then the core becomes idle.
    """

    config: ArrayConfig
    stalls: Stalls
    gemms: Sequence[Gemm]
    together: int = 1

    def run(self, build_root: Path, simulator: str = "verilator") -> list[Outcome]:
        """Run the products on the RTL."""
        return simulate(
            self.gemms,
            self.config,
            simulator=simulator,
            stalls=self.stalls,
            together=self.together,
            build_root=build_root,
        )


def random_sweeps(seed: int, rows_at_once: int = 1) -> Iterator[Sweep]:
    """Draw arrays, patterns of stalls and products, without end.

    Rows leave an array one at a time, or two at once.
    """
    rng = np.random.default_rng(seed)
    while True:
        config = _random_config(rng)
        if rows_at_once > 1:
            rows = rows_at_once * config.rows
            config = replace(config, rows=rows, requantisers=rows_at_once * config.cols)
        for kind in range(PATTERNS):
            gemms = random_gemms(config, count=3, seed=int(rng.integers(1 << 31)))
            chosen = rng.choice(len(gemms), PRODUCTS_EACH, replace=False)
            yield Sweep(config, _random_stalls(rng, kind), [gemms[index] for index in chosen])


def _random_config(rng: np.random.Generator) -> ArrayConfig:
    cols = int(rng.integers(1, 7))
    return ArrayConfig(
        rows=int(rng.integers(1, 7)),
        cols=cols,
        lanes=int(rng.integers(1, 6)),
        planes=int(rng.choice([1, 2, 4, 8])),
        max_reduction=int(rng.integers(1, 90)),
        requantisers=int(rng.choice([n for n in range(1, cols + 1) if cols % n == 0])),
    )


def _random_stalls(rng: np.random.Generator, kind: int) -> Stalls:
    """Draw full speed, inputs slow by a rule, all streams slow by a rule, or random pauses too."""
    most = int(rng.choice([2, 4, 12]))
    gaps = dict(
        zip(
            ("activations", "weights", "parameters", "residuals", "results"),
            rng.integers(1, most, 5, endpoint=True).tolist(),
            strict=True,
        )
    )
    if kind == 0:
        return Stalls()
    if kind == 1:
        return Stalls(gaps=Gaps(**gaps | {"residuals": 1, "results": 1}))
    if kind == 2:
        return Stalls(gaps=Gaps(**gaps))
    names = ("tiles", "activations", "weights", "parameters", "residuals", "results")
    shares = dict(zip(names, (rng.random(6) * rng.choice([0.2, 0.7])).tolist(), strict=True))
    seed = int(rng.integers(1 << 31))
    return Stalls(**shares, seed=seed, gaps=Gaps(**gaps) if rng.random() < 0.5 else Gaps())


def differences(sweep: Sweep, build_root: Path) -> list[str]:
    """Run a sweep on the RTL; return a line for each product whose counters or outputs differ."""
    return compare_with_models(sweep, sweep.run(build_root))


def compare_with_models(sweep: Sweep, outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each product whose outputs or counters differ from what they must be.

    Outputs must be golden's. Counters must be those of the model that runs cycle by cycle, and of
    the closed form where it covers the stalls.
    """
    jobs = [Job.of(gemm, sweep.config) for gemm in sweep.gemms]
    models: dict[str, Sequence[Mapping[str, int]]] = {}
    models["control"] = control_counters(sweep.config, jobs, sweep.stalls, together=sweep.together)
    gaps = sweep.stalls.gaps
    apart = sweep.together == 1 and not sweep.stalls.random
    if apart and gaps.results == gaps.residuals == 1:
        models["closed_form"] = _closed_form(sweep)
    found = []
    for index, outcome in enumerate(outcomes):
        label = f"{sweep.config}, {sweep.stalls}, {outcome.gemm.name}"
        if outcome.mismatches:
            found.append(f"{label}: {outcome.mismatches} outputs differ from golden")
        for name, counters in models.items():
            expected = counters[index // sweep.together]
            wrong = {
                key: (value, expected[key])
                for key, value in outcome.counters.items()
                if expected[key] != value
            }
            if wrong:
                found.append(f"{label}: RTL and {name} count {wrong}")
    return found


def _closed_form(sweep: Sweep) -> list[dict[str, int]]:
    products = Products.of(sweep.gemms)
    gaps = sweep.stalls.gaps
    counts = count_sequence(
        products,
        Sizes.of(sweep.config),
        activations=gaps.activations,
        weights=gaps.weights,
        parameters=gaps.parameters,
    )
    return counts.rows()


def main(
    points: Annotated[int, typer.Option(min=1, help="Products to run, at least.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Random seed of arrays, stalls and products.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = os.cpu_count() or 1,
    build_root: Annotated[Path, typer.Option(help="Folder that keeps built simulators.")] = Path(
        "build/sweep"
    ),
) -> None:
    """Compare the cycle models with the RTL at random points. The exit code is 1 if any differ."""
    count = ceil_div(points, PATTERNS * PRODUCTS_EACH) * PATTERNS
    paired = count // (4 * PATTERNS) * PATTERNS  # of arrays that two rows leave at once
    sweeps = [
        *islice(random_sweeps(seed), count - paired),
        *islice(random_sweeps(seed, rows_at_once=2), paired),
    ]
    wrong: list[str] = []
    with ProcessPoolExecutor(workers) as pool:
        runs = pool.map(partial(differences, build_root=build_root), sweeps, chunksize=PATTERNS)
        for lines in track(runs, f"{count * PRODUCTS_EACH:,} points", count, console=console):
            wrong += lines
            for line in lines[:3]:
                console.print(line)
    console.print(f"{count * PRODUCTS_EACH:,} points, {len(wrong)} differences, seed {seed}")
    raise typer.Exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
