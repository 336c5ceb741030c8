"""The netlist that docs/explanation/energy.md works out by hand."""

import numpy as np
import pytest

from tests.sim.netlist.tiny import LEAKAGE, netlist_json, tiny_library
from truncmac.sim.netlist.fanout import FANOUT, add_buffers, loads, wire_fanout_ff
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.gates import GateSimulator
from truncmac.sim.netlist.power import POWER_PARTS, PowerModel
from truncmac.sim.netlist.timing import analyse_timing

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def worked(folder):
    """x is inverted into register a behind a gate; register b takes a in every cycle."""
    cells = {
        "i": ("INV", {"A": 4, "Y": 5}),
        "g": ("GATE", {"CK": 2, "E": 3, "GCK": 6}),
        "a": ("DFF", {"CK": 6, "D": 5, "Q": 7}),
        "b": ("DFF", {"CK": 2, "D": 7, "Q": 8}),
    }
    ports = {
        "clk": ("input", [2]),
        "enable": ("input", [3]),
        "x": ("input", [4]),
        "y": ("output", [8]),
    }
    json = netlist_json(cells, ports, {"a": [7], "b": [8]})
    return flatten(json, "top", tiny_library(folder))


def test_energy_of_a_few_cells_by_hand(tmp_path):
    netlist = worked(tmp_path)
    timing = analyse_timing(netlist, wire_scale=0.0)
    model = PowerModel(netlist, timing.mean_slew, wire_scale=0.0)
    simulator = GateSimulator(netlist, tmp_path, seed=None)
    # enable, x: eleven cycles, the first only sets the state from which toggles count
    enable = [0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    x = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    words = np.array([enable, x], np.uint64).T * ALL
    simulator.play(["enable", "x"], words, ["y"])
    # The play counts clock edges of all eleven cycles, the nets' toggles of the last ten
    energy = model.energy(simulator.activity(len(x)))
    by_scope = dict(zip(energy.scopes, energy.parts.tolist(), strict=True))

    half = 0.5  # C V^2 / 2 with V = 1, in fJ a fF
    toggles_x, toggles_enable, edges = 10, 2, 5
    states = 5  # a: 0 1 0 1 0 1 behind its five edges; b the same, a cycle later
    # Inverter: x (1 fF), its output (D of a, 1 fF), internal 1 fJ a toggle of the output
    # Register a: Q's net is D of b, 1 fF; internal 5 fJ
    switching = {
        "top/a": half * (toggles_x * 1.0 + toggles_x * 1.0 + toggles_enable * 1.0 + states * 1.0),
        "top/b": 0.0,  # y drives no pin
    }
    internal = {"top/a": toggles_x * 1.0 + states * 5.0, "top/b": states * 5.0}
    gated = 2 * edges * (half * 2.0 + 2.0 + 3.0)  # CK of a: 2 fF; gate's output 2, CK 3 fJ
    root = 2 * 11
    root_a = root * (half * 2.0 + 1.0)  # CK of the gate, 1 fJ
    root_b = root * (half * 2.0 + 3.0)
    assert POWER_PARTS == ("switching", "internal", "gated_clock", "root_clock")
    assert by_scope["top/a"] == pytest.approx(
        [switching["top/a"], internal["top/a"], gated, root_a]
    )
    assert by_scope["top/b"] == pytest.approx([switching["top/b"], internal["top/b"], 0.0, root_b])
    assert energy.leakage_nw == pytest.approx(4 * LEAKAGE)
    assert energy.leakage_fj(1000.0) == pytest.approx(4 * LEAKAGE * 11 * 1000 * 1e-6)


def test_wires_add_a_length_for_each_driven_pin(tmp_path):
    netlist = worked(tmp_path)
    pitch = (netlist.area / netlist.cells) ** 0.5
    assert wire_fanout_ff(netlist) == pytest.approx(0.2 * 2 * pitch)
    load, pins = loads(netlist, 1.0)
    clock = netlist.ports["clk"][0]
    assert pins[clock] == pytest.approx(4.0)
    assert load[clock] == pytest.approx(4.0 + 2 * wire_fanout_ff(netlist))


def test_nets_of_many_pins_get_buffers_and_do_the_same(tmp_path):
    count = FANOUT * FANOUT + 3
    cells = {f"i{n}": ("INV", {"A": 3, "Y": 10 + n}) for n in range(count)}
    ports = {"clk": ("input", [2]), "x": ("input", [3])}
    ports["y"] = ("output", list(range(10, 10 + count)))
    netlist = flatten(netlist_json(cells, ports), "top", tiny_library(tmp_path))
    before = netlist.cells
    add_buffers(netlist, 20.0)
    fanout = np.bincount(
        np.concatenate([g.pins[:, i] for g in netlist.groups for i in range(len(g.cell.inputs))])
    )
    assert fanout[2:].max() <= FANOUT
    assert netlist.cells == before + 17 + 2
    words = np.array([[0], [1], [1], [0]], np.uint64) * ALL
    record = GateSimulator(netlist, tmp_path).play(["x"], words, ["y"])
    assert np.array_equal(record, np.repeat(~words, count, axis=1))
