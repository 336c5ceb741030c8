import pytest

from tests.sim.netlist.test_gates import random_netlist
from tests.sim.netlist.tiny import SETUP, netlist_json, tiny_library
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.paths import longest_paths
from truncmac.sim.netlist.timing import analyse_timing

PORTS = {"clk": ("input", [2]), "x": ("input", [4])}


def hand_made(tmp_path, *, falling=0.0):
    """Register a, NAND with x, an inverter, register b; and from b straight back to a."""
    cells = {
        "a": ("DFF", {"CK": 2, "D": 7, "Q": 3}),
        "n": ("NAND2", {"A": 3, "B": 4, "Y": 5}),
        "i": ("INV", {"A": 5, "Y": 6}),
        "b": ("DFF", {"CK": 2, "D": 6, "Q": 7}),
    }
    json = netlist_json(cells, PORTS, {"a": [3], "b": [7]})
    netlist = flatten(json, "top", tiny_library(tmp_path, falling=falling))
    return netlist, analyse_timing(netlist, wire_scale=0.0)


def test_each_register_has_its_longest_path(tmp_path):
    netlist, timing = hand_made(tmp_path)
    first, second = longest_paths(netlist, timing)
    assert (first.start, first.end, first.cells) == ("top/a", "top/b", 2)
    assert list(first.through) == ["top/b"]
    assert first.period_ps == pytest.approx(timing.period_ps)
    assert (second.start, second.end, second.cells, list(second.through)) == (
        *("top/b", "top/a", 0),
        [],
    )
    assert second.period_ps == pytest.approx(40 + 10 * 1.0 + 0.1 * 50 + SETUP)


def test_short_paths_are_left_out(tmp_path):
    netlist, timing = hand_made(tmp_path)
    (only,) = longest_paths(netlist, timing, above_ps=timing.period_ps - 1)
    assert only.end == "top/b"
    assert longest_paths(netlist, timing, above_ps=timing.period_ps) == []


def test_a_path_may_begin_at_an_input(tmp_path):
    cells = {
        "i": ("INV", {"A": 4, "Y": 5}),
        "r": ("DFF", {"CK": 2, "D": 5, "Q": 6}),
    }
    netlist = flatten(netlist_json(cells, PORTS, {"r": [6]}), "top", tiny_library(tmp_path))
    (path,) = longest_paths(netlist, analyse_timing(netlist, wire_scale=0.0))
    assert (path.start, path.end, path.cells) == ("input x", "top/r", 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_path_is_that_of_the_timing(tmp_path, seed):
    netlist = flatten(random_netlist(seed), "top", tiny_library(tmp_path, falling=7.0))
    timing = analyse_timing(netlist)
    paths = longest_paths(netlist, timing)
    assert paths[0].period_ps == pytest.approx(timing.period_ps)
    assert paths[0].end == timing.worst.scope
    periods = [path.period_ps for path in paths]
    assert periods == sorted(periods, reverse=True)
    assert len({path.end for path in paths}) == len(paths)
