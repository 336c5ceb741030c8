import numpy as np
import pytest
from amaranth import Module, Signal

from tests.support import put, simulate, simulate_logic, word
from truncmac.golden import Requantisation, requantise
from truncmac.hw.config import ArrayConfig
from truncmac.hw.edge import OutputEdge, by_unit

CONFIGS = [
    ArrayConfig(1, 1, 1, 1, 16, 1),
    ArrayConfig(3, 4, 1, 1, 16, 4),
    ArrayConfig(3, 4, 1, 2, 16, 2),
    ArrayConfig(2, 6, 1, 8, 16, 1),
    ArrayConfig(4, 8, 1, 1, 16, 8),
    ArrayConfig(3, 8, 1, 2, 16, 4),
    ArrayConfig(5, 8, 1, 1, 16, 1),
    ArrayConfig(2, 9, 1, 1, 16, 3),
    ArrayConfig(2, 1, 1, 1, 16, 2),
    ArrayConfig(6, 8, 1, 2, 16, 16),
]


def random_tile(rng, config, void=False):
    shape = (config.rows, config.cols)
    unused = int(rng.integers(config.planes))
    return {
        "dots": rng.integers(0, 16 * 255 * 255 >> unused, shape),
        "row_sums": rng.integers(0, 16 * 255, config.rows),
        "residuals": rng.integers(0, 256, shape),
        "ending": {
            "offset": int(rng.integers(512)),
            "unused": unused,
            "limit": int(rng.choice([1, 15, 255])),
            "raw": int(rng.integers(2)),
            "residual": int(rng.integers(2)),
            "void": int(void),
        },
    }


def expected_rows(tile, params):
    ending = tile["ending"]
    sums = 2 * tile["dots"] - ending["offset"] * tile["row_sums"][:, None]
    if ending["raw"]:
        return sums
    residuals = tile["residuals"] if ending["residual"] else np.zeros_like(tile["residuals"])
    return requantise(
        sums,
        Requantisation(**params, out_bits=ending["limit"].bit_length()),
        residuals.astype(np.uint8),
    )


@pytest.mark.parametrize("held", [0.0, 0.4])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_rows_of_tiles_back_to_back_equal_golden(config, held):
    rng = np.random.default_rng(config.cols)
    tiles = [random_tile(rng, config, void=index == 3) for index in range(7)]
    for tile in tiles[1:3]:  # codes with residual codes, whatever is drawn
        tile["ending"] |= {"raw": 0, "residual": 1, "limit": 255}
    params = {
        "multiplier": rng.integers(-1 << 17, 1 << 17, config.cols),
        "residual_multiplier": rng.integers(-1 << 20, 1 << 20, config.cols),
        "bias": rng.integers(-1 << 24, 1 << 28, config.cols),
        "shift": rng.integers(14, 26, config.cols),
    }
    dut = OutputEdge(config)
    rows = len(tiles) * config.rows
    results = []

    async def load(ctx):
        ctx.set(dut.write, 1)
        for column in range(config.cols):
            ctx.set(dut.turn, column // config.row_units)
            ctx.set(dut.unit, column % config.row_units)
            ctx.set(dut.parameters, {name: int(v[column]) for name, v in params.items()})
            await ctx.tick()
        ctx.set(dut.write, 0)
        await drain(ctx)

    async def drain(ctx):
        """Play the array: at the bottom are the rows of so many moves, cluster by cluster."""
        cycle, row_sum = 0, 0  # the move whose Q is at the bottom
        dots = [0] * config.breadth  # whose D is at the bottom of each cluster
        captures, moves = {}, set()  # cycles at which D changes in the first cluster
        while len(results) < (len(tiles) - 1) * config.interval:
            ending, phase = divmod(cycle, config.interval)
            starting, since = divmod(cycle - 1, config.interval)
            captured = since == 0 and 0 <= starting < len(tiles)
            if captured:
                row_sum = starting * config.departures
                captures[cycle + 2] = row_sum
            ctx.set(dut.ends, int(phase == 0 and ending < len(tiles)))
            ctx.set(dut.ending, tiles[min(ending, len(tiles) - 1)]["ending"])
            ctx.set(dut.captured, int(captured))
            ctx.set(dut.row_sums, word(rows_of(row_sum, "row_sums"), config.row_sum_width))
            ctx.set(dut.sums, word(columns(dots), config.dot_width))
            ctx.set(dut.advance, int(rng.random() >= held and not ctx.get(dut.hold)))
            move = config.departures > 1 and ctx.get(dut.drain[config.rows - 1])
            advance, valid, part = (await ctx.tick().sample(dut.advance, dut.valid, dut.results))[
                2:
            ]
            if not advance:
                continue
            cycle += 1
            if move:
                row_sum += 1
                moves.add(cycle + 2 + config.drain_delay)
            for cluster, row in enumerate(dots):
                dots[cluster] = captures.get(cycle - cluster, row + (cycle - cluster in moves))
            if valid:
                results.append([part[index] for index in range(config.requantisers)])

    def row_of(row, name):
        row = min(row, rows - 1)
        return tiles[row // config.rows][name][row % config.rows]

    def rows_of(move, name):
        """Of each of the rows that leave with this move."""
        count = config.rows_at_once
        return [row_of(move * count + row, name) for row in range(count)]

    def columns(dots):
        """D of each row and column, placed where its unit takes it."""
        values = np.zeros((config.rows_at_once, config.cols), object)
        for position in range(config.cols):
            unit, turn = divmod(position, config.share)
            column, move = turn * config.row_units + unit, dots[position // config.cluster_cols]
            tile = min(move * config.rows_at_once, rows - 1) // config.rows
            unused = tiles[tile]["ending"]["unused"]
            values[:, position] = [int(row[column]) << unused for row in rows_of(move, "dots")]
        return values.reshape(-1)

    async def offer(ctx):
        for tile in tiles:
            if tile["ending"]["residual"]:
                for row in tile["residuals"].reshape(config.departures, -1):
                    while rng.random() < held:
                        await ctx.tick()
                    await put(ctx, dut.residuals, word(row, 8))

    simulate(dut, offer, load)  # `load` sees what `offer` gives in the same cycle

    expected = [expected_rows(tile, params) for tile in tiles if not tile["ending"]["void"]]
    np.testing.assert_array_equal(np.reshape(results, (-1, config.cols)), np.concatenate(expected))


def test_columns_of_a_unit_lie_side_by_side():
    dut = Module()
    columns = Signal(24, init=0x543210)
    sides = Signal(24)
    dut.d.comb += sides.eq(by_unit(columns, 4, ArrayConfig(1, 6, 1, 1, 16, 2)))

    async def read(ctx):
        assert ctx.get(sides) == 0x531420

    simulate_logic(dut, read)
