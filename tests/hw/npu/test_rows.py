"""Rows come in the core's order."""

import numpy as np
import pytest

from tests.hw.npu.outputs import drawn, rows_of, sizes
from tests.support import get, simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.rows import RowWalk, pixels


@pytest.mark.parametrize("columns", [None, 4])
@pytest.mark.parametrize(
    ("rows", "cols", "together"), [(1, 1, 1), (4, 8, 1), (16, 2, 1), (2, 4, 2), (8, 8, 2)]
)
def test_random_outputs(rows, cols, columns, together):
    rng, config = np.random.default_rng(rows), ArrayConfig(rows, cols, 4, 2)
    dut = RowWalk(config, columns=columns, together=together)

    async def drive(ctx):
        for _ in range(10):
            shape, tile_x, _ = drawn(rng, config)
            ctx.set(dut.outputs.payload, sizes(shape, tile_x))
            ctx.set(dut.outputs.valid, 1)
            expected = list(rows_of(shape, tile_x, config, columns))
            for number in range(0, len(expected), together):
                assert ctx.get(dut.outputs.ready) == 0
                row = await get(ctx, dut.rows)
                found = [(y, x, inside, row.channel) for x, y, inside in pixels(row, together)]
                assert found == expected[number : number + together]
                number += together
                assert row.ends == (number % rows == 0)
                assert row.last == (number == len(expected))
            ctx.set(dut.outputs.valid, 0)
            await ctx.tick()

    simulate(dut, drive, cycles=50_000)
