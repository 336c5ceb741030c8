import re

import pytest

from truncmac.sim.tools import ToolMissingError, check_simulator


def test_known_simulators_are_found():
    check_simulator("verilator")
    check_simulator("icarus")


def test_an_unknown_simulator_is_refused_with_the_known_ones():
    message = "Simulator must be one of verilator, icarus, not 'vcs'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_simulator("vcs")


@pytest.mark.parametrize(
    ("simulator", "program", "install"),
    [("icarus", "iverilog", "iverilog"), ("verilator", "g++", "g++")],
)
def test_a_missing_tool_is_named_with_its_cure(monkeypatch, tmp_path, simulator, program, install):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = (
        f"{program} is missing: {simulator} needs it. "
        f"Install it with: sudo apt-get install {install}"
    )
    with pytest.raises(ToolMissingError, match=f"^{re.escape(message)}$"):
        check_simulator(simulator)
