import numpy as np
import pytest

from tests.support import beat_words, chunk_words, get, put, simulate
from truncmac.golden import integer_weights, matmul, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.hw.core import Core

SIZES = [(2, 3, 2, 1), (3, 2, 1, 2), (1, 1, 1, 8), (1, 3, 2, 4)]


@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.4, 0.0), (0.0, 0.6), (0.4, 0.4)])
@pytest.mark.parametrize("sizes", SIZES)
def test_tiles_of_mixed_bit_widths_equal_golden(sizes, stalls):
    rows, cols, lanes, planes = sizes
    rng = np.random.default_rng(sum(sizes))
    config = ArrayConfig(rows, cols, lanes, planes, max_reduction=3 * lanes)
    dut = Core(config)
    tiles, expected, results = [], [], []
    for bits in [8, 1, 2, 3, 4, 5, 6, 7, 1, 1, 8]:
        reduction = int(rng.integers(1, 3 * lanes + 1))
        activations = rng.integers(0, 256, (rows, reduction), dtype=np.uint8)
        codes = rng.integers(0, 256, (reduction, cols), dtype=np.uint8)
        tiles.append((bits, activations, codes))
        expected += matmul(activations, integer_weights(codes, bits)).tolist()

    async def pause(ctx, share):
        while rng.random() < share:
            await ctx.tick()

    async def commands(ctx):
        for bits, activations, _ in tiles:
            await pause(ctx, stalls[0])
            beats = len(beat_words(activations, config))
            offset = weight_offset(bits)
            await put(ctx, dut.tiles, {"bits": bits, "beats": beats, "offset": offset})

    async def activations(ctx):
        for _, activations, _ in tiles:
            for word in beat_words(activations, config):
                await pause(ctx, stalls[0])
                await put(ctx, dut.activations, word)

    async def weights(ctx):
        for bits, _, codes in tiles:
            for beat in chunk_words(codes, bits, config):
                for word in beat:
                    await pause(ctx, stalls[0])
                    await put(ctx, dut.weights, word)

    async def consume(ctx):
        for _ in expected:
            await pause(ctx, stalls[1])
            row = await get(ctx, dut.results)
            results.append([row[column] for column in range(cols)])

    simulate(dut, commands, activations, weights, consume)

    assert results == expected
