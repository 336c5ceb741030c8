import re
import subprocess
import sys

import pytest

from truncmac.sim.extras import install_extra
from truncmac.sim.tools import ToolMissingError, check_simulator, run_tool


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


def test_a_tool_runs_in_its_folder_with_more_variables(tmp_path):
    code = "import os; print(os.getcwd(), os.environ['MORE'], 'PATH' in os.environ)"
    said = run_tool(
        *(sys.executable, "-c", code), folder=tmp_path, extra="energy", environment={"MORE": "1"}
    )
    assert said == f"{tmp_path} 1 True\n"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("one\nERROR: two\nthree\n", "ERROR: two"),
        ("1\n2\n3\n4\n", "2 3 4"),
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_tool_that_fails_is_an_error_with_what_it_said(tmp_path, written, told, stream):
    tool = tmp_path / "tool"
    tool.write_text(
        f"#!{sys.executable}\nimport sys\nprint({written!r}, file=sys.{stream})\nsys.exit(1)\n"
    )
    tool.chmod(0o755)
    with pytest.raises(RuntimeError, match=f"^tool failed: {told}$"):
        run_tool(str(tool), folder=tmp_path, extra="energy")


def test_a_tool_that_takes_too_long_is_ended(tmp_path):
    code = "import time; time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired):
        run_tool(sys.executable, "-c", code, folder=tmp_path, extra="energy", seconds=0.5)


def test_a_tool_of_an_extra_that_is_missing_is_named_with_its_cure(tmp_path):
    message = f"no-such-tool is missing. Install it with: {install_extra('fpga')}"
    with pytest.raises(ToolMissingError, match=f"^{re.escape(message)}$"):
        run_tool("no-such-tool", folder=tmp_path, extra="fpga")
