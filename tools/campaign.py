"""Random products in bulk through the RTL, with every output and every counter compared.

`python -m tools.campaign` runs three arrays and writes what it did as JSON.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from tools.sweep import Sweep, compare_with_models
from truncmac.golden import WEIGHT_BITS, Gemm
from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div
from truncmac.sim.rtl.cosim import Outcome
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import Gaps, Stalls

__all__ = ["CAMPAIGNS", "PROFILES", "Campaign", "Totals", "default_seed", "main", "run_campaign"]

console = Console(highlight=False)
SEED_VARIABLE = "TRUNCMAC_SEED"  # environment variable with the seed of tests that draw at random
PROFILES: Mapping[str, Stalls] = {
    "full speed": Stalls(),
    "all streams": Stalls.everywhere(0.3),
    "slow inputs": Stalls(
        tiles=0.2, activations=0.4, weights=0.2, parameters=0.6, gaps=Gaps(weights=2, parameters=3)
    ),
    "slow results": Stalls(results=0.4, residuals=0.5, weights=0.05, gaps=Gaps(results=2)),
}
TOGETHER = (16, 1)  # products that follow each other without a pause, in each run of a profile
DRAW = 12  # products of each k that are drawn at once


@dataclass(frozen=True)
class Campaign:
    """Random products for one array. Half of them are one tile, so that k changes tile by tile.

    Attributes
    ----------
    config : ArrayConfig
    outputs : the fewest outputs, over all profiles
    longest : longest reduction of most products
    tiles : most tiles along rows and along columns of a product
    subset : cycles of each profile, at full speed, that also run on Icarus
    """

    config: ArrayConfig
    outputs: int
    longest: int
    tiles: int
    subset: int

    def runs(self, seed: int) -> Iterator[tuple[str, int, Sweep]]:
        """Yield profile, seed and products of each simulation."""
        share = ceil_div(self.outputs, len(PROFILES) * len(TOGETHER))
        for profile, stalls in PROFILES.items():
            for together in TOGETHER:
                seed += 1
                gemms = self._gemms(share, seed)
                yield profile, seed, Sweep(self.config, replace(stalls, seed=seed), gemms, together)

    def _gemms(self, outputs: int, seed: int) -> list[Gemm]:
        rng = np.random.default_rng(seed)
        gemms: list[Gemm] = []
        while sum(gemm.rows * gemm.columns for gemm in gemms) < outputs:
            gemms += random_gemms(
                self.config,
                count=DRAW,
                seed=int(rng.integers(1 << 31)),
                tiles=self.tiles,
                longest=self.longest,
                single=0.5,
            )
        return gemms

    def part(self, sweep: Sweep) -> Sweep:
        """Return short products of a sweep, which take about `subset` cycles in all."""
        chosen, cycles = [], 0
        for gemm in sweep.gemms:
            estimate = _least_cycles(gemm, self.config)
            if estimate <= self.subset // 3:
                chosen.append(gemm)
                cycles += estimate
            if cycles >= self.subset:
                break
        return replace(sweep, gemms=chosen)


def _least_cycles(gemm: Gemm, config: ArrayConfig) -> int:
    beats = ceil_div(gemm.reduction, config.lanes)
    each = max(beats * chunk_count(gemm.bits, config.planes), config.interval)
    return int(np.prod(config.tile_grid(gemm.rows, gemm.columns))) * each


CAMPAIGNS = {
    "4x4": Campaign(ArrayConfig(4, 4, 4, 1, 300, 2), 1_000_000, longest=16, tiles=7, subset=2400),
    "8x8": Campaign(ArrayConfig(8, 8, 8, 1, 1152), 500_000, longest=64, tiles=5, subset=900),
    "16x16": Campaign(ArrayConfig(16, 16, 8, 1), 200_000, longest=160, tiles=3, subset=270),
}


@dataclass
class Totals:
    """What a campaign did.

    Attributes
    ----------
    array : name of its sizes
    seed, seeds : seed of the campaign, and of each run
    outputs, products, tiles, cycles : numbers of each on Verilator
    by_bits : outputs at each k
    changes : tiles that follow one of another k without a pause
    by_profile : outputs under each pattern of stalls
    icarus : outputs that Icarus computed as well
    differences : a line for each product that differs anywhere
    seconds : time of the whole campaign
    """

    array: str
    seed: int
    seeds: list[int] = field(default_factory=list)
    outputs: int = 0
    products: int = 0
    tiles: int = 0
    cycles: int = 0
    changes: int = 0
    by_bits: dict[int, int] = field(
        default_factory=lambda: dict.fromkeys(range(1, WEIGHT_BITS + 1), 0)
    )
    by_profile: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PROFILES, 0))
    icarus: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, profile: str, sweep: Sweep, outcomes: Sequence[Outcome]) -> None:
        """Count a run's outcomes, and compare them."""
        for outcome in outcomes:
            gemm = outcome.gemm
            self.outputs += outcome.outputs.size
            self.by_bits[gemm.bits] += outcome.outputs.size
            self.by_profile[profile] += outcome.outputs.size
            self.tiles += int(np.prod(sweep.config.tile_grid(gemm.rows, gemm.columns)))
        self.products += len(outcomes)
        self.cycles += sum(outcome.cycles for outcome in outcomes[:: sweep.together])
        self.changes += sum(
            index % sweep.together > 0 and after.bits != before.bits
            for index, (before, after) in enumerate(
                zip(sweep.gemms, sweep.gemms[1:], strict=False), 1
            )
        )
        self.differences += compare_with_models(sweep, outcomes)

    def add_icarus(self, sweep: Sweep, build_root: Path) -> None:
        """Run a sweep in both simulators, whose outputs and counters must be equal."""
        ours, theirs = (sweep.run(build_root, name) for name in ("verilator", "icarus"))
        self.icarus += sum(outcome.outputs.size for outcome in theirs)
        self.differences += compare_with_models(sweep, theirs)
        self.differences += [
            f"{sweep.config}, {sweep.stalls}, {a.gemm.name}: the simulators differ"
            for a, b in zip(ours, theirs, strict=True)
            if a.counters != b.counters or not np.array_equal(a.outputs, b.outputs)
        ]


def run_campaign(campaign: Campaign, seed: int, build_root: Path) -> Totals:
    """Run a campaign. The same seed gives the same products, values and stalls."""
    start = monotonic()
    totals = Totals(campaign.config.name, seed)
    for profile, own, sweep in campaign.runs(seed):
        totals.seeds.append(own)
        totals.add(profile, sweep, sweep.run(build_root))
        console.print(
            f"{campaign.config.name}, seed {own}, {profile}: {totals.outputs:,} outputs so far, "
            f"{len(totals.differences)} differences"
        )
        if sweep.together == TOGETHER[0]:
            totals.add_icarus(campaign.part(sweep), build_root)
    totals.seconds = round(monotonic() - start, 1)
    return totals


def default_seed() -> int:
    """Return the seed that the environment names, or 0 if it names none."""
    text = os.environ.get(SEED_VARIABLE, "0")
    if not text.isdecimal():
        raise ValueError(f"{SEED_VARIABLE} must be a whole number, not {text!r}")
    return int(text)


def main(
    times: Annotated[int, typer.Option(min=1, help="Multiple of the outputs of CI.")] = 1,
    seed: Annotated[int | None, typer.Option(help=f"Default: {SEED_VARIABLE}, or 0.")] = None,
    build_root: Annotated[Path, typer.Option(help="Folder that keeps built simulators.")] = Path(
        "build/tests/sim"
    ),
    out: Annotated[Path, typer.Option(help="JSON file to write the totals to.")] = Path(
        "build/verify/random.json"
    ),
) -> None:
    """Run random products on the RTL in bulk. The exit code is 1 if any output differs."""
    first = default_seed() if seed is None else seed
    found = {}
    for name, campaign in CAMPAIGNS.items():
        larger = replace(campaign, outputs=times * campaign.outputs)
        found[name] = run_campaign(larger, first, build_root)
        for line in found[name].differences[:5]:
            console.print(line)
    text = json.dumps({name: asdict(totals) for name, totals in found.items()}, indent=1)
    write_bytes(out, text.encode())
    wrong = sum(len(totals.differences) for totals in found.values())
    console.print(f"{wrong} differences, seed {first}; see {out}")
    raise typer.Exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
