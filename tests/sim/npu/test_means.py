"""The mean by a product and a shift is exact for every sum, and its factor fits a descriptor."""

import numpy as np
import pytest

from truncmac.descriptors import FIELDS, Operation
from truncmac.sim.npu.means import reciprocal

WIDTHS = {field.name: field.width for field in FIELDS[Operation.POOL]}


@pytest.mark.parametrize(
    "counts", [range(1, 200), (225, 256, 49 * 49, 112 * 112), (254 * 255, 255 * 255)]
)
def test_every_sum_of_windows_of_many_sizes(counts):
    for count in counts:
        factor, shift = reciprocal(count)
        assert factor < 1 << WIDTHS["reciprocal"]
        assert shift < 1 << WIDTHS["shift"]
        doubled = 2 * np.arange(255 * count + 1, dtype=np.int64) + count
        assert np.array_equal(doubled * factor >> shift, doubled // (2 * count)), count


def test_the_shift_is_the_smallest():
    """With any smaller one, the factor that is rounded up gives a wrong mean of 3 codes."""
    factor, shift = reciprocal(3)
    doubled = 2 * np.arange(255 * 3 + 1) + 3
    for smaller in range(shift):
        rounded_up = -(-(1 << smaller) // 6)
        assert not np.array_equal(doubled * rounded_up >> smaller, doubled // 6)
    assert factor == -(-(1 << shift) // 6)
    assert reciprocal(4) == (1, 3)
