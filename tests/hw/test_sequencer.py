import numpy as np
import pytest

from tests.support import put, simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.sequencer import Sequencer

TILES = [(8, 3), (1, 1), (4, 2), (1, 9), (3, 1), (2, 5), (8, 1)]


def expected_tokens(tiles, planes):
    for bits, beats in tiles:
        chunks = -(-bits // planes)
        for beat in range(beats):
            for chunk in range(chunks):
                last = chunk == chunks - 1
                yield (chunk == 0, last, beat == 0, last and beat == beats - 1)


def run(config, tiles, stall=0.0, blocked=0.0):
    """Play `tiles` and return (cycle, load, last_chunk, first_beat, capture, beat's word)."""
    rng = np.random.default_rng(7)
    dut = Sequencer(config)
    tokens = []
    total = sum(beats * -(-bits // config.planes) for bits, beats in tiles)

    async def offer_tiles(ctx):
        for bits, beats in tiles:
            await put(ctx, dut.tiles, {"bits": bits, "beats": beats, "offset": bits})

    def offer(stream, count):
        async def testbench(ctx):
            for index in range(count):
                while rng.random() < stall:
                    await ctx.tick()
                await put(ctx, stream, index % 16)

        return testbench

    async def watch(ctx):
        cycle = 0
        while len(tokens) < total:
            ctx.set(dut.advance, int(rng.random() >= blocked))
            token = dut.token
            step, load, last, first, capture, activations, offset, advance = (
                await ctx.tick().sample(
                    token.step,
                    token.load,
                    token.last_chunk,
                    token.first_beat,
                    token.capture,
                    dut.activations.payload,
                    dut.ending.offset,
                    dut.advance,
                )
            )[2:]
            if step:
                assert advance
                tokens.append((cycle, load, last, first, capture, activations, offset))
            cycle += 1

    beats = sum(beats for _, beats in tiles)
    simulate(dut, offer_tiles, offer(dut.activations, beats), offer(dut.weights, total), watch)
    return tokens


@pytest.mark.parametrize(("stall", "blocked"), [(0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.3, 0.3)])
@pytest.mark.parametrize("planes", [1, 2, 8])
def test_every_chunk_gets_its_token_in_order(planes, stall, blocked):
    config = ArrayConfig(rows=2, cols=1, lanes=1, planes=planes, max_reduction=9)
    tokens = run(config, TILES, stall, blocked)
    assert [tuple(map(bool, token[1:5])) for token in tokens] == list(
        expected_tokens(TILES, planes)
    )
    beats = [token[5] for token in tokens if token[1]]
    assert beats == [index % 16 for index in range(sum(beats for _, beats in TILES))]
    assert [token[6] for token in tokens if token[4]] == [bits for bits, _ in TILES]


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
def test_tiles_end_as_soon_as_length_and_rows_allow(rows):
    config = ArrayConfig(rows=rows, cols=1, lanes=1, max_reduction=9)
    ends = [token[0] for token in run(config, TILES) if token[4]]
    lengths = [bits * beats for bits, beats in TILES]
    assert np.diff(ends).tolist() == [max(length, rows) for length in lengths[1:]]
