"""The serial requantiser against golden."""

import numpy as np
import pytest

from benchmarks.drain.serial import SerialRequantiser
from tests.hw.test_requantiser import random_words
from tests.support import simulate
from truncmac.golden import Requantisation, requantise
from truncmac.hw.config import ArrayConfig

CONFIG = ArrayConfig(lanes=1, max_reduction=64, multiplier_bits=18)
COUNT = 120
PARAMETERS = ("multiplier", "residual_multiplier", "bias", "shift")


def play(words, cycles, raw, held):
    """Results of `words`, one every `cycles` cycles in which the unit advances."""
    rng = np.random.default_rng(0)
    dut = SerialRequantiser(CONFIG, cycles)
    results = []

    async def drive(ctx):
        ctx.set(dut.raw, int(raw))
        steps = 0
        while len(results) < COUNT:
            advance = int(rng.random() >= held)
            index, digit = divmod(steps, cycles)
            ctx.set(dut.advance, advance)
            ctx.set(dut.valid, int(index < COUNT and digit == 0))
            if index < COUNT:
                now = {name: int(values[index]) for name, values in words.items()}
                for name in ("total", "residual", "limit"):
                    ctx.set(getattr(dut, name), now[name])
                ctx.set(dut.parameters, {name: now[name] for name in PARAMETERS})
            await ctx.tick()
            steps += advance
            word, rest = divmod(steps - dut.latency, cycles)
            if advance and word >= 0 and rest == 0:
                results.append(ctx.get(dut.result))

    simulate(dut, drive)
    return results


def expected(words):
    """Codes of golden."""
    return [
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


@pytest.mark.parametrize("cycles", [2, 3, 4, 7])
@pytest.mark.parametrize("held", [0.0, 0.4])
def test_codes_equal_golden(cycles, held):
    words = random_words(np.random.default_rng(1), CONFIG)
    codes = expected(words)
    assert play(words, cycles, raw=False, held=held) == codes
    assert 20 < np.count_nonzero(codes) < COUNT


@pytest.mark.parametrize("cycles", [2, 4])
def test_raw_results_are_not_clamped(cycles):
    words = random_words(np.random.default_rng(2), CONFIG)
    zeros = dict.fromkeys(("residual", "residual_multiplier", "bias", "shift"))
    words |= {name: np.zeros_like(words[name]) for name in zeros}
    words["multiplier"] = np.ones_like(words["multiplier"])
    assert play(words, cycles, raw=True, held=0.0) == words["total"][:COUNT].tolist()
