"""Each size of an array at both ends of its range, the others small, on the RTL."""

import pytest

from tests.support import assert_exact
from truncmac.hw.config import SIZE_LIMITS, ArrayConfig
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.rtl.stimulus import random_gemms

SMALL = {"rows": 2, "cols": 2, "lanes": 2, "planes": 1, "max_reduction": 12}
ENDS = [(name, end) for name, ends in SIZE_LIMITS.items() for end in ends]


def config_at(name, end):
    """The small array with one size at an end, and what that end needs of the others."""
    sizes = SMALL | {name: end}
    if name == "requantisers":
        sizes["cols"] = max(end, SMALL["cols"])
    if name == "rows" and end == 1:
        sizes["requantisers"] = 1
    return ArrayConfig(**sizes)


def test_every_end_is_tried():
    assert len(ENDS) == 2 * len(SIZE_LIMITS) == 14


LARGE = [
    pytest.param(name, end, marks=pytest.mark.long)
    if end >= 256 and name != "lanes"
    else (name, end)
    for name, end in ENDS
]


@pytest.mark.parametrize(("name", "end"), LARGE)
def test_outputs_and_counters_at_the_ends(name, end, build_root):
    config = config_at(name, end)
    large = end > 64
    long = name == "max_reduction" and large  # millions of cycles: too many for Icarus
    gemms = random_gemms(
        config, bits=[3, 1] if long else [8, 3, 1], count=2 if large else 6, tiles=1, seed=1
    )
    simulator = "verilator" if long else "icarus"
    outcomes = simulate(gemms, config, simulator=simulator, build_root=build_root)
    assert max(gemm.reduction for gemm in gemms) == config.max_reduction
    assert_exact(outcomes, config)


def test_one_bit_of_multiplier_is_refused():
    """One signed bit holds -1 and 0: no M = 1, with which sums pass as they are."""
    with pytest.raises(ValueError, match=r"^multiplier_bits must be in 2\.\.32, not 1$"):
        ArrayConfig(multiplier_bits=1)
