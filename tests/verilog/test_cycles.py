"""The cycle model equals the RTL's counters at random points: arrays, products, k and stalls."""

from itertools import islice

import pytest

from tools.sweep import PATTERNS, PRODUCTS_EACH, differences, random_sweeps

ARRAYS = 6
SEED = 20


def test_there_are_at_least_300_points():
    assert ARRAYS * PATTERNS * PRODUCTS_EACH >= 300


@pytest.mark.parametrize("array", range(ARRAYS))
def test_model_equals_rtl(build_root, array):
    sweeps = islice(random_sweeps(SEED), array * PATTERNS, (array + 1) * PATTERNS)
    for sweep in sweeps:
        assert differences(sweep, build_root) == []
