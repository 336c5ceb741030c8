"""Results of the core lie in the map, or leave as sums, as golden's shapes say."""

import numpy as np
import pytest

from tests.hw.npu.outputs import (
    RATES,
    Banks,
    codes_of,
    drawn,
    machine,
    placed,
    places_of,
    rows_of,
    sizes,
)
from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.results import ResultWriter

CONFIGS = [
    ArrayConfig(4, 8, 2, 1, requantisers=4),
    ArrayConfig(2, 4, 4, 1, requantisers=1),
    ArrayConfig(8, 2, 8, 1, requantisers=2),
    ArrayConfig(4, 16, 2, 1, requantisers=8),
    ArrayConfig(4, 4, 4, 1, requantisers=8),
    ArrayConfig(2, 8, 2, 1, requantisers=16),
    ArrayConfig(8, 2, 8, 1, requantisers=4),
]


def parts(values, shape, tile_x, config, rng):
    """All parts of results as the core gives them: each holds neighbouring columns of a row.

    Of rows that leave at once, a part holds all columns, row after row.
    """
    rows = []
    for y, x, inside, first in rows_of(shape, tile_x, config):
        row = rng.integers(0, 256, config.cols)  # what is dropped
        known = values[y, x, first : first + config.cols] if inside else []
        row[: len(known)] = known
        rows.append(row)
    yield from np.reshape(rows, (-1, config.requantisers)).tolist()


class Bench:
    """A writer, its banks, and who takes the sums."""

    def __init__(self, config, rng, busy=0.0):
        self.dut, self.rng, self.busy = ResultWriter(config), rng, busy
        self.chip = machine(config, depth=1 << 12)
        held = np.full((3, config.rows, self.chip.depth, config.lanes), -1)
        self.banks = Banks(self.dut, held, rng, busy)
        self.sums = {}

    def give(self, ctx, shape, tile_x, where, *, raw=0):
        ctx.set(self.dut.outputs.payload, sizes(shape, tile_x))
        ctx.set(self.dut.outputs.valid, 1)
        ctx.set(self.dut.raw, raw)
        ctx.set(self.dut.where, vars(where))

    async def cycle(self, ctx):
        """Let a cycle pass; whether the results were taken."""
        dut = self.dut
        ready = self.rng.random() >= self.busy
        ctx.set(dut.sums.ready, ready)
        self.banks.grant(ctx)
        _, _, taken, valid, found = await ctx.tick().sample(
            dut.results.ready, dut.sums.valid, dut.sums.payload
        )
        self.banks.serve(ctx)
        if ready and valid:
            assert found.number not in self.sums
            self.sums[found.number] = found.value
        return taken

    async def play(self, ctx, given, *, busy=0.0):
        """Give all parts, and wait until nothing is on its way; the cycles of the first."""
        cycles = 0
        for part in given:
            while self.rng.random() < busy:
                await self.cycle(ctx)
            ctx.set(self.dut.results.payload, part)
            ctx.set(self.dut.results.valid, 1)
            cycles += 1
            while not await self.cycle(ctx):
                cycles += 1
            ctx.set(self.dut.results.valid, 0)
        ctx.set(self.dut.outputs.valid, 0)
        while ctx.get(self.dut.busy):
            await self.cycle(ctx)
        return cycles


QUICK = [
    *((0, 0, 0.5), (0, 1, 0.5), (1, 1, 0.0), (1, 0, 0.0), (2, 0, 0.5), (2, 1, 0.5), (3, 0, 0.5)),
    *((4, 0, 0.5), (5, 1, 0.5), (6, 0, 0.0)),
]
CASES = [
    pytest.param(
        *(config, raw, busy),
        marks=() if (number, raw, busy) in QUICK else pytest.mark.long,
        id=f"{config.name}-{raw}-{busy}",
    )
    for number, config in enumerate(CONFIGS)
    for raw in (0, 1)
    for busy in (0.0, 0.5)
]


@pytest.mark.parametrize(("config", "raw", "busy"), CASES)
def test_random_outputs(config, raw, busy):
    rng = np.random.default_rng(raw)
    bench = Bench(config, rng, busy)
    held = bench.banks.held

    async def drive(ctx):
        for _ in range(8):
            shape, tile_x, where = drawn(rng, config)
            values = rng.integers(-(1 << 20), 1 << 20, shape) if raw else codes_of(rng, shape)
            held[:] = -1
            bench.sums.clear()
            bench.give(ctx, shape, tile_x, where, raw=raw)
            await bench.play(ctx, parts(values, shape, tile_x, config, rng), busy=busy)
            if raw:
                assert bench.sums == dict(enumerate(values.reshape(-1).tolist()))
                assert (held == -1).all()
                continue
            assert not bench.sums
            places = places_of(where, shape, bench.chip)
            assert np.array_equal(held[places], values)
            held[places] = -1
            assert (held == -1).all()  # nothing else was written

    simulate(bench.dut, drive, cycles=100_000)


def tiles_of(rng, config, *, phases=(0, 0)):
    """An output of four tiles in each of two column tiles, laid out as its tiles are."""
    tile_x = config.rows.bit_length() // 2
    down = config.rows >> tile_x
    shape = (2 * down, 2 << tile_x, 2 * config.cols)
    where = placed(rng, shape, machine(config), 1, tile_x=tile_x, phases=phases)
    return shape, tile_x, where


@pytest.mark.parametrize("config", RATES, ids=lambda config: config.name)
def test_a_part_is_taken_in_every_cycle(config):
    rng = np.random.default_rng(1)
    bench = Bench(config, rng)

    async def drive(ctx):
        for _ in range(2):
            shape, tile_x, where = tiles_of(rng, config)
            values = codes_of(rng, shape)
            bench.give(ctx, shape, tile_x, where)
            cycles = await bench.play(ctx, parts(values, shape, tile_x, config, rng))
            assert cycles == 8 * config.interval
            assert bench.banks.count == 8 * config.rows * max(config.cols // config.lanes, 1)
            bench.banks.count = 0
            assert np.array_equal(bench.banks.held[places_of(where, shape, bench.chip)], values)

    simulate(bench.dut, drive)


@pytest.mark.parametrize(("units", "room"), [(8, 2), (4, 5), (1, 23)])
def test_parts_are_taken_while_banks_are_at_work(units, room):
    """Two words wait in the queue, and all parts of the next but its last."""
    rng, config = np.random.default_rng(3), ArrayConfig(4, 8, 8, 1, requantisers=units)
    bench = Bench(config, rng, busy=1.0)

    async def drive(ctx):
        shape, tile_x, where = tiles_of(rng, config)
        bench.give(ctx, shape, tile_x, where)
        ctx.set(bench.dut.results.valid, 1)
        assert sum([await bench.cycle(ctx) for _ in range(30)]) == room

    simulate(bench.dut, drive)


@pytest.mark.parametrize(
    ("cols", "lanes", "units"), [(16, 8, 16), (8, 8, 16), (8, 16, 16), (8, 4, 16)]
)
def test_neighbours_in_one_bank_do_not_slow_several_ports(cols, lanes, units):
    """A reader of stride 2 wants neighbouring pixels in one bank."""
    rng, config = np.random.default_rng(2), ArrayConfig(16, cols, lanes, 1, requantisers=units)
    bench = Bench(config, rng)

    async def drive(ctx):
        shape, tile_x, where = tiles_of(rng, config, phases=(1, 1))
        values = codes_of(rng, shape)
        bench.give(ctx, shape, tile_x, where)
        cycles = await bench.play(ctx, parts(values, shape, tile_x, config, rng))
        assert cycles == 8 * config.departures
        assert np.array_equal(bench.banks.held[places_of(where, shape, bench.chip)], values)

    simulate(bench.dut, drive)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_a_sum_is_given_in_every_cycle(config):
    rng = np.random.default_rng(1)
    bench = Bench(config, rng)

    async def drive(ctx):
        shape, tile_x, where = tiles_of(rng, config)
        values = rng.integers(-(1 << 20), 1 << 20, shape)
        bench.give(ctx, shape, tile_x, where, raw=1)
        cycles = await bench.play(ctx, parts(values, shape, tile_x, config, rng))
        assert cycles == values.size

    simulate(bench.dut, drive)
