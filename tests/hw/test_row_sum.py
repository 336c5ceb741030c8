import numpy as np
import pytest

from tests.support import simulate, word
from truncmac.hw.config import ArrayConfig
from truncmac.hw.row_sum import RowSum


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_sums_each_tile_even_back_to_back(lanes):
    rng = np.random.default_rng(lanes)
    config = ArrayConfig(lanes=lanes, max_reduction=5 * lanes)
    tiles = [rng.integers(0, 256, (beats, lanes)) for beats in (1, 1, 5, 2, 1)]
    tiles[2][:] = 255  # the largest sum that there is
    cycles = {}
    now = 0
    for tile in tiles:
        for index, beat in enumerate(tile):
            last = int(index == len(tile) - 1)
            cycles.setdefault(now, {}).update(load=1, activations=word(beat, 8))
            cycles.setdefault(now + 1, {}).update(accumulate=1, first_beat=int(index == 0))
            cycles.setdefault(now + 2, {}).update(capture=last)
            now += 1
    dut = RowSum(config)
    seen = []

    async def drive(ctx):
        for cycle in range(now + RowSum.LATENCY):
            ports = cycles.get(cycle, {})
            for port in ("load", "activations", "accumulate", "first_beat", "capture"):
                ctx.set(getattr(dut, port), ports.get(port, 0))
            await ctx.tick()
            if ports.get("capture"):
                seen.append(ctx.get(dut.sums))

    simulate(dut, drive)

    assert seen == [int(tile.sum()) for tile in tiles]


def test_drains_from_above():
    dut = RowSum(ArrayConfig())
    seen = []

    async def drive(ctx):
        for drain, above in [(1, 5), (0, 6), (1, 7)]:
            ctx.set(dut.drain, drain)
            ctx.set(dut.sums_above, above)
            await ctx.tick()
            seen.append(ctx.get(dut.sums))

    simulate(dut, drive)

    assert seen == [5, 5, 7]
