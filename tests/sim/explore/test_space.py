import re

import numpy as np
import pytest

from truncmac.sim.explore.space import AXES, DesignSpace, axis_values


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (8, (8,)),
        ([4, 8], (4, 8)),
        ("4, 8,16", (4, 8, 16)),
        ("4..8", (4, 5, 6, 7, 8)),
        ("4..17+4", (4, 8, 12, 16)),
        ("4..64x2", (4, 8, 16, 32, 64)),
        (["1", "4..8x2"], (1, 4, 8)),
    ],
)
def test_an_axis_is_numbers_lists_and_ranges(given, values):
    assert axis_values("rows", given) == values


def test_requantisers_may_follow_the_rule():
    assert axis_values("requantisers", "auto,2") == (0, 2)


def test_bandwidths_may_be_fractions():
    assert axis_values("dram_gb_s", "0.5..2x2") == (0.5, 1.0, 2.0)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("rows", "four", "rows must be whole numbers of more than 0, not 'four'"),
        ("rows", 0, "rows must be whole numbers of more than 0, not 0"),
        ("rows", True, "rows must be whole numbers of more than 0, not True"),
        ("rows", 2.5, "rows must be whole numbers of more than 0, not 2.5"),
        ("rows", "auto", "rows must be whole numbers of more than 0, not 'auto'"),
        ("clock_mhz", "nan", "clock_mhz must be numbers of more than 0, not 'nan'"),
        ("clock_mhz", {}, "clock_mhz must be numbers of more than 0, not {}"),
        ("rows", [], "rows must have at least one value"),
        ("rows", "4,8,4", "rows must name each value once, not 4 several times"),
        (
            "rows",
            "8..4",
            "rows must be a rising range such as 4..16, 4..32+4 or 4..64x2, not '8..4'",
        ),
        (
            "rows",
            "4..8x1",
            "rows must be a rising range such as 4..16, 4..32+4 or 4..64x2, not '4..8x1'",
        ),
        ("rows", "1..100000", "rows must have at most 10000 values"),
    ],
)
def test_other_values_are_refused(name, given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        axis_values(name, given)


def test_designs_are_numbered_with_the_last_axis_fastest():
    axes = {name: (1,) for name in AXES} | {"rows": (4, 8), "planes": (1, 2), "clock_mhz": (50.0,)}
    space = DesignSpace({name: axes[name] for name in AXES})
    assert len(space) == 4
    designs = space.sizes_at(np.arange(4))
    assert designs["rows"].tolist() == [4, 4, 8, 8]
    assert designs["planes"].tolist() == [1, 2, 1, 2]
    assert designs["clock_mhz"].tolist() == [50.0] * 4
    assert space.point([1, 0, 0, 1, 0, 0, 0, 0, 0]) == 3
