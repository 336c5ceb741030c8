import numpy as np

from truncmac.sim.cycles.recurrences import ramp_sum


def test_ramp_sums_equal_loops():
    rng = np.random.default_rng(1)
    first, slope, count, most = rng.integers([0, -7, 0, 0], [30, 8, 12, 20], (5000, 4)).T
    expected = [
        sum(min(max(f + i * s, 0), m) for i in range(c))
        for f, s, c, m in zip(*(a.tolist() for a in (first, slope, count, most)), strict=True)
    ]
    np.testing.assert_array_equal(ramp_sum(first, slope, count, most), expected)
