"""Residual codes of each row are those of its pixel, wherever they lie and however far apart."""

import numpy as np
import pytest

from tests.hw.npu.outputs import codes_of, drawn, machine, placed, places_of, rows_of, sizes
from tests.hw.npu.test_results import CONFIGS
from tests.support import simulate
from truncmac.hw.npu.residuals import ResidualReader


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_random_outputs(config, busy):
    rng, dut, chip = np.random.default_rng(3), ResidualReader(config), machine(config)
    held = np.zeros((3, config.rows, chip.depth, config.lanes), np.uint8)
    wanted = np.zeros(held.shape[:3], np.bool_)  # words that may be read

    async def memory(ctx):
        async for *_, read, place in ctx.tick().sample(dut.read, dut.read_place):
            if read:
                assert wanted[place.group, place.bank, place.address]
                word = held[place.group, place.bank, place.address]
                ctx.set(dut.read_answer, int.from_bytes(word.tobytes(), "little"))

    async def drive(ctx):
        for _ in range(8):
            shape, tile_x, _ = drawn(rng, config)
            (down, across), fewer = rng.integers(0, 4, 2).tolist(), int(rng.integers(shape[2]) + 1)
            given = ((shape[0] - 1) << down) + 1, ((shape[1] - 1) << across) + 1, fewer
            where = placed(rng, given, chip, int(rng.integers(3)))
            read = codes_of(rng, given)
            held[:] = rng.integers(0, 256, held.shape)
            wanted[:] = False
            group, bank, word, _ = places_of(where, given, chip)
            wanted[group, bank, word] = True
            held[places_of(where, given, chip)] = read
            codes = np.zeros(shape, np.uint8)
            codes[..., :fewer] = read[:: 1 << down, :: 1 << across]
            ctx.set(dut.outputs.payload, sizes(shape, tile_x))
            ctx.set(dut.outputs.valid, 1)
            shifts = {"shift_y": down, "shift_x": across}
            ctx.set(dut.residual, {"where": vars(where), "channels": fewer, **shifts})
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
