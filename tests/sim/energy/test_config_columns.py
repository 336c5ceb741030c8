"""Sizes of many arrays as columns."""

import copy

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.config_columns import ConfigColumns

CONFIGS = [ArrayConfig(4, 8, 16, 2), ArrayConfig(12, 6, 4, 8), ArrayConfig(1, 1, 1, 1)]
CONFIGS.append(CONFIGS[0])  # it is asked once


@pytest.mark.parametrize("name", ["rows", "cols", "lanes", "planes", "requantisers", "sum_width"])
def test_a_size_is_a_column_with_a_row_for_each_array(name):
    columns = ConfigColumns(CONFIGS)
    found = getattr(columns, name)
    assert found.tolist() == [[getattr(config, name)] for config in CONFIGS]
    assert getattr(columns, name) is found  # it is made once


def test_what_no_array_has_is_not_there():
    """Names of Python's own are not asked of the arrays, so that a copy can be made."""
    columns = ConfigColumns(CONFIGS)
    for name in ("__array__", "_rows", "heights"):
        with pytest.raises(AttributeError, match=name):
            getattr(columns, name)
    np.testing.assert_array_equal(copy.copy(columns).rows, columns.rows)
