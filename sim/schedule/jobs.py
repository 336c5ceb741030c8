"""The jobs of layers that are cut into blocks: how many there are, and what the core counts."""

from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.sim.cycles.closed_form import count_jobs, count_sequence
from truncmac.sim.cycles.latencies import RESTART
from truncmac.sim.cycles.points import CounterValues, Products, Sizes, Start

from .blocks import Blocks

__all__ = ["LayerJobs"]

JOB_KINDS = 4  # of jobs: whole or last row block, with whole or last column block


@dataclass(frozen=True, kw_only=True)
class LayerJobs:
    """The jobs of each layer, by kind: whole blocks, and those at the ends.

    Attributes
    ----------
    counts : the core's counters, summed over the jobs of each layer: arrays (..., layers)
    cycles : cycles of a job of each kind, with the start of the next job: (4, ..., layers)
    times : number of jobs of each kind: (4, ..., layers)
    """

    counts: CounterValues
    cycles: Integers
    times: Integers

    @classmethod
    def of(cls, blocks: Blocks) -> "LayerJobs":
        """Count each layer: as one job of the sequence, or as the jobs of its blocks."""
        products = blocks.layers.products(blocks.bits)
        counts = count_sequence(products, blocks.sizes).arrays()
        shape = np.broadcast_shapes(counts["cycles"].shape, blocks.jobs.shape)
        counts = {name: np.broadcast_to(array, shape).copy() for name, array in counts.items()}
        cycles, times = (np.zeros((JOB_KINDS, *shape), np.int64) for _ in range(2))
        cut = np.broadcast_to(blocks.jobs > 1, shape)
        cycles[0], times[0] = counts["cycles"] + RESTART, ~cut
        if cut.any():
            _count_blocks(blocks, cut, counts, cycles, times)
        return cls(counts=CounterValues(**counts), cycles=cycles, times=times)


def _count_blocks(
    blocks: Blocks,
    cut: npt.NDArray[np.bool_],
    counts: dict[str, Integers],
    cycles: Integers,
    times: Integers,
) -> None:
    """Count the jobs of the layers that are `cut`, into the arrays that follow it."""
    for array in counts.values():
        array[cut] = 0
    kinds = product(
        _whole_and_last(blocks.row_tiles, blocks.row_blocks, blocks.block_rows),
        _whole_and_last(blocks.column_tiles, blocks.column_blocks, blocks.block_columns),
    )
    for kind, ((rows, row_times), (columns, column_times)) in enumerate(kinds):
        number = np.broadcast_to(blocks.layers.groups * row_times * column_times, cut.shape)
        some = cut & blocks.fits & (number > 0)
        found = _job(blocks, rows, columns, some).arrays()
        for name, array in found.items():
            counts[name][some] += number[some] * array
        cycles[kind][some] = found["cycles"] + RESTART
        times[kind][some] = number[some]


def _job(
    blocks: Blocks, rows: Integers, columns: Integers, some: npt.NDArray[np.bool_]
) -> CounterValues:
    """Counters of a job of so many row and column tiles, for the layers in `some`."""

    def part(array: npt.NDArray[np.generic]) -> Any:
        return np.broadcast_to(array, some.shape)[some]

    sizes = Sizes(**{f.name: part(getattr(blocks.sizes, f.name)) for f in fields(Sizes)})
    jobs = Products(
        part(rows) * sizes.rows,
        part(blocks.layers.reduction),
        part(columns) * sizes.cols,
        part(blocks.bits),
        part(~blocks.layers.raw),
    )
    return count_jobs(jobs, sizes, Start.warm())[0]


def _whole_and_last(
    tiles: Integers, blocks: Integers, block: Integers
) -> list[tuple[Integers, Integers]]:
    """(tiles, number) of the blocks that are whole, and of the last block."""
    return [(block, blocks - 1), (tiles - (blocks - 1) * block, np.ones_like(blocks))]
