"""Residual codes of each row are those of its pixel, wherever they lie."""

import numpy as np
import pytest

from tests.hw.npu.outputs import codes_of, drawn, machine, places_of, rows_of, sizes
from tests.hw.npu.test_results import CONFIGS
from tests.support import simulate
from truncmac.hw.npu.residuals import ResidualReader


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_random_outputs(config, busy):
    rng, dut, chip = np.random.default_rng(3), ResidualReader(config), machine(config)
    held = np.zeros((3, config.rows, chip.depth, config.lanes), np.uint8)

    async def memory(ctx):
        async for *_, read, place in ctx.tick().sample(dut.read, dut.read_place):
            if read:
                word = held[place.group, place.bank, place.address]
                ctx.set(dut.read_answer, int.from_bytes(word.tobytes(), "little"))

    async def drive(ctx):
        for _ in range(8):
            shape, tile_x, where = drawn(rng, config)
            codes = codes_of(rng, shape)
            held[:] = rng.integers(0, 256, held.shape)
            held[places_of(where, shape, chip)] = codes
            ctx.set(dut.outputs.payload, sizes(shape, tile_x))
            ctx.set(dut.outputs.valid, 1)
            ctx.set(dut.where, vars(where))
            for y, x, inside, first in rows_of(shape, tile_x, config):
                while rng.random() < busy:
                    await ctx.tick()
                ctx.set(dut.residuals.ready, 1)
                tick = ctx.tick().sample(dut.residuals.payload)
                (found,) = await tick.until(dut.residuals.valid)
                ctx.set(dut.residuals.ready, 0)
                row = np.frombuffer(int(found).to_bytes(config.cols, "little"), np.uint8)
                known = codes[y, x, first : first + config.cols] if inside else row * 0
                assert np.array_equal(row[: len(known)], known)
            ctx.set(dut.outputs.valid, 0)
            await ctx.tick()

    simulate(dut, drive, background=[memory], cycles=100_000)
