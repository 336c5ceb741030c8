"""A cell driven alone takes what its library says: looked up by a reader of this file's own.

The small library always; others too where LIBERTY_DIR names a folder that has them.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from tests.sim.netlist.tiny import netlist_json, write_tiny
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.gates import GateSimulator
from truncmac.sim.netlist.liberty import read_liberty
from truncmac.sim.netlist.power import POWER_PARTS, PowerModel

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
TOGGLES = 10
# File, cell, pins: the one that toggles, those held at one, the output
TINY = [
    ("tiny.lib", "INV", "A", "", "Y"),
    ("tiny.lib", "NAND2", "B", "A", "Y"),
    ("tiny.lib", "BUF", "A", "", "Y"),
]
OTHERS = [
    ("sg13g2_stdcell_typ_1p20V_25C.lib", "sg13g2_inv_1", "A", "", "Y"),
    ("sg13g2_stdcell_typ_1p20V_25C.lib", "sg13g2_nand2_1", "B", "A", "Y"),
    ("sg13g2_stdcell_typ_1p20V_25C.lib", "sg13g2_buf_4", "A", "", "X"),
    ("sky130_fd_sc_hd__tt_025C_1v80.lib", "sky130_fd_sc_hd__inv_1", "A", "", "Y"),
    ("sky130_fd_sc_hd__tt_025C_1v80.lib", "sky130_fd_sc_hd__clkbuf_1", "A", "", "X"),
    ("sky130_fd_sc_hd__tt_025C_1v80.lib", "sky130_fd_sc_hd__buf_4", "A", "", "X"),
]
FOLDER = os.environ.get("LIBERTY_DIR")
FOUND = [case for case in OTHERS if FOLDER and (Path(FOLDER) / case[0]).exists()]


def group(text, opening):
    """What is between the braces of the first group that `opening` finds."""
    start = re.search(opening + r"\s*\{", text).end()
    depth = 1
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if not depth:
            return text[start:end]
    raise AssertionError(opening)


def numbers(text, name):
    found = re.search(name + r'\s*\(([\s\\",\d.eE+-]*)\)', text)[1]
    return [float(n) for n in re.findall(r"[-+.\deE]+", found)]


def looked_up(text, cell, pin, related, slew, load):
    """Mean of rising and falling internal energy, pJ: slew in ns, load in pF."""
    body = group(group(text, rf'cell\s*\(\s*"?{cell}"?\s*\)'), rf'pin\s*\(\s*"?{pin}"?\s*\)')
    at, block = 0, ""
    for match in re.finditer(r"internal_power\s*\(\s*\)", body):
        block = group(body[match.start() :], r"internal_power\s*\(\s*\)")
        at += 1
        if re.search(rf'related_pin\s*:\s*"{related}"', block):
            break
    assert at
    total = 0.0
    for edge in ("rise_power", "fall_power"):
        table = group(block, edge + r'\s*\(\s*"?\w+"?\s*\)')
        slews, loads = numbers(table, "index_1"), numbers(table, "index_2")
        values = np.array(numbers(table, "values")).reshape(len(slews), len(loads))
        rows = [np.interp(load, loads, row) for row in values]
        total += np.interp(slew, slews, rows)
    return total / 2


@pytest.mark.parametrize(("name", "cell", "toggling", "held", "output"), TINY + FOUND)
@pytest.mark.parametrize(("slew_ps", "load_ff"), [(100.0, 25.0), (63.0, 4.7), (500.0, 90.0)])
def test_energy_equals_the_librarys(tmp_path, name, cell, toggling, held, output, slew_ps, load_ff):
    path = write_tiny(tmp_path, bent=2.0) if name == "tiny.lib" else Path(FOLDER) / name
    library = read_liberty([path])
    pins = {toggling: 3, output: 4} | dict.fromkeys(held, "1")
    ports = {"clk": ("input", [2]), "x": ("input", [3]), "y": ("output", [4])}
    netlist = flatten(netlist_json({"u": (cell, pins)}, ports), "top", library)
    model = PowerModel(netlist, np.full(netlist.nets, slew_ps), wire_scale=0.0)
    out = int(netlist.ports["y"][0])
    model.load[:] = 0.0
    model.load[out] = load_ff
    simulator = GateSimulator(netlist, tmp_path, seed=None)
    words = np.arange(TOGGLES + 1, dtype=np.uint64)[:, None] % np.uint64(2) * ALL
    simulator.play(["x"], words, ["y"])
    parts = model.energy(simulator.activity(len(words))).parts.sum(axis=0)

    expected = looked_up(path.read_text(), cell, output, toggling, slew_ps / 1000, load_ff / 1000)
    internal = parts[POWER_PARTS.index("internal")]
    inputs = sum(
        pin.direction == "input" and bool(pin.powers) for pin in library.cells[cell].pins.values()
    )
    assert not inputs, "the cell's inputs have tables of their own"
    assert internal == pytest.approx(TOGGLES * expected * 1000, rel=1e-6)
    half = 0.5 * library.voltage**2
    assert parts[POWER_PARTS.index("switching")] == pytest.approx(TOGGLES * half * load_ff)
