import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_sequence
from truncmac.sim.cycles.points import Products, Sizes
from truncmac.sim.cycles.recurrences import Recurrences, ramp_sum


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("gaps", [(1, 1, 1), (9, 1, 1), (1, 1, 40)])
def test_column_tiles_that_find_the_same_state_are_counted_at_once(monkeypatch, gaps, fresh):
    """Each of 10**9 column tiles takes what the 20th takes, and few are looked at."""
    looked, column = [], Recurrences._column

    def counted(*given):
        looked.append(given)
        assert len(looked) <= 200
        return column(*given)

    def found(column_tiles):
        looked.clear()
        values = (12, 10, 4 * column_tiles, 3, fresh)
        products = Products(*(np.array([value]) for value in values))
        sizes = Sizes.of(ArrayConfig(4, 4, 5, 1, max_reduction=20))
        names = ("activations", "weights", "parameters")
        (counts,) = count_sequence(products, sizes, **dict(zip(names, gaps, strict=True))).rows()
        return counts

    monkeypatch.setattr(Recurrences, "_column", counted)
    before, after = found(19), found(20)
    assert after["tiles"] - before["tiles"] == 3
    assert found(10**9) == {
        name: value + (10**9 - 20) * (value - before[name]) for name, value in after.items()
    }


def test_ramp_sums_equal_loops():
    rng = np.random.default_rng(1)
    first, slope, count, most = rng.integers([0, -7, 0, 0], [30, 8, 12, 20], (5000, 4)).T
    expected = [
        sum(min(max(f + i * s, 0), m) for i in range(c))
        for f, s, c, m in zip(*(a.tolist() for a in (first, slope, count, most)), strict=True)
    ]
    np.testing.assert_array_equal(ramp_sum(first, slope, count, most), expected)
