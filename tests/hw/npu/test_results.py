"""Results of the core lie in the map, or leave as sums, as golden's shapes say."""

import numpy as np
import pytest

from tests.hw.npu.outputs import codes_of, drawn, machine, places_of, rows_of, sizes
from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.results import ResultWriter

CONFIGS = [
    ArrayConfig(4, 8, 2, 1, requantisers=4),
    ArrayConfig(2, 4, 4, 1, requantisers=1),
    ArrayConfig(8, 2, 8, 1, requantisers=2),
]


def parts(row, config):
    """A row of results as the core gives them: each part holds neighbouring columns."""
    return [
        [int(row[turn * config.requantisers + unit]) for unit in range(config.requantisers)]
        for turn in range(config.share)
    ]


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize("raw", [0, 1])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_random_outputs(config, raw, busy):
    rng, dut, chip = np.random.default_rng(raw), ResultWriter(config), machine(config)
    held = np.zeros((3, config.rows, chip.depth, config.lanes), np.int64)
    sums = {}

    async def memory(ctx):
        while True:
            ready = int(rng.random() >= busy)
            ctx.set(dut.write_ready, ready)
            ctx.set(dut.sums.ready, ready)
            ports = (dut.write, dut.write_place, dut.write_given, dut.sums.valid, dut.sums.payload)
            _, _, write, place, given, valid, found = await ctx.tick().sample(*ports)
            for lane in range(config.lanes):
                if ready and write >> lane & 1:
                    held[place.group, place.bank, place.address, lane] = given >> 8 * lane & 255
            if ready and valid:
                assert found.number not in sums
                sums[found.number] = found.value

    async def drive(ctx):
        for _ in range(8):
            shape, tile_x, where = drawn(rng, config)
            values = rng.integers(-(1 << 20), 1 << 20, shape) if raw else codes_of(rng, shape)
            held[:] = -1
            sums.clear()
            ctx.set(dut.outputs.payload, sizes(shape, tile_x))
            ctx.set(dut.outputs.valid, 1)
            ctx.set(dut.raw, raw)
            ctx.set(dut.where, vars(where))
            for y, x, inside, first in rows_of(shape, tile_x, config):
                row = rng.integers(0, 256, config.cols)  # what is dropped
                known = values[y, x, first : first + config.cols] if inside else []
                row[: len(known)] = known
                for part in parts(row, config):
                    while rng.random() < busy:
                        await ctx.tick()
                    ctx.set(dut.results.payload, part)
                    ctx.set(dut.results.valid, 1)
                    await ctx.tick().until(dut.results.ready)
                    ctx.set(dut.results.valid, 0)
            while ctx.get(dut.busy):
                await ctx.tick()
            ctx.set(dut.outputs.valid, 0)
            await ctx.tick()
            if raw:
                assert sums == dict(enumerate(values.reshape(-1).tolist()))
                continue
            places = places_of(where, shape, chip)
            assert np.array_equal(held[places], values)
            held[places] = -1
            assert (held == -1).all()  # nothing else was written

    simulate(dut, drive, background=[memory], cycles=100_000)
