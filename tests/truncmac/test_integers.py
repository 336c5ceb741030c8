from fractions import Fraction
from math import ceil

import numpy as np

from truncmac.integers import ceil_div


def test_rounds_up():
    for a in range(-9, 10):
        for b in (-4, -3, -1, 1, 2, 3, 7):
            assert ceil_div(a, b) == ceil(Fraction(a, b))
    assert ceil_div(10**30 + 1, 10) == 10**29 + 1


def test_arrays_are_broadcast():
    found = ceil_div(np.array([[0], [7], [8], [9]]), np.array([8, 3]))
    np.testing.assert_array_equal(found, [[0, 0], [1, 3], [1, 3], [2, 3]])
