"""Runs of the core beside those of the mutants, for what those leave out: ends of ranges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from tests.mutation.stimulus import Run, command_word, runs
from truncmac.golden import Gemm, Requantisation
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.counters import COUNTER_BITS
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import Gaps, Stalls

__all__ = ["DEPTH", "LONGEST", "Wrapping", "all_runs", "any_offset", "extremes"]

DEPTH = 1 << 18  # words of a stream
LONGEST = (1 << 16) - 1  # beats that a command can ask for


@dataclass(frozen=True)
class Wrapping(Run):
    """A run whose counters begin at `counted`, so that they reach the end of their range."""

    counted: int = 0

    def write(self, config: ArrayConfig, folder: Path) -> list[str]:
        """As `Run.write`, with where the counters begin."""
        return [*super().write(config, folder), f"+counted={self.counted}"]


@dataclass(frozen=True)
class Overlong(Run):
    """A tile in error, with as many beats as a command can say, before the products."""

    def words(self, config: ArrayConfig) -> dict[str, list[int]]:
        """As `Run.words`, with the tile's in front."""
        fields = {"bits": 3, "beats": LONGEST, "offset": 511, "limit": 255, "raw": 1}
        rng = np.random.default_rng(0)
        chunks = chunk_count(fields["bits"], config.planes)
        words = super().words(config)
        for name, count, width in (
            ("activations", LONGEST, config.activation_word_bits),
            ("weights", LONGEST * chunks, config.weight_word_bits),
        ):
            noise = (int.from_bytes(rng.bytes(-(-width // 8)), "little") for _ in range(count))
            words[name] = [word & (1 << width) - 1 for word in noise] + words[name]
        words["tiles"] = [command_word(fields, True, config), *words["tiles"]]
        return words


def extremes(config: ArrayConfig) -> Iterator[Gemm]:
    """Products of a tile with every operand at an end of its range, in all combinations."""
    shape = (config.rows, config.max_reduction, config.cols)

    def ends(width: int) -> tuple[int, int]:
        return -(1 << width - 1), (1 << width - 1) - 1

    for index, (code, offset, multiplier, residual, bias) in enumerate(
        product(
            (0, 255),
            (0, 511),
            ends(config.multiplier_bits),
            ends(config.residual_multiplier_bits),
            ends(config.bias_width),
        )
    ):
        columns = config.cols
        yield Gemm(
            name=f"extreme_{index}",
            activations=np.full(shape[:2], 255, np.uint8),
            codes=np.full(shape[1:], code, np.uint8),
            bits=8,
            offset=offset,
            requant=Requantisation(
                multiplier=np.full(columns, multiplier, np.int64),
                bias=np.full(columns, bias, np.int64),
                shift=np.full(columns, (0, 63, 21, 42)[index % 4], np.int64),
                out_bits=8,
                residual_multiplier=np.full(columns, residual, np.int64),
            ),
            residual=np.full((config.rows, columns), 255, np.uint8),
        )


def any_offset(config: ArrayConfig, seed: int) -> list[Gemm]:
    """Random products, with any weight offset that a command can say."""
    rng = np.random.default_rng(seed)
    return [
        replace(gemm, offset=int(rng.integers(512)))
        for gemm in random_gemms(config, count=6, seed=seed)
    ]


def all_runs(config: ArrayConfig) -> Sequence[Run]:
    """Those of the mutants, and those of this file."""
    few = random_gemms(config, count=4, seed=100)
    many = random_gemms(config, count=4, seed=101)
    end = 1 << COUNTER_BITS
    late = Stalls(residuals=0.9, seed=8)
    return [
        *runs(config),
        *(
            Wrapping(f"wrapping_{ahead}", many, Stalls.everywhere(0.3, seed=9), counted=end - ahead)
            for ahead in (1, 2)
        ),
        Overlong("overlong", few, bad=True),
        Run("one_tile", random_gemms(config, count=8, seed=105, single=1.0)),
        Run("extremes", list(extremes(config))),
        Run("any_offset", any_offset(config, 102)),
        Run("late_residuals", any_offset(config, 103), late),
        Run("later_residuals", any_offset(config, 104), Stalls(gaps=Gaps(residuals=40))),
    ]
