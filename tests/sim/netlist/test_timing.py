import re
import shutil
import subprocess

import numpy as np
import pytest

from tests.sim.netlist.test_gates import random_netlist
from tests.sim.netlist.tiny import SETUP, netlist_json, tiny_library, to_verilog, write_tiny
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.timing import analyse_timing, fo4


def test_a_path_by_hand(tmp_path):
    cells = {
        "a": ("DFF", {"CK": 2, "D": 7, "Q": 3}),
        "n": ("NAND2", {"A": 3, "B": 4, "Y": 5}),
        "i": ("INV", {"A": 5, "Y": 6}),
        "b": ("DFF", {"CK": 2, "D": 6, "Q": 7}),
    }
    ports = {"clk": ("input", [2]), "x": ("input", [4]), "y": ("output", [7])}
    json = netlist_json(cells, ports, {"a": [3], "b": [7]})
    timing = analyse_timing(flatten(json, "top", tiny_library(tmp_path)), wire_scale=0.0)
    # The clock's slew is that of inverters with four pins of 1 fF: 20 + 5 x 4 + 0.2 x itself
    launch = 40 + 10 * 1.0 + 0.1 * 50  # to one pin of 1 fF
    nand = 15 + 10 * 1.0 + 0.1 * 35  # slew of the register: 20 + 5 x 1 + 0.2 x 50
    inverter = 10 + 10 * 1.0 + 0.1 * 35  # the worst slew: of x, which comes with 50
    assert timing.worst.delay_ps == pytest.approx(launch + nand + inverter)
    assert timing.worst.setup_ps == pytest.approx(SETUP)
    assert timing.period_ps == pytest.approx(launch + nand + inverter + SETUP)
    assert timing.worst.scope == "top/b"


def test_fo4_of_the_inverter(tmp_path):
    delay, slew = fo4(tiny_library(tmp_path))
    assert slew == pytest.approx(50)
    assert delay == pytest.approx(10 + 10 * 4 + 0.1 * 50)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_longest_path_equals_opensta(tmp_path, seed):
    sta = shutil.which("sta")
    assert sta, "OpenSTA is not installed (sudo apt-get install opensta)"
    json = random_netlist(seed)
    library = write_tiny(tmp_path)
    netlist = flatten(json, "top", tiny_library(tmp_path))
    timing = analyse_timing(netlist, wire_scale=0.0)
    _, slew = fo4(netlist.library)
    (tmp_path / "top.v").write_text(to_verilog(json))
    (tmp_path / "run.tcl").write_text(
        f"""read_liberty {library.name}
read_verilog top.v
link_design top
create_clock -name clk -period 100 [get_ports clk]
set_input_transition {slew / 1000} [all_inputs]
set_clock_transition {slew / 1000} [get_clocks clk]
set_input_delay 0 -clock clk [get_ports x]
report_checks -path_delay max -digits 6 -fields {{slew capacitance}}
exit
"""
    )
    run = subprocess.run(
        [sta, "run.tcl"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    found = re.findall(r"^\s*-?([\d.]+)\s+data arrival time", run.stdout, re.M)
    assert found, run.stdout
    setup = re.findall(r"^\s+-([\d.]+)\s+[\d.]+\s+library setup time", run.stdout, re.M)
    assert timing.worst.delay_ps == pytest.approx(float(found[0]) * 1000, abs=0.01), run.stdout
    assert timing.worst.setup_ps == pytest.approx(float(setup[0]) * 1000, abs=0.01)
    assert np.isfinite(timing.period_ps)
