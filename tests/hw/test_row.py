import numpy as np
import pytest

from tests.support import beat_words, chunk_words, dot, simulate
from truncmac.hw.cluster import Cluster
from truncmac.hw.config import ArrayConfig
from truncmac.hw.row import Row
from truncmac.hw.row_sum import RowSum


def tokens(beats, bits, config):
    """Tokens of one tile, each with the beat and chunk that it stands for."""
    chunks = -(-bits // config.planes)
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


def fields(value, count, width):
    """The lowest `count` fields of `width` bits each."""
    return [value >> (index * width) & ((1 << width) - 1) for index in range(count)]


@pytest.mark.parametrize("held", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rows", "cols", "lanes", "planes"),
    [(1, 1, 1, 8), (1, 3, 2, 1), (2, 10, 3, 2), (4, 8, 1, 4), (3, 7, 1, 1)],
)
def test_sums_of_all_its_rows_equal_golden(rows, cols, lanes, planes, held):
    check_sums(ArrayConfig(rows, cols, lanes, planes, 4 * lanes), held)


@pytest.mark.parametrize("held", [0.0, 0.4])
@pytest.mark.parametrize(("rows", "cols"), [(2, 1), (4, 8), (2, 6)])
def test_two_rows_leave_at_once(rows, cols, held):
    check_sums(ArrayConfig(rows, cols, 2, 1, 8, requantisers=2 * cols), held)


def check_sums(config, held):
    rows, cols, lanes, planes = config.rows, config.cols, config.lanes, config.planes
    rng = np.random.default_rng(cols)
    together = config.rows_at_once
    assert config.depth == 1  # a row of clusters is all of the array
    dut = Row(config)
    tiles = []
    for bits in (8, 8 // planes * planes, planes):  # the truncation unit has nothing to clear
        activations = rng.integers(0, 256, (rows, 4 * lanes), np.uint8)
        tiles.append((activations, rng.integers(0, 256, (4 * lanes, cols), np.uint8), bits))
    width = config.cluster_cols * lanes * planes
    # What enters when: the weights of cluster c come c cycles after their token. Tiles end far
    # enough apart for their rows to leave.
    schedule, starts = {}, []
    now = 0
    for activations, codes, bits in tiles:
        acts, weights = beat_words(activations, config), chunk_words(codes, bits, config)
        for token, beat, chunk in tokens(4, bits, config):
            schedule.setdefault(now, {}).update(token=token, activations=acts[beat])
            for cluster in range(config.breadth):
                mine = weights[beat][chunk] & (((1 << width) - 1) << (cluster * width))
                entry = schedule.setdefault(now + cluster, {})
                entry["weights"] = entry.get("weights", 0) | mine
            if token["capture"]:
                starts.append(now + RowSum.LATENCY)
            now += 1
        now += config.interval
    delay = 2 + config.drain_delay  # of D's moves, after Q's
    sums = np.zeros((len(tiles), rows, cols), object)
    row_sums = np.zeros((len(tiles), rows), object)

    async def drive(ctx):
        cycle = 0
        while cycle < now + cols + Cluster.LATENCY + delay:
            advance = rng.random() >= held
            since = [cycle - start for start in starts]
            # Row r, from the top, moves down r times, a row every `share` cycles
            moves = {phase // config.share for phase in since if phase % config.share == 0}
            moving = [any(0 <= move < row // together for move in moves) for row in range(rows)]
            entry = schedule.get(cycle, {})
            ctx.set(dut.advance, int(advance))
            ctx.set(dut.token, entry.get("token", {}))
            ctx.set(dut.activations, entry.get("activations", 0))
            ctx.set(dut.weights, entry.get("weights", 0))
            ctx.set(dut.drain, sum(bit << row for row, bit in enumerate(moving)))
            for tile, phase in enumerate(since):
                move, part = divmod(phase, config.share)
                if 0 <= move < config.departures and part == 0:
                    found = fields(ctx.get(dut.row_sums), together, config.row_sum_width)
                    row_sums[tile, move * together : (move + 1) * together] = found
                for column in range(cols):
                    moved = phase - delay - column // config.cluster_cols
                    move, part = divmod(moved, config.share)
                    if 0 <= move < config.departures and part == 0:
                        found = fields(ctx.get(dut.sums), together * cols, config.dot_width)
                        own = slice(move * together, (move + 1) * together)
                        sums[tile, own, column] = found[column::cols]
            await ctx.tick()
            cycle += advance

    simulate(dut, drive)

    expected = [dot(activations, codes, bits) for activations, codes, bits in tiles]
    np.testing.assert_array_equal(sums, expected)
    np.testing.assert_array_equal(row_sums, [tile[0].sum(axis=1, dtype=int) for tile in tiles])
