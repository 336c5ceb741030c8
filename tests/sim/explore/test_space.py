import re

import numpy as np
import pytest

from truncmac.sim.explore.space import AXES, AXES_OF, DesignSpace, axis_values


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
    own = AXES_OF["core"]
    axes = {name: (1,) for name in own} | {"rows": (4, 8), "planes": (1, 2), "clock_mhz": (50.0,)}
    space = DesignSpace({name: axes[name] for name in own})
    assert len(space) == 4
    designs = space.sizes_at(np.arange(4))
    assert designs["rows"].tolist() == [4, 4, 8, 8]
    assert designs["planes"].tolist() == [1, 2, 1, 2]
    assert designs["clock_mhz"].tolist() == [50.0] * 4
    assert space.point([1, 0, 0, 1, 0, 0, 0, 0, 0]) == 3


@pytest.mark.parametrize(
    ("name", "given", "values"),
    [
        ("rows", "4..4", (4,)),
        ("rows", "4..8+4", (4, 8)),
        ("rows", "3..12x2", (3, 6, 12)),
        ("rows", "3..11x2", (3, 6)),
        ("rows", " 4 .. 6 ", (4, 5, 6)),
        ("rows", "1..10+3", (1, 4, 7, 10)),
        ("rows", 4.0, (4,)),
        ("dram_gb_s", "1..2+0.5", (1.0, 1.5, 2.0)),
        ("dram_gb_s", "1..4x1.5", (1.0, 1.5, 2.25, 3.375)),
        ("rows", (8, "1..2"), (8, 1, 2)),
        ("rows", 999_999_999_999_999, (999_999_999_999_999,)),
        ("requantisers", ["auto", 1], (0, 1)),
        ("requantisers", "2, auto ", (2, 0)),
    ],
)
def test_ranges_hold_both_ends_and_values_keep_their_order(name, given, values):
    found = axis_values(name, given)
    assert found == values
    assert {type(value) for value in found} <= {int, AXES[name]}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("rows", [1, 5, 3, 5, 3], "rows must name each value once, not 3 several times"),
        ("clock_mhz", [64, 8, 64, 8], "clock_mhz must name each value once, not 8 several times"),
        ("rows", 10**15, "rows must be whole numbers of more than 0, not 1000000000000000"),
        ("rows", -1, "rows must be whole numbers of more than 0, not -1"),
        ("rows", "", "rows must be whole numbers of more than 0, not ''"),
        ("rows", None, "rows must be whole numbers of more than 0, not None"),
        ("dram_gb_s", 0.0, "dram_gb_s must be numbers of more than 0, not 0.0"),
        ("dram_gb_s", "inf", "dram_gb_s must be numbers of more than 0, not 'inf'"),
        ("rows", "0..4", "rows must be whole numbers of more than 0, not '0'"),
        ("rows", "4..8+", "rows must be whole numbers of more than 0, not ''"),
        (
            "dram_gb_s",
            "4..8x0.5",
            "dram_gb_s must be a rising range such as 4..16, 4..32+4 or 4..64x2, not '4..8x0.5'",
        ),
    ],
)
def test_more_values_are_refused(name, given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        axis_values(name, given)


def test_ten_thousand_values_are_the_most():
    assert len(axis_values("rows", "1..10000")) == 10_000
    assert len(axis_values("rows", ["1..9999", 10_000])) == 10_000
    for given in ("1..10001", ["1..10000", 10_001]):
        with pytest.raises(ValueError, match=r"^rows must have at most 10000 values$"):
            axis_values("rows", given)


def test_each_top_has_axes_of_its_own_and_no_others():
    assert {name for own in AXES_OF.values() for name in own} == set(AXES)
    assert set(AXES_OF["core"]) & set(AXES_OF["npu"]) == {
        *("rows", "cols", "lanes", "planes", "requantisers", "clock_mhz")
    }
    assert AXES_OF["core"][-1] == AXES_OF["npu"][-1] == "clock_mhz"
