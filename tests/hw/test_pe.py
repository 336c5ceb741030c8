import numpy as np
import pytest

from tests.support import beat_words, chunk_words, dot, simulate
from truncmac.hw.cluster import Cluster
from truncmac.hw.config import ArrayConfig
from truncmac.hw.pe import PE

SIZES = [(1, 8), (4, 8), (8, 1), (8, 2), (3, 4), (1, 1)]


def schedule(tiles, config, gaps):
    """Inputs of each cycle, as {cycle: {port: value}}: a chunk's enables follow it."""
    cycles = {}
    now = 0
    captures = []
    for bits, activations, codes in tiles:
        acts = beat_words(activations, config)
        for beat, words in enumerate(chunk_words(codes, bits, config)):
            for chunk, weights in enumerate(words):
                now += next(gaps)
                last = chunk == len(words) - 1
                first = {"step": 1, "weights": weights, "load": int(chunk == 0)}
                events = [
                    first | ({"activations": acts[beat]} if chunk == 0 else {}),
                    {"add": 1},
                    {"shift_add": 1, "first_chunk": int(chunk == 0)},
                    {"accumulate": int(last), "first_beat": int(beat == 0)},
                    {"capture": int(last and beat == len(acts) - 1)},
                ]
                for delay, ports in enumerate(events):
                    cycles.setdefault(now + delay, {}).update(ports)
                now += 1
        captures.append(now + Cluster.LATENCY - 1)
    return cycles, captures


@pytest.mark.parametrize("bubbles", [0.0, 0.3])
@pytest.mark.parametrize(("lanes", "planes"), SIZES)
def test_dot_product_equals_golden_at_every_bit_width(lanes, planes, bubbles):
    rng = np.random.default_rng(lanes * 10 + planes)
    config = ArrayConfig(rows=1, cols=1, lanes=lanes, planes=planes, max_reduction=4 * lanes)
    tiles = []
    for bits in [*range(1, 9), 8, 1, 8]:
        reduction = int(rng.integers(1, 4 * lanes + 1))
        activations = rng.integers(0, 256, (1, reduction), dtype=np.uint8)
        tiles.append((bits, activations, rng.integers(0, 256, (reduction, 1), dtype=np.uint8)))
    full = np.full((1, 4 * lanes), 255, np.uint8)
    tiles.append((8, full, full.T))
    gaps = (int(rng.random() < bubbles) for _ in iter(int, 1))
    cycles, captures = schedule(tiles, config, gaps)
    expected = [int(dot(activations, codes, bits)[0, 0]) for bits, activations, codes in tiles]
    unused = [-bits % planes for bits, _, _ in tiles]
    dut = Cluster(config)
    seen = []

    async def drive(ctx):
        ports = [name for name in dut.signature.members if "next" not in name and name != "sums"]
        for cycle in range(max(cycles) + 2):
            if cycle in captures:
                seen.append(ctx.get(dut.sums))
            for port in ports:
                idle = int(rng.integers(0, 2)) if port in ("activations", "weights") else 0
                ctx.set(getattr(dut, port), cycles.get(cycle, {}).get(port, idle))
            await ctx.tick()

    simulate(dut, drive)

    assert seen == [value << shift for value, shift in zip(expected, unused, strict=True)]


def test_shadow_takes_from_above_on_drain_only():
    dut = PE(ArrayConfig())
    seen = []

    async def drive(ctx):
        for drain, above in [(1, 11), (0, 12), (1, 13)]:
            ctx.set(dut.drain, drain)
            ctx.set(dut.sums_above, above)
            await ctx.tick()
            seen.append(ctx.get(dut.sums))

    simulate(dut, drive)

    assert seen == [11, 11, 13]
