import numpy as np
import pytest

from tests.support import simulate
from truncmac.golden import Requantisation, requantise
from truncmac.hw.config import ArrayConfig
from truncmac.hw.requantiser import Requantiser

COUNT = 300


def random_words(rng, config):
    """Words of which each has its own parameters, the widths' extremes among them."""

    def integers(bits):
        values = rng.integers(-1 << bits - 1, 1 << bits - 1, COUNT)
        values[rng.random(COUNT) < 0.1] = (1 << bits - 1) - 1
        values[rng.random(COUNT) < 0.1] = -1 << bits - 1
        return values >> rng.integers(0, bits, COUNT)

    return {
        "total": integers(config.sum_width),
        "residual": rng.integers(0, 256, COUNT),
        "multiplier": integers(config.multiplier_bits),
        "residual_multiplier": integers(config.residual_multiplier_bits),
        "bias": integers(config.bias_width),
        "shift": rng.integers(0, 64, COUNT),
        "limit": (1 << rng.integers(1, 9, COUNT)) - 1,
    }


def play(config, words, raw, held):
    """Results of `words`, one a cycle in which the unit advances."""
    rng = np.random.default_rng(0)
    dut = Requantiser(config)
    results = []

    async def drive(ctx):
        ctx.set(dut.raw, int(raw))
        index = 0
        while len(results) < COUNT:
            advance = int(rng.random() >= held)
            ctx.set(dut.advance, advance)
            ctx.set(dut.valid, int(index < COUNT))
            if index < COUNT:
                now = {name: int(values[index]) for name, values in words.items()}
                ctx.set(dut.total, now["total"])
                ctx.set(dut.residual, now["residual"])
                ctx.set(dut.limit, now["limit"])
                names = ("multiplier", "residual_multiplier", "bias", "shift")
                ctx.set(dut.parameters, {name: now[name] for name in names})
            await ctx.tick()
            index += advance
            if advance and index >= Requantiser.LATENCY:
                results.append(ctx.get(dut.result))

    simulate(dut, drive)
    return results


@pytest.mark.parametrize("held", [0.0, 0.5])
def test_codes_equal_golden(held):
    config = ArrayConfig(lanes=1, max_reduction=64, multiplier_bits=18)
    words = random_words(np.random.default_rng(1), config)
    expected = [
        requantise(
            words["total"][index : index + 1, None],
            Requantisation(
                multiplier=words["multiplier"][index : index + 1],
                bias=words["bias"][index : index + 1],
                shift=words["shift"][index : index + 1],
                out_bits=int(words["limit"][index]).bit_length(),
                residual_multiplier=words["residual_multiplier"][index : index + 1],
            ),
            words["residual"][index : index + 1, None].astype(np.uint8),
        ).item()
        for index in range(COUNT)
    ]
    assert play(config, words, raw=False, held=held) == expected
    assert 50 < np.count_nonzero(expected) < COUNT  # not all clamped away


def test_raw_gives_the_sum_itself():
    config = ArrayConfig(lanes=1, max_reduction=64)
    words = random_words(np.random.default_rng(2), config)
    for name in ("residual", "residual_multiplier", "bias", "shift"):
        words[name] = np.zeros(COUNT, int)
    words["multiplier"] = np.ones(COUNT, int)
    assert play(config, words, raw=True, held=0.0) == words["total"].tolist()
