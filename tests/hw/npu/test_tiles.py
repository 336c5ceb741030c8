"""Every tile of each job comes once, column tile by column tile, with the job's command."""

import numpy as np
import pytest

from tests.support import simulate
from truncmac.hw.axi.job import job_layout
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.tiles import TileIssuer
from truncmac.hw.tile import tile_layout

CONFIG = ArrayConfig(2, 4, 2, 2, 10, 2)
COMMAND = [name for name in tile_layout(CONFIG).members if name != "fresh"]


def drawn(rng, rows, columns):
    """A job with so many tiles along its rows and columns."""
    layout = job_layout(CONFIG)
    command = {name: int(rng.integers(1 << layout[name].width)) for name in COMMAND}
    return command | {"row_tiles": rows, "column_tiles": columns}


def tiles_of(job):
    """What the tiles of a job must be: rows within columns, the first of each of them fresh."""
    command = {name: job[name] for name in COMMAND}
    for _ in range(job["column_tiles"]):
        for row in range(job["row_tiles"]):
            yield command | {"fresh": int(row == 0 and not job["raw"])}


def plain(given):
    """The fields of a structure as integers."""
    return {name: int(given[name]) for name in given.shape().members}


def play(jobs, stalls=(0.0, 0.0)):
    """Give jobs, take their tiles; return these, and for each cycle if tile and job moved."""
    rng = np.random.default_rng(0)
    dut = TileIssuer(CONFIG)
    count = sum(job["row_tiles"] * job["column_tiles"] for job in jobs)
    seen, cycles, waiting = [], [], list(jobs)

    async def testbench(ctx):
        offers = False
        while len(seen) < count:
            offers = bool(waiting) and (offers or rng.random() >= stalls[0])
            takes = rng.random() >= stalls[1]
            ctx.set(dut.jobs.valid, int(offers))
            if offers:
                ctx.set(dut.jobs.payload, waiting[0])
            ctx.set(dut.tiles.ready, int(takes))
            assert ctx.get(dut.tiles.valid) == offers
            taken, given = takes and offers, offers and bool(ctx.get(dut.jobs.ready))
            if taken:
                seen.append(plain(ctx.get(dut.tiles.payload)))
            if given:
                waiting.pop(0)
                offers = False
            cycles.append((taken, given))
            await ctx.tick()
        assert not waiting
        ctx.set(dut.jobs.valid, 0)
        assert not ctx.get(dut.tiles.valid)

    simulate(dut, testbench, cycles=1000)
    return seen, cycles


@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.6), (0.4, 0.4)])
def test_each_tile_of_each_job_comes_once_and_in_order(stalls):
    rng = np.random.default_rng(1)
    grids = [(1, 1), (3, 1), (1, 4), (2, 3), (1, 1), (5, 2), *rng.integers(1, 7, (8, 2)).tolist()]
    jobs = [drawn(rng, *grid) | {"raw": index % 3 == 2} for index, grid in enumerate(grids)]
    seen, cycles = play(jobs, stalls=stalls)
    assert seen == [tile for job in jobs for tile in tiles_of(job)]
    # A job is taken in the cycle of its last tile, and in no other
    ends = np.cumsum([rows * columns for rows, columns in grids]).tolist()
    taken = np.cumsum([tile for tile, _ in cycles]).tolist()
    assert [count for count, (_, job) in zip(taken, cycles, strict=True) if job] == ends
    assert all(tile for tile, job in cycles if job)
    if stalls == (0.0, 0.0):
        assert len(cycles) == len(seen), "a tile in each cycle"


@pytest.mark.parametrize("grid", [(300, 2), (2, 300)])
def test_many_tiles_along_either_side(grid):
    job = drawn(np.random.default_rng(2), *grid) | {"raw": 0}
    seen, cycles = play([job])
    assert seen == list(tiles_of(job))
    assert [given for _, given in cycles] == [False] * 599 + [True]
