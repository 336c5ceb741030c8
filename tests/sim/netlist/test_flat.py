import re

import numpy as np
import pytest

from tests.sim.netlist.tiny import netlist_json, tiny_library
from truncmac.sim.netlist.flat import flatten

# `below` inverts a, hands b through, and ties its third output to 1.
BELOW = {
    "ports": {
        "a": {"direction": "input", "bits": [2]},
        "b": {"direction": "input", "bits": [3]},
        "inverse": {"direction": "output", "bits": [4]},
        "same": {"direction": "output", "bits": [3]},
        "one": {"direction": "output", "bits": ["1"]},
    },
    "cells": {"i": {"type": "INV", "connections": {"A": [2], "Y": [4]}}},
    "netnames": {},
}


def hierarchical():
    cells = {
        "first": ("below", {"a": 2, "b": 3, "inverse": 4, "same": 5, "one": 6}),
        "second": ("below", {"a": 4, "b": 5, "inverse": 7, "same": 8, "one": 9}),
        "g": ("NAND2", {"A": 8, "B": 9, "Y": 10}),
        "r": ("DFF", {"CK": 20, "D": 10, "Q": 11}),
    }
    ports = {
        "clk": ("input", [20]),
        "x": ("input", [2, 3]),
        "y": ("output", [7, 11, 6]),
    }
    nets = {"state": [11], "y": [7, 11, 6]}
    return netlist_json(cells, ports, nets, {"below": BELOW})


def test_nets_that_modules_hand_through_or_tie_are_one(tmp_path):
    netlist = flatten(hierarchical(), "top", tiny_library(tmp_path))
    groups = {group.cell.name: group for group in netlist.groups}
    x, y = netlist.ports["x"], netlist.ports["y"]
    assert groups["NAND2"].nets("A").tolist() == [x[1]]
    assert groups["NAND2"].nets("B").tolist() == [1]
    assert y[2] == 1
    first, second = groups["INV"].pins.tolist()
    assert first[0] == x[0]
    assert second == [first[1], y[0]]
    assert (netlist.cells, netlist.area) == (4, 1.0 + 1.0 + 1.5 + 6.0)


def test_scopes_name_the_register_that_is_served(tmp_path):
    netlist = flatten(hierarchical(), "top", tiny_library(tmp_path))
    area = netlist.area_by_scope()
    assert area == {"below/>inverse": 2.0, "top/state": 7.5}


def test_unconnected_outputs_have_nets_of_their_own(tmp_path):
    cells = {"a": ("INV", {"A": 2}), "b": ("INV", {"A": 2})}
    netlist = flatten(netlist_json(cells, {"x": ("input", [2])}), "top", tiny_library(tmp_path))
    outputs = netlist.groups[0].nets("Y")
    assert len(set(outputs.tolist()) | {0, 1, *netlist.ports["x"].tolist()}) == 5


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("LATCH", "Netlist holds a cell of unknown kind LATCH in module top"),
        ("$add", "Cell $add of module top has not been mapped to the library"),
    ],
)
def test_unknown_cells(tmp_path, kind, message):
    json = netlist_json({"c": (kind, {"A": 2, "Y": 3})}, {"x": ("input", [2])})
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        flatten(json, "top", tiny_library(tmp_path))


def test_instances_share_no_nets(tmp_path):
    netlist = flatten(hierarchical(), "top", tiny_library(tmp_path))
    outputs = np.concatenate([group.nets(group.cell.outputs[0]) for group in netlist.groups])
    assert len(set(outputs.tolist())) == len(outputs)
