"""Residual codes of each row are those of its pixel, wherever they lie and however far apart."""

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
from tests.hw.npu.test_results import CONFIGS, tiles_of
from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.residuals import ResidualReader


class Bench:
    """A reader and its banks."""

    def __init__(self, config, rng, busy=0.0):
        self.dut, self.rng = ResidualReader(config), rng
        self.chip = machine(config, depth=1 << 15)  # strides spread maps far
        held = np.zeros((3, config.rows, self.chip.depth, config.lanes), np.uint8)
        self.banks = Banks(self.dut, held, rng, busy)
        self.wanted = np.zeros(held.shape[:3], np.bool_)  # words that may be read

    def give(self, ctx, shape, tile_x, *, shifts=(0, 0), channels=None, layout=None):
        """Tell a residual of an output; the codes that are added to that."""
        (down, across), channels = shifts, channels or shape[2]
        given = ((shape[0] - 1) << down) + 1, ((shape[1] - 1) << across) + 1, channels
        where = placed(self.rng, given, self.chip, int(self.rng.integers(3)), **layout or {})
        read, held = codes_of(self.rng, given), self.banks.held
        held[:] = self.rng.integers(0, 256, held.shape)
        group, bank, word, lane = places_of(where, given, self.chip)
        held[group, bank, word, lane] = read
        self.wanted[:] = False
        self.wanted[group, bank, word] = True
        ctx.set(self.dut.outputs.payload, sizes(shape, tile_x))
        ctx.set(self.dut.outputs.valid, 1)
        strides = {"shift_y": down, "shift_x": across}
        ctx.set(self.dut.residual, {"where": vars(where), "channels": channels, **strides})
        codes = np.zeros(shape, np.uint8)
        codes[..., :channels] = read[:: 1 << down, :: 1 << across]
        return codes

    async def cycle(self, ctx, ready):
        """Let a cycle pass; the row that was taken in it, if one was."""
        dut = self.dut
        ctx.set(dut.residuals.ready, ready)
        self.banks.grant(ctx)
        assert all(self.wanted[place] for _, _, place, _ in self.banks.served)
        _, _, valid, found, over = await ctx.tick().sample(
            dut.residuals.valid, dut.residuals.payload, dut.outputs.ready
        )
        self.banks.serve(ctx)
        if over:
            ctx.set(dut.outputs.valid, 0)
        return found if valid and ready else None

    def check(self, found, codes, rows):
        cols = self.dut.config.cols
        expected = np.zeros((len(rows), cols), np.uint8)
        for (y, x, inside, first), row in zip(rows, expected, strict=True):
            if inside:
                known = codes[y, x, first : first + cols]
                row[: len(known)] = known
        got = np.frombuffer(int(found).to_bytes(expected.size, "little"), np.uint8)
        assert np.array_equal(got, expected.reshape(-1))


def words_of(shape, tile_x, config):
    """The rows of each word: one, or those that leave at once."""
    rows = list(rows_of(shape, tile_x, config))
    count = config.rows_at_once
    return [rows[first : first + count] for first in range(0, len(rows), count)]


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_random_outputs(config, busy):
    rng = np.random.default_rng(3)
    bench = Bench(config, rng, busy)

    async def drive(ctx):
        for _ in range(8):
            shape, tile_x, _ = drawn(rng, config)
            shifts, fewer = rng.integers(0, 4, 2).tolist(), int(rng.integers(shape[2]) + 1)
            codes = bench.give(ctx, shape, tile_x, shifts=shifts, channels=fewer)
            for rows in words_of(shape, tile_x, config):
                found = None
                while found is None:
                    found = await bench.cycle(ctx, rng.random() >= busy)
                bench.check(found, codes, rows)
            assert not ctx.get(bench.dut.outputs.valid)

    simulate(bench.dut, drive, cycles=100_000)


async def rows_without_a_gap(ctx, bench, config, *, phases=(0, 0), shifts=(0, 0)):
    """Take all rows as they come; the cycles before each."""
    shape, tile_x, _ = tiles_of(bench.rng, config)
    layout = {"tile_x": tile_x, "phases": phases}
    codes = bench.give(ctx, shape, tile_x, shifts=shifts, layout=layout)
    waits = []
    for rows in words_of(shape, tile_x, config):
        found, cycles = None, 0
        while found is None:
            found, cycles = await bench.cycle(ctx, ready=True), cycles + 1
        bench.check(found, codes, rows)
        waits.append(cycles)
    return waits


@pytest.mark.parametrize("config", RATES, ids=lambda config: config.name)
def test_rows_come_as_fast_as_the_core_takes_them(config):
    """A row has as many words as a port reads for it, at most `share`."""
    bench = Bench(config, np.random.default_rng(4))
    steps = max(8 // config.lanes // max(config.row_units // config.lanes, 1), 1)
    assert steps <= config.share

    async def drive(ctx):
        for shifts in ((0, 0), (1, 2)):
            waits = await rows_without_a_gap(ctx, bench, config, phases=shifts, shifts=shifts)
            assert waits[1:] == [steps] * (8 * config.departures - 1)

    simulate(bench.dut, drive)


@pytest.mark.parametrize(
    ("cols", "lanes", "units"), [(16, 8, 16), (8, 8, 16), (8, 16, 16), (8, 4, 16)]
)
def test_neighbours_in_one_bank_do_not_slow_several_ports(cols, lanes, units):
    config = ArrayConfig(16, cols, lanes, 1, requantisers=units)
    bench = Bench(config, np.random.default_rng(5))

    async def drive(ctx):
        waits = await rows_without_a_gap(ctx, bench, config, phases=(1, 1))
        assert waits[1:] == [1] * (8 * config.departures - 1)

    simulate(bench.dut, drive)
