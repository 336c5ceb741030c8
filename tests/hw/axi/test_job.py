import numpy as np
import pytest

from tests.support import get, simulate
from truncmac.hw.axi.job import JobSequencer
from truncmac.hw.config import ArrayConfig

CONFIG = ArrayConfig(2, 4, 2, 2, 10, 2)
FIELDS = {"bits": 5, "beats": 3, "offset": 31, "limit": 15, "residual": 1}


def play(job, stall=0.0):
    """Run one job against a core that gives each tile's parts; return what it was told."""
    rng = np.random.default_rng(0)
    dut = JobSequencer(CONFIG)
    parts = CONFIG.rows * CONFIG.share
    tiles, blocks, lasts, ended = [], [], [], []

    async def core(ctx):
        ctx.set(dut.job, job)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for _ in range(job["row_tiles"] * job["column_tiles"]):
            while rng.random() < stall:
                await ctx.tick()
            tiles.append(await get(ctx, dut.tiles))
            ctx.set(dut.core_active, 1)
            await ctx.tick().repeat(3)
            for _ in range(parts):
                ctx.set(dut.part, 1)
                *_, last = await ctx.tick().sample(dut.last)
                ctx.set(dut.part, 0)
                lasts.append(last)
        ctx.set(dut.core_active, 0)
        await ctx.tick().repeat(5)
        assert not ctx.get(dut.busy)

    async def buffer(ctx):
        ctx.set(dut.blocks.ready, 1)
        async for _, _, valid, block in ctx.tick().sample(dut.blocks.valid, dut.blocks.payload):
            if valid:
                blocks.append(block)

    async def watch(ctx):
        async for _, _, done, empty in ctx.tick().sample(dut.done, dut.empty):
            if done:
                ended.append(empty)

    simulate(dut, core, background=[buffer, watch])
    return tiles, blocks, lasts, ended


@pytest.mark.parametrize("stall", [0.0, 0.7])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 2), (1, 4), (7, 1)])
def test_row_tiles_share_weights_and_parameters(rows, columns, stall):
    job = FIELDS | {"row_tiles": rows, "column_tiles": columns}
    tiles, blocks, lasts, ended = play(job, stall)
    first = [row == 0 for _ in range(columns) for row in range(rows)]
    assert [bool(tile.fresh) for tile in tiles] == first
    assert [block.tiles for block in blocks] == [rows] * columns
    assert all((tile.bits, tile.beats, tile.offset) == (5, 3, 31) for tile in tiles)
    assert all((block.last_chunk, block.beats) == (2, 3) for block in blocks)
    assert lasts == [0] * (len(lasts) - 1) + [1]
    assert ended == [0]


def test_raw_tiles_take_no_parameters():
    tiles, *_ = play(FIELDS | {"raw": 1, "row_tiles": 2, "column_tiles": 2})
    assert not any(tile.fresh for tile in tiles)


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (3, 0), (0, 0)])
def test_a_job_without_tiles_is_done_at_once(rows, columns):
    tiles, blocks, _, ended = play(FIELDS | {"row_tiles": rows, "column_tiles": columns})
    assert (tiles, blocks, ended) == ([], [], [1])


@pytest.mark.parametrize(("bits", "blocks", "discard"), [(0, 0, 0), (9, 1, 0), (5, 1, 1)])
def test_bad_commands_reach_the_core_as_they_are(bits, blocks, discard):
    beats = CONFIG.max_beats + 1 if discard else 3
    changes = {"bits": bits, "beats": beats, "row_tiles": 1, "column_tiles": 1}
    tiles, loads, *_ = play(FIELDS | changes)
    assert [(tile.bits, tile.beats) for tile in tiles] == [(bits, beats)]
    assert len(loads) == blocks
    assert all(load.discard == discard for load in loads)
