from collections import deque

import numpy as np
import pytest

from tests.support import get, put, simulate, word
from truncmac.golden import beat_major, pack_weights, prefix
from truncmac.hw.config import ArrayConfig
from truncmac.hw.weight_buffer import WeightBuffer


def play(config, blocks, stalls=(0.0, 0.0)):
    """Run (bits, codes, tiles) blocks; return words in, and the cycles of those that came out."""
    rng = np.random.default_rng(1)
    dut = WeightBuffer(config)
    loads, expected, commands = [], [], []
    for bits, codes, tiles in blocks:
        packed = pack_weights(codes, columns=config.cols, lanes=config.lanes, planes=config.planes)
        loads += [
            word(w.ravel(), config.planes)
            for w in prefix(packed, bits)[0].reshape(-1, config.cols * config.lanes)
        ]
        # The planes below k are cleared later, by the truncation unit
        whole = packed[0, : -(-bits // config.planes)].swapaxes(0, 1)
        assert beat_major(packed[0], bits).shape == whole.shape
        expected += tiles * [word(c.ravel(), config.planes) for beat in whole for c in beat]
        commands.append(
            {
                "last_chunk": -(-bits // config.planes) - 1,
                "beats": packed.shape[2],
                "tiles": tiles,
                "discard": 0,
            }
        )
    seen, taken, clock = [], [], [0]

    async def offer(ctx):
        for command in commands:
            await put(ctx, dut.blocks, command)

    async def load(ctx):
        for index, payload in enumerate(loads):
            while rng.random() < stalls[0]:
                await ctx.tick()
            await put(ctx, dut.loads, payload)
            taken.append(index)

    async def consume(ctx):
        for _ in expected:
            while rng.random() < stalls[1]:
                await ctx.tick()
            seen.append((await get(ctx, dut.weights), clock[0]))
        for _ in range(10):
            assert not ctx.get(dut.weights.valid)
            await ctx.tick()

    async def count(ctx):
        async for _ in ctx.tick():
            clock[0] += 1

    simulate(dut, offer, load, consume, background=[count])
    assert [value for value, _ in seen] == expected
    assert len(taken) == len(loads)
    return loads, [cycle for _, cycle in seen]


def blocks(config, seed=0):
    rng = np.random.default_rng(seed)
    result = []
    for index, bits in enumerate([8, 3, 8, 1, 1, 5, 2, 7, 4, 6, 1]):
        beats = int(rng.integers(1, config.max_beats + 1))
        codes = rng.integers(0, 256, (beats * config.lanes, config.cols), np.uint8)
        result.append((bits, codes, 1 if index % 3 else int(rng.integers(2, 4))))
    return result


@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.4)])
@pytest.mark.parametrize("planes", [1, 2, 8])
def test_chunk_major_in_beat_major_out(planes, stalls):
    config = ArrayConfig(1, 2, 3, planes, 12, 1)
    play(config, blocks(config), stalls)


@pytest.mark.parametrize("planes", [1, 2, 4, 8])
def test_a_tile_of_k_bits_takes_the_prefix_and_no_more(planes):
    config = ArrayConfig(1, 2, 4, planes, 8, 1)
    codes = np.random.default_rng(0).integers(0, 256, (8, 2), np.uint8)
    whole, _ = play(config, [(8, codes, 1)])
    for bits in range(1, 9):
        loads, _ = play(config, [(bits, codes, 1), (8, codes, 1)])
        count = len(whole) * -(-bits // planes) // config.chunks
        assert loads == whole[:count] + whole


def test_blocks_follow_each_other_without_a_gap():
    config = ArrayConfig(1, 1, 1, 1, 4, 1)
    codes = np.arange(4, dtype=np.uint8)[:, None]
    # Each block is read as long as the next one loads
    _, cycles = play(config, [(8, codes, 1), (8, codes, 2), (4, codes, 1), (8, codes, 1)])
    gaps = np.diff(cycles)
    assert gaps[: 3 * 32 + 15].tolist() == [1] * (3 * 32 + 15)


def watch(config, commands, go=(1.0, 1.0, 1.0)):
    """Play blocks of (beats, chunks, tiles); for each cycle, what its streams did.

    `go` says how often blocks, loads and weights go on. A cycle is whether a block was taken,
    whether loads were ready, and whether a word of loads and one of weights moved.
    """
    rng = np.random.default_rng(3)
    dut = WeightBuffer(config)
    left = sum(beats * chunks * tiles for beats, chunks, tiles in commands)
    waiting = deque(commands)
    cycles = []

    async def testbench(ctx):
        nonlocal left
        offers = False
        while left:
            offers = bool(waiting) and (offers or rng.random() < go[0])
            if offers:
                beats, chunks, tiles = waiting[0]
                block = {"beats": beats, "last_chunk": chunks - 1, "tiles": tiles}
                ctx.set(dut.blocks.payload, block)
            loads, takes = (rng.random(2) < go[1:]).tolist()
            ctx.set(dut.blocks.valid, offers)
            ctx.set(dut.loads.valid, loads)
            ctx.set(dut.weights.ready, takes)
            taken = offers and bool(ctx.get(dut.blocks.ready))
            ready = bool(ctx.get(dut.loads.ready))
            moved = takes and bool(ctx.get(dut.weights.valid))
            cycles.append((taken, ready, ready and loads, moved))
            if taken:
                waiting.popleft()
                offers = False
            left -= moved
            await ctx.tick()

    simulate(dut, testbench)
    return cycles


@pytest.mark.parametrize("go", [(1, 1, 1), (1, 1, 0.2), (0.1, 1, 1), (1, 0.5, 1), (0.4, 0.6, 0.8)])
def test_no_word_is_refused_once_its_block_was_taken(go):
    config = ArrayConfig(1, 2, 3, 2, 12, 1)
    drawn = np.random.default_rng(2).integers((1, 1, 1), (5, 5, 4), (30, 3)).tolist()
    words = np.cumsum([0] + [beats * chunks for beats, chunks, _ in drawn]).tolist()
    blocks = loaded = 0
    for taken, ready, moved, _ in watch(config, drawn, go):
        assert ready == (loaded < words[blocks]), "as many as were asked for, and no more"
        blocks += taken
        loaded += moved
    assert (blocks, loaded) == (30, words[-1])


def test_a_block_is_taken_while_tiles_of_an_earlier_one_are_read():
    # Four blocks of 4 words; the first two have a bank each, the others when that before them is
    # begun, whose first tile of three is still read
    config = ArrayConfig(1, 1, 1, 1, 4, 1)
    cycles = np.array(watch(config, 4 * [(2, 2, 3)]))
    taken, _, loads, weights = (np.flatnonzero(moves) for moves in cycles.T)
    assert taken[:2].tolist() == [0, 1]
    assert loads[:8].tolist() == list(range(1, 9)), "two blocks one after the other"
    begun = weights[::12]  # a block's first word
    assert taken[2:].tolist() == begun[1:3].tolist()
    for block in (2, 3):  # each is whole long before it is read
        start = begun[block - 1] + 1
        assert loads[4 * block :][:4].tolist() == list(range(start, start + 4))
    assert np.diff(weights).tolist() == [1] * 47
