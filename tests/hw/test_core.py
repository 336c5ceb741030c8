from dataclasses import replace

import numpy as np
import pytest

from tests.support import beat_words, chunk_words, get, put, simulate, word
from truncmac.golden import Gemm, Requantisation, weight_offset
from truncmac.hw.command import CommandError
from truncmac.hw.config import ArrayConfig
from truncmac.hw.core import Core
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job

SIZES = [(2, 3, 2, 1, 3), (3, 4, 1, 2, 2), (1, 1, 1, 8, 1), (1, 3, 2, 4, 1), (4, 2, 1, 2, 4)]


def random_tile(rng, config, bits, raw=None):
    """One tile's product: codes out, with or without residual, or S."""
    rows, cols = config.rows, config.cols
    reduction = int(rng.integers(1, config.max_reduction + 1))
    raw = rng.random() < 0.3 if raw is None else raw
    residual = None if raw or rng.random() < 0.5 else rng.integers(0, 256, (rows, cols), np.uint8)
    requant = Requantisation(
        multiplier=rng.integers(-1 << 17, 1 << 17, cols),
        residual_multiplier=None if residual is None else rng.integers(-1 << 17, 1 << 17, cols),
        bias=rng.integers(-1 << 20, 1 << 30, cols),
        shift=rng.integers(10, 30, cols),
        out_bits=int(rng.integers(1, 9)),
    )
    return Gemm(
        name="tile",
        activations=rng.integers(0, 256, (rows, reduction), np.uint8),
        codes=rng.integers(0, 256, (reduction, cols), np.uint8),
        bits=bits,
        offset=weight_offset(bits),
        requant=None if raw else requant,
        residual=residual,
    )


def command(tile, config, **changes):
    return {
        "bits": tile.bits,
        "beats": len(beat_words(tile.activations, config)),
        "offset": tile.offset,
        "limit": 0 if tile.requant is None else (1 << tile.requant.out_bits) - 1,
        "raw": int(tile.requant is None),
        "residual": int(tile.residual is not None),
        "fresh": int(tile.requant is not None),
    } | changes


def parameters(tile):
    q = tile.requant
    if q is None:
        return []
    residual = np.zeros_like(q.bias) if q.residual_multiplier is None else q.residual_multiplier
    names = ("multiplier", "residual_multiplier", "bias", "shift")
    columns = zip(*(a.tolist() for a in (q.multiplier, residual, q.bias, q.shift)), strict=True)
    return [dict(zip(names, column, strict=True)) for column in columns]


def exact_counters(tiles, config):
    """The counters of tiles that follow each other at full speed."""
    jobs = [Job.of(tile, config) for tile in tiles]
    return control_counters(config, jobs, together=len(jobs))[0]


def play(config, tiles, stalls=(0.0, 0.0), seed=0):
    """Run (command, tile) pairs; return rows of results, errors, and the counters at the end.

    A tile whose command asks for more or fewer beats, or another k, gets its data accordingly.
    """
    rng = np.random.default_rng(seed)
    dut = Core(config)
    streams = {"tiles": [], "activations": [], "weights": [], "parameters": [], "residuals": []}
    expected = 0
    for fields, tile in tiles:
        beats, bits = fields["beats"], min(fields["bits"], 8)
        acts = beat_words(tile.activations, config)
        streams["tiles"].append(fields)
        streams["activations"] += [acts[index % len(acts)] for index in range(beats)]
        if bits:
            words = chunk_words(tile.codes, bits, config)
            for index in range(beats):
                streams["weights"] += words[index % len(words)]
        streams["parameters"] += parameters(tile) if fields["fresh"] else []
        if tile.residual is not None:
            pairs = tile.residual.reshape(config.departures, -1)
            streams["residuals"] += [word(row, 8) for row in pairs]
        good = 1 <= fields["bits"] <= 8 and 1 <= beats <= config.max_beats
        expected += config.interval * good
    results, errors, counters = [], [], {}

    async def pause(ctx, share):
        while rng.random() < share:
            await ctx.tick()

    def offer(name):
        async def testbench(ctx):
            for payload in streams[name]:
                await pause(ctx, stalls[0])
                await put(ctx, getattr(dut, name), payload)

        return testbench

    async def consume(ctx):
        while len(results) < expected:
            await pause(ctx, stalls[1])
            part = await get(ctx, dut.results)
            results.append([part[index] for index in range(config.requantisers)])
        while ctx.get(dut.active):
            await ctx.tick()
        for _ in range(20):  # nothing comes after the last
            assert not ctx.get(dut.results.valid)
            await ctx.tick()
        assert not ctx.get(dut.active)
        counters.update(
            {name: ctx.get(dut.counters[name]) for name in dut.counters.shape().members}
        )

    async def watch(ctx):
        async for _, _, error in ctx.tick().sample(dut.error):
            if error != CommandError.NONE:
                errors.append(CommandError(error))

    simulate(dut, *map(offer, streams), consume, background=[watch], cycles=20_000)
    return np.array(results).reshape(-1, config.cols), errors, counters


@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.4, 0.0), (0.0, 0.6), (0.4, 0.4)])
@pytest.mark.parametrize("sizes", SIZES)
def test_tiles_of_mixed_bit_widths_equal_golden(sizes, stalls):
    rows, cols, lanes, planes, requantisers = sizes
    rng = np.random.default_rng(sum(sizes))
    config = ArrayConfig(rows, cols, lanes, planes, 3 * lanes, requantisers)
    tiles = [random_tile(rng, config, bits) for bits in [8, 1, 2, 3, 4, 5, 6, 7, 1, 1, 8]]

    rows, errors, counters = play(config, [(command(t, config), t) for t in tiles], stalls)

    np.testing.assert_array_equal(rows, np.concatenate([tile.outputs() for tile in tiles]))
    assert errors == []
    assert counters["tiles"] == len(tiles)
    if not any(stalls):
        assert counters == exact_counters(tiles, config)


def test_parameters_are_shared_until_a_tile_is_fresh():
    config = ArrayConfig(2, 2, 1, 8, 4, 1)
    rng = np.random.default_rng(3)
    tiles = []
    for _ in range(3):
        tile = random_tile(rng, config, 8, raw=False)
        residual = rng.integers(0, 256, (2, 2), np.uint8)
        if tile.residual is None:
            requant = replace(tile.requant, residual_multiplier=rng.integers(-9, 9, 2))
            tile = replace(tile, requant=requant, residual=residual)
        tiles.append(tile)
    tiles[1] = replace(tiles[1], requant=tiles[0].requant)
    commands = [command(tile, config) for tile in tiles]
    commands[1]["fresh"] = 0

    rows, _, counters = play(config, list(zip(commands, tiles, strict=True)))

    np.testing.assert_array_equal(rows, np.concatenate([tile.outputs() for tile in tiles]))
    jobs = [Job.of(tile, config) for tile in tiles]
    jobs[1] = replace(jobs[1], fresh=False)
    assert counters == control_counters(config, jobs, together=3)[0]


@pytest.mark.parametrize("stalls", [(0.0, 0.0), (0.3, 0.3)])
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"bits": 0}, CommandError.ZERO_BITS),
        ({"bits": 9}, CommandError.TOO_MANY_BITS),
        ({"bits": 15}, CommandError.TOO_MANY_BITS),
        ({"beats": 0}, CommandError.ZERO_BEATS),
        ({"beats": 6}, CommandError.TOO_MANY_BEATS),
    ],
)
def test_a_bad_command_consumes_its_data_and_the_next_tile_is_right(changes, error, stalls):
    config = ArrayConfig(2, 3, 2, 1, 10)
    rng = np.random.default_rng(5)
    tiles = [random_tile(rng, config, bits, raw=False) for bits in (3, 8, 5)]
    commands = [command(tile, config) for tile in tiles]
    commands[1] |= changes

    rows, errors, counters = play(config, list(zip(commands, tiles, strict=True)), stalls)

    assert errors == [error]
    if not any(stalls):  # a command of nothing takes the cycles of a chunk a beat, or of a beat
        jobs = [Job.of(tile, config) for tile in tiles]
        beats, bits = commands[1]["beats"], commands[1]["bits"]
        jobs[1] = replace(jobs[1], beats=max(beats, 1), bits=min(max(bits, 1), 8))
        assert counters == control_counters(config, jobs, together=3)[0]
    np.testing.assert_array_equal(rows, np.concatenate([tiles[0].outputs(), tiles[2].outputs()]))


@pytest.mark.parametrize("widths", [*([bits] * 4 for bits in range(1, 9)), [8, 1, 5, 2, 7, 3, 4]])
def test_long_tiles_leave_no_cycle_unused(widths):
    config = ArrayConfig(2, 2, 1, 1, 8)
    rng = np.random.default_rng(0)
    tiles = []
    for bits in widths:
        codes = rng.integers(0, 256, (8, 2), np.uint8)
        activations = rng.integers(0, 256, (2, 8), np.uint8)
        tiles.append(Gemm("t", activations, codes, bits, weight_offset(bits)))

    rows, _, counters = play(config, [(command(tile, config), tile) for tile in tiles])

    np.testing.assert_array_equal(rows, np.concatenate([tile.outputs() for tile in tiles]))
    assert counters["busy"] == counters["chunks"] == 8 * sum(widths)
    assert counters["beats"] == len(tiles) * 8
    assert sum(counters[name] for name in counters if "stalled" in name) == 0
    assert counters == exact_counters(tiles, config)
