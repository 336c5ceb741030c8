"""How near the RTL comes to its peak, by its own counters."""

import numpy as np
import pytest

from tests.support import assert_exact
from truncmac.golden import Gemm, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.cosim import simulate


@pytest.mark.parametrize("planes", [pytest.param(1, marks=pytest.mark.long), 2])
def test_a_long_divisible_product_reaches_99_percent_of_the_peak_at_every_k(build_root, planes):
    config = ArrayConfig(4, 4, 4, planes, 512)
    rng = np.random.default_rng(planes)
    gemms = [
        Gemm(
            name=f"k{bits}",
            activations=rng.integers(0, 256, (4 * 10, 512), np.uint8),
            codes=rng.integers(0, 256, (512, 4 * 6), np.uint8),
            bits=bits,
            offset=weight_offset(bits),
        )
        for bits in range(1, 9)
    ]
    outcomes = simulate(gemms, config, build_root=build_root)
    assert_exact(outcomes, config)
    for outcome in outcomes:
        chunks = -(-outcome.gemm.bits // planes)
        peak = config.rows * config.cols * config.lanes / chunks
        assert outcome.gemm.macs / outcome.cycles >= 0.99 * peak
        assert outcome.counters["busy"] == outcome.counters["chunks"]
