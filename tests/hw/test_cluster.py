import pytest

from tests.support import simulate, word
from truncmac.hw.cluster import Cluster
from truncmac.hw.config import ArrayConfig


def test_operands_move_on_a_cycle_later_and_hold():
    dut = Cluster(ArrayConfig(1, 1, lanes=2, planes=2))
    seen = []

    async def drive(ctx):
        for load, step, value in [(1, 1, 5), (0, 1, 6), (0, 0, 7), (1, 0, 8)]:
            ctx.set(dut.load, load)
            ctx.set(dut.step, step)
            ctx.set(dut.activations, value)
            ctx.set(dut.weights, value)
            await ctx.tick()
            seen.append((ctx.get(dut.activations_next), ctx.get(dut.weights_next)))

    simulate(dut, drive)

    assert seen == [(5, 5), (5, 6), (5, 6), (8, 6)]


def test_each_pe_gets_its_row_and_column():
    config = ArrayConfig(2, 4, lanes=1, planes=8)
    dut = Cluster(config)
    assert (config.cluster_rows, config.cluster_cols) == (2, 4)
    bottom, top = 3, 7
    weights = [10, 20, 30, 250]
    rows = []

    async def drive(ctx):
        ctx.set(dut.activations, word([bottom, top], 8))
        ctx.set(dut.weights, word(weights, 8))
        ctx.set(dut.first_chunk, 1)
        ctx.set(dut.first_beat, 1)
        for events in (("load", "step"), ("add",), ("shift_add",), ("accumulate",), ("capture",)):
            for event in ("load", "step", "add", "shift_add", "accumulate", "capture"):
                ctx.set(getattr(dut, event), int(event in events))
            await ctx.tick()
        ctx.set(dut.capture, 0)
        for moves in (0b10, 0b00):  # the bottom row takes the top one's, then all hold
            rows.append(ctx.get(dut.sums))
            ctx.set(dut.drain, moves)
            await ctx.tick()
        rows.append(ctx.get(dut.sums))

    simulate(dut, drive)

    width = config.dot_width
    expected = [word([row * weight for weight in weights], width) for row in (bottom, top, top)]
    assert rows == expected


def test_two_rows_move_at_once():
    """Of four rows, the bottom two are at the outputs; each takes the sums two rows above."""
    config = ArrayConfig(4, 1, lanes=1, planes=8, requantisers=2)
    dut = Cluster(config)
    width = config.dot_width
    seen = []

    async def drive(ctx):
        ctx.set(dut.activations, word([1, 2, 3, 4], 8))
        ctx.set(dut.weights, 100)
        ctx.set(dut.first_chunk, 1)
        ctx.set(dut.first_beat, 1)
        for events in (("load", "step"), ("add",), ("shift_add",), ("accumulate",), ("capture",)):
            for event in ("load", "step", "add", "shift_add", "accumulate", "capture"):
                ctx.set(getattr(dut, event), int(event in events))
            await ctx.tick()
        ctx.set(dut.capture, 0)
        ctx.set(dut.sums_above, word([500, 600], width))
        for moves in (0b1100, 0b0000, 0b1111, 0b1111):
            seen.append(ctx.get(dut.sums))
            ctx.set(dut.drain, moves)
            await ctx.tick()
        seen.append(ctx.get(dut.sums))

    simulate(dut, drive)

    # The rows above the cluster come last, after they have passed its upper two
    expected = [[100, 200], [300, 400], [300, 400], [300, 400], [500, 600]]
    assert seen == [word(pair, width) for pair in expected]


@pytest.mark.parametrize(
    ("sizes", "requantisers", "shape", "delay", "passage"),
    [
        ((8, 8), 8, (4, 4), 0, 2),
        ((8, 8), 2, (4, 4), 3, 5),
        ((6, 6), 2, (3, 3), 2, 4),
        ((4, 12), 4, (4, 3), 2, 6),
        ((7, 10), 2, (1, 1), 0, 10),
        ((16, 16), 16, (4, 4), 0, 4),
        ((16, 16), 32, (4, 4), 0, 4),
    ],
)
def test_sizes_and_times(sizes, requantisers, shape, delay, passage):
    config = ArrayConfig(*sizes, requantisers=requantisers)
    assert (config.cluster_rows, config.cluster_cols) == shape
    assert (config.drain_delay, config.passage) == (delay, passage)
