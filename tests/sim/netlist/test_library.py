import numpy as np
import pytest

from truncmac.sim.netlist.library import LookupTable


def test_tables_interpolate_and_extend():
    table = LookupTable(
        np.array([0.0, 10.0]), np.array([0.0, 1.0, 3.0]), np.array([[0, 1, 5], [10, 11, 15.0]])
    )
    assert table(5, 0.5) == pytest.approx(5.5)
    assert table(0, 2) == pytest.approx(3.0)
    assert table(20, 4) == pytest.approx(20 + 7)  # beyond both ends, along the last interval
    assert table([0, 10], [0, 3]).tolist() == [0.0, 15.0]
    single = LookupTable(np.zeros(1), np.zeros(1), np.array([[7.0]]))
    assert single([1, 2], [3, 4]).tolist() == [7.0, 7.0]
