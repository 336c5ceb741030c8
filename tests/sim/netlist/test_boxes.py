import pytest

from tests.sim.netlist.tiny import SETUP, netlist_json, tiny_library
from truncmac.sim.netlist.boxes import BoxTiming, boxed
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.timing import analyse_timing

RAM = {
    "ports": {
        "clk": {"direction": "input", "bits": [2]},
        "given": {"direction": "input", "bits": [3, 4]},
        "answer": {"direction": "output", "bits": [5, 6]},
    },
    "cells": {},
    "netnames": {},
}
PORTS = {"clk": ("input", [2]), "x": ("input", [3])}
NETS = {"state": [10], "memory_given": [7]}


def with_memory():
    """A register, an inverter, a memory of two bits, an inverter, the register."""
    cells = {
        "r": ("DFF", {"CK": 2, "D": 9, "Q": 10}),
        "into": ("INV", {"A": 10, "Y": 7}),
        "out": ("INV", {"A": 8, "Y": 9}),
    }
    json = netlist_json(cells, PORTS, NETS, {"ram": RAM})
    connections = {"clk": [2], "given": [7, 3], "answer": [8, 11]}
    json["modules"]["top"]["cells"]["m"] = {"type": "ram", "connections": connections}
    return json


def timed(tmp_path, timing):
    json, library = boxed(with_memory(), tiny_library(tmp_path), {"ram": timing})
    netlist = flatten(json, "top", library)
    return netlist, analyse_timing(netlist, wire_scale=0.0)


def test_a_box_has_no_area_and_a_pin_for_each_bit(tmp_path):
    netlist, _ = timed(tmp_path, BoxTiming())
    assert netlist.area == 1.0 + 1.0 + 6.0
    box = next(group for group in netlist.groups if group.cell.name == "ram")
    assert box.names == ("clk[0]", "given[0]", "given[1]", "answer[0]", "answer[1]")
    assert box.nets("given[1]").tolist() == netlist.ports["x"].tolist()
    assert len({int(net) for net in box.pins[0]}) == 5


def test_a_path_out_of_a_box_begins_with_its_access(tmp_path):
    _, timing = timed(tmp_path, BoxTiming(access_ps=500.0, setup_ps=100.0))
    inverter = 10 + 10 * 1.0  # behind a steep edge
    assert timing.worst.scope == "top/state"
    assert timing.period_ps == pytest.approx(500 + inverter + SETUP)


def test_a_path_into_a_box_ends_with_its_setup(tmp_path):
    _, timing = timed(tmp_path, BoxTiming(access_ps=50.0, setup_ps=900.0))
    launch = 40 + 10 * 1.0 + 0.1 * 50
    inverter = 10 + 10 * 0.0 + 0.1 * 35  # a box's pins have no capacitance
    assert timing.period_ps == pytest.approx(launch + inverter + 900)


def test_a_box_that_is_no_module_is_refused(tmp_path):
    with pytest.raises(ValueError, match="^Black box rom must be a module of the netlist$"):
        boxed(with_memory(), tiny_library(tmp_path), {"rom": BoxTiming()})
