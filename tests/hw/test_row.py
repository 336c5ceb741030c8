import numpy as np
import pytest

from tests.support import beat_words, chunk_words, dot, simulate, word
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.pe import PE
from truncmac.hw.row import Row
from truncmac.hw.row_sum import RowSum


def tokens(beats, bits, config):
    """Tokens of one tile, each with the beat and chunk that it stands for."""
    chunks = chunk_count(bits, config.planes)
    for beat in range(beats):
        for chunk in range(chunks):
            last = chunk == chunks - 1
            yield (
                {
                    "load": int(chunk == 0),
                    "step": 1,
                    "last_chunk": int(last),
                    "first_beat": int(beat == 0),
                    "capture": int(last and beat == beats - 1),
                },
                beat,
                chunk,
            )


@pytest.mark.parametrize("held", [0.0, 0.4])
@pytest.mark.parametrize(("cols", "lanes", "planes"), [(1, 1, 8), (3, 2, 1), (2, 3, 2), (4, 1, 4)])
def test_each_column_and_the_row_sum_equal_golden(cols, lanes, planes, held):
    rng = np.random.default_rng(cols)
    config = ArrayConfig(1, cols, lanes, planes, 4 * lanes)
    dut = Row(config)
    tiles = []
    for bits in (8, 8 // planes * planes, planes):  # the truncation unit has nothing to clear
        activations = rng.integers(0, 256, (1, 4 * lanes), np.uint8)
        tiles.append((activations, rng.integers(0, 256, (4 * lanes, cols), np.uint8), bits))
    width = lanes * planes
    # What enters when: column c's weights c cycles after their token
    schedule, captures = {}, []
    now = 0
    for activations, codes, bits in tiles:
        acts, weights = beat_words(activations, config), chunk_words(codes, bits, config)
        for token, beat, chunk in tokens(4, bits, config):
            entry = schedule.setdefault(now, {"weights": {}})
            entry |= {"token": token, "activations": acts[beat]}
            for column in range(cols):
                mine = weights[beat][chunk] >> (column * width) & ((1 << width) - 1)
                schedule.setdefault(now + column, {"weights": {}})["weights"][column] = mine
            if token["capture"]:
                captures.append(now)
            now += 1
    sums = [[None] * cols for _ in tiles]
    row_sums = [None] * len(tiles)

    async def drive(ctx):
        cycle = 0
        while cycle < now + cols + PE.LATENCY:
            advance = rng.random() >= held
            entry = schedule.get(cycle, {"weights": {}})
            ctx.set(dut.advance, int(advance))
            ctx.set(dut.token, entry.get("token", {}))
            ctx.set(dut.activations, entry.get("activations", 0))
            columns = [entry["weights"].get(column, 0) for column in range(cols)]
            ctx.set(dut.weights, word(columns, width))
            await ctx.tick()
            cycle += advance
            for index, capture in enumerate(captures):
                if advance and cycle == capture + RowSum.LATENCY:
                    row_sums[index] = ctx.get(dut.row_sums)
                for column in range(cols):
                    if advance and cycle == capture + column + PE.LATENCY:
                        value = ctx.get(dut.sums) >> (column * config.dot_width)
                        sums[index][column] = value & ((1 << config.dot_width) - 1)

    simulate(dut, drive)

    assert sums == [dot(activations, codes, bits)[0].tolist() for activations, codes, bits in tiles]
    assert row_sums == [int(activations.sum()) for activations, _, _ in tiles]
