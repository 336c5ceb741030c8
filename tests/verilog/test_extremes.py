"""Each size of an array at both ends of its range, the others small: on the RTL, or read by tools.

What takes a simulator too long is elaborated and linted; `LINTED` lists it.
"""

import subprocess

import pytest

from tests.support import assert_exact
from truncmac.hw.config import LIMITS, ArrayConfig
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.rtl.stimulus import random_gemms

SMALL = {"rows": 2, "cols": 2, "lanes": 2, "planes": 1, "max_reduction": 12}
# Icarus would take more than two minutes for a tile of a million elements, or for 256 lanes.
LINTED = [("lanes", 256), ("max_reduction", 1 << 20)]
ENDS = [(name, end) for name, ends in LIMITS.items() for end in ends]


def config_at(name, end):
    """The small array with one size at an end, and what that end needs of the others."""
    sizes = SMALL | {name: end}
    if name == "requantisers":
        sizes["cols"] = max(end, SMALL["cols"])
    if name == "rows" and end == 1:
        sizes["requantisers"] = 1
    return ArrayConfig(**sizes)


def test_every_end_is_tried():
    assert len(ENDS) == 2 * len(LIMITS) == 14
    assert set(LINTED) < set(ENDS)


@pytest.mark.parametrize(("name", "end"), [pair for pair in ENDS if pair not in LINTED])
def test_outputs_and_counters_at_the_ends(name, end, build_root):
    config = config_at(name, end)
    few = end > 64
    gemms = random_gemms(config, bits=[8, 3, 1], count=2 if few else 6, tiles=1, seed=1)
    outcomes = simulate(gemms, config, simulator="icarus", build_root=build_root)
    assert any(outcome.gemm.requant is None for outcome in outcomes)
    assert any(outcome.gemm.requant is not None for outcome in outcomes)
    assert_exact(outcomes, config)


@pytest.mark.parametrize(("name", "end"), LINTED)
def test_the_largest_are_elaborated_and_linted(name, end, tmp_path):
    config = config_at(name, end)
    (tmp_path / "core.v").write_text(core_verilog(config))
    for command in (
        ["iverilog", "-g2005", "-Wall", "-s", TOP, "-o", "core", "core.v"],
        ["iverilog", "-g2005", "-tnull", "-s", TOP, "core.v"],
    ):
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert [line for line in run.stderr.splitlines() if "timescale" not in line] == []


def test_one_bit_of_multiplier_is_refused():
    """One signed bit holds -1 and 0: no M = 1, with which sums pass as they are."""
    with pytest.raises(ValueError, match=r"^multiplier_bits must be in 2\.\.32, not 1$"):
        ArrayConfig(multiplier_bits=1)
