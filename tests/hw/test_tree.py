import pytest
from amaranth import Signal

from truncmac.hw.tree import adder_tree


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9])
def test_sums_every_term_once(count):
    assert adder_tree(range(1, count + 1)) == count * (count + 1) // 2


@pytest.mark.parametrize(("count", "levels"), [(1, 0), (2, 1), (8, 3), (9, 4)])
def test_grows_by_a_bit_a_level(count, levels):
    assert len(adder_tree(Signal(8) for _ in range(count))) == 8 + levels
