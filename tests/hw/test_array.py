import numpy as np
import pytest

from tests.hw.test_row import fields, tokens
from tests.support import beat_words, chunk_words, dot, simulate
from truncmac.hw.array import SystolicArray
from truncmac.hw.config import ArrayConfig


@pytest.mark.parametrize("held", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rows", "cols", "lanes", "planes"),
    [(1, 1, 1, 8), (3, 2, 2, 1), (2, 4, 1, 2), (5, 1, 2, 4), (8, 7, 1, 1), (6, 8, 1, 2)],
)
def test_a_tile_drains_in_order_and_equals_golden(rows, cols, lanes, planes, held):
    check_tile(ArrayConfig(rows, cols, lanes, planes, 3 * lanes), held)


@pytest.mark.parametrize("held", [0.0, 0.4])
@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (6, 1), (8, 8), (10, 3)])
def test_two_rows_drain_at_once(rows, cols, held):
    check_tile(ArrayConfig(rows, cols, 1, 2, 3, requantisers=2 * cols), held)


def check_tile(config, held):
    rows, cols, lanes = config.rows, config.cols, config.lanes
    rng = np.random.default_rng(rows)
    together = config.rows_at_once
    activations = rng.integers(0, 256, (rows, 3 * lanes), np.uint8)
    codes = rng.integers(0, 256, (3 * lanes, cols), np.uint8)
    acts, weights = beat_words(activations, config), chunk_words(codes, 8, config)
    steps = [(t, acts[beat], weights[beat][chunk]) for t, beat, chunk in tokens(3, 8, config)]
    dut = SystolicArray(config)
    row_sums, sums = [], np.zeros((rows, cols), object)

    async def drive(ctx):
        cycle, captured = 0, None
        while captured is None or cycle < captured + rows + cols + 2 + config.drain_delay:
            advance = rng.random() >= held
            token, beat, chunk = steps[cycle] if cycle < len(steps) else ({}, 0, 0)
            ctx.set(dut.advance, int(advance))
            ctx.set(dut.token, token)
            ctx.set(dut.activations, beat)
            ctx.set(dut.weights, chunk)
            if captured is None and ctx.get(dut.captured):
                captured = cycle
            since = -1 if captured is None else cycle - captured
            # Row r of the PEs, from the top, moves down r times, once a cycle
            moving = [0 <= since < row // together for row in range(rows)]
            ctx.set(dut.drain, sum(bit << row for row, bit in enumerate(moving)))
            if 0 <= since < config.departures and advance:
                row_sums.extend(fields(ctx.get(dut.row_sums), together, config.row_sum_width))
            found = fields(ctx.get(dut.sums), together * cols, config.dot_width)
            for column in range(cols):
                move = since - 2 - config.drain_delay - column // config.cluster_cols
                if 0 <= move < config.departures:
                    own = slice(move * together, (move + 1) * together)
                    sums[own, column] = found[column::cols]
            await ctx.tick()
            cycle += advance

    simulate(dut, drive)

    assert row_sums == activations.sum(axis=1, dtype=int).tolist()
    np.testing.assert_array_equal(sums, dot(activations, codes, 8))
