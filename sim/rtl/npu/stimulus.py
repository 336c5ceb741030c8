"""Random programs for the NPU, and what the reference leaves of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from truncmac.descriptors import Region
from truncmac.golden import Network, Setting, interpret
from truncmac.golden.types import Codes
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiled import Compiled
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.planning import machine_of
from truncmac.sim.npu.stimulus import WIDTHS, fitting, random_images

from .network import program_run
from .runs import WRITTEN, ProgramOutcome, ProgramRun

__all__ = ["RandomProgram", "random_programs", "wrong_bytes"]


@dataclass(frozen=True, eq=False)
class RandomProgram:
    """A program of a random network, which keeps every map in memory too.

    Attributes
    ----------
    network : its name, which tells its seed
    bits : k
    run : its start, for a random image
    """

    network: str
    bits: int
    run: ProgramRun


def random_programs(
    config: NpuConfig, *, bits: Sequence[int] = WIDTHS, count: int = 4, seed: int = 0
) -> list[RandomProgram]:
    """The programs, at each of `bits`, of `count` random networks that fit the NPU.

    Raises
    ------
    ValueError
        If a k is none of `WIDTHS`, or too few random networks fit the NPU.
    """
    for k in bits:
        if k not in WIDTHS:
            known = ", ".join(map(str, WIDTHS))
            raise ValueError(f"Bit-width k of a random network must be one of {known}, not {k}")
    settings = [Setting(str(k), k) for k in bits]

    def compiled(network: Network) -> Compiled:
        return compile_network(network, config, settings, keep=True)

    return [
        RandomProgram(
            program.network.name,
            k,
            program_run(program, entry, random_images(program.network, seed)[0]),
        )
        for program in islice(fitting(compiled, 1000 * seed), count)
        for entry, k in zip(program.entries, bits, strict=True)
    ]


def wrong_bytes(config: NpuConfig, run: ProgramRun, outcome: ProgramOutcome) -> tuple[int, int]:
    """Bytes of output and scratch that the reference leaves otherwise, and how many there are."""
    after = _after(config, run)
    wrong = sum(int(np.count_nonzero(after[r] != outcome.regions[r])) for r in WRITTEN)
    return wrong, sum(after[region].size for region in WRITTEN)


def _after(config: NpuConfig, run: ProgramRun) -> Mapping[Region, Codes]:
    """The regions after the run on the reference."""
    regions = {region: data.copy() for region, data in run.regions.items()}
    interpret(machine_of(config), regions, entry=run.entry)
    return regions
