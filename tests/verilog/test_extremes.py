"""Each size of an array at both ends of its range, the others small, on the RTL."""

from itertools import product

import numpy as np
import pytest

from tests.support import assert_exact
from truncmac.golden import Gemm, Requantisation
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


# Of the others test_random.py has sizes near the ends
QUICK = [("rows", 1), ("cols", 1), ("lanes", 1), ("max_reduction", 1), ("multiplier_bits", 2)]
CASES = [
    pytest.param(*at, marks=() if at in QUICK else pytest.mark.long, id=f"{at[0]}-{at[1]}")
    for at in ENDS
]


@pytest.mark.parametrize(("name", "end"), CASES)
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


def test_every_operand_and_parameter_at_both_ends_at_once(build_root):
    """Sums of both signs as large as they get, with M, Mr, B, s and m at the ends of their widths.

    The sums are 2 D - z Q of 12 activations of 255: 2 x 12 x 255 x 255 at z = 0 and codes of 255,
    and -511 x 12 x 255 at codes of 0 and z = 511.
    """
    config = ArrayConfig(**SMALL)

    def ends(width):
        return (-(1 << width - 1), (1 << width - 1) - 1)

    # M has 18 bits, Mr 8 more, S 22 (12 x 255 x 511 has 21, and a sign), and B as many as M x S
    parameters = list(product(ends(18), ends(26), ends(40), (0, 63)))
    multiplier, more, bias, shift = np.array(parameters).T
    gemms, columns = [], len(parameters)
    for code, offset, sums in ((255, 0, 2 * 12 * 255 * 255), (0, 511, -511 * 12 * 255)):
        for out_bits in (None, 1, 8):
            requant = None
            if out_bits is not None:
                requant = Requantisation(
                    multiplier=multiplier,
                    bias=bias,
                    shift=shift,
                    out_bits=out_bits,
                    residual_multiplier=more,
                )
            gemm = Gemm(
                name=f"c{code}_z{offset}_{out_bits or 'raw'}",
                activations=np.full((2, 12), 255, np.uint8),
                codes=np.full((12, columns), code, np.uint8),
                bits=8,
                offset=offset,
                requant=requant,
                residual=None if requant is None else np.full((2, columns), 255, np.uint8),
            )
            assert set(gemm.sums().ravel().tolist()) == {sums}
            gemms.append(gemm)
    assert_exact(simulate(gemms, config, simulator="icarus", build_root=build_root), config)
