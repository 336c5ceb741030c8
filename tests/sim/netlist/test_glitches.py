import numpy as np
import pytest

from tests.sim.netlist.test_gates import CYCLES, INPUTS, net_numbers, random_netlist, reference
from tests.sim.netlist.tiny import netlist_json, tiny_library
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.gates import GateSimulator
from truncmac.sim.netlist.glitches import Probe
from truncmac.sim.netlist.timing import analyse_timing

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def timed(json, words, folder, ports=("x",), stride=1):
    netlist = flatten(json, "top", tiny_library(folder))
    simulator = GateSimulator(netlist, folder, seed=None)
    probe = Probe(netlist, analyse_timing(netlist, wire_scale=0.0), simulator.kinds)
    probe.reset(stride)
    simulator.play(ports, words, ["y"], probe=probe.reference)
    timed, settled = probe.activities(simulator.ones, len(words))
    return netlist, probe, timed.toggles, settled.toggles, simulator.toggles


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_settles_where_zero_delay_does_and_toggles_no_less(tmp_path, seed):
    words = np.random.default_rng(seed).integers(0, 2, (CYCLES, INPUTS)).astype(np.uint64) * ALL
    netlist, probe, with_delays, settled, zero = timed(random_netlist(seed), words, tmp_path)
    clocks = [
        int(netlist.ports["clk"][0]),
        int(netlist.groups[[g.cell.name for g in netlist.groups].index("GATE")].nets("GCK")[0]),
    ]
    rest = np.setdiff1d(np.arange(2, netlist.nets), clocks)
    assert np.array_equal(settled[rest], zero[rest] // 64)
    assert np.all(with_delays[rest] >= settled[rest])
    assert np.all((with_delays[rest] - settled[rest]) % 2 == 0)
    assert with_delays.sum() > settled.sum()
    assert probe.latest_ps > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_toggles_equal_icarus_with_delays(tmp_path, seed):
    json = random_netlist(seed)
    words = np.random.default_rng(seed).integers(0, 1 << INPUTS, CYCLES).tolist()
    numbers = net_numbers(json)
    delays = {bit: 3 + 7 * bit % 23 for bit in numbers}
    _, expected = reference(json, words, tmp_path, delays)

    netlist = flatten(json, "top", tiny_library(tmp_path))
    simulator = GateSimulator(netlist, tmp_path, seed=None)
    probe = Probe(netlist, analyse_timing(netlist), simulator.kinds)
    bits = {net: bit for bit, net in numbers.items()}
    cells = probe.arrays
    cells["launch"][:] = 0
    for cell, start in enumerate(cells["delays_at"][:-1]):
        out = int(cells["pins"][cells["pins_at"][cell] + cells["inputs"][cell]])
        cells["delays"][start : cells["delays_at"][cell + 1]] = delays[bits[out]]
    columns = np.array([[word >> i & 1 for i in range(INPUTS)] for word in words], np.uint64)
    simulator.play(["x"], columns * ALL, ["y"], probe=probe.reference)
    timed_activity, settled = probe.activities(simulator.ones, CYCLES)
    clocks = (2, 3)
    counted = {bit: int(timed_activity.toggles[net]) for bit, net in numbers.items()}
    found = {bit: count for bit, count in counted.items() if count and bit not in clocks}
    assert found == {bit: count for bit, count in expected.items() if bit not in clocks}
    assert timed_activity.toggles.sum() > settled.toggles.sum()


# x reaches one input of a gate at once, and the other through `count` inverters.
def hazard(count):
    cells = {f"i{n}": ("INV", {"A": 3 + n, "Y": 4 + n}) for n in range(count)}
    cells["g"] = ("AND2", {"A": 3, "B": 3 + count, "Y": 40})
    return netlist_json(cells, {"clk": ("input", [2]), "x": ("input", [3]), "y": ("output", [40])})


@pytest.mark.parametrize(
    ("inverters", "toggles"),
    [
        # AND2 takes 25 ps and a tenth of the slew to switch on or off; an inverter with one pin
        # to drive 20 ps and a tenth of the slew (50 of x, 35, 32, ...).
        (1, 0),  # the pulse of 25 ps is shorter than the gate's delay
        (3, 4),  # 72 ps: it comes through at each of two rising edges, both ways
    ],
)
def test_pulses_shorter_than_a_delay_do_not_pass(tmp_path, inverters, toggles):
    words = np.array([[0], [1], [0], [1], [0]], np.uint64) * ALL
    netlist, _, with_delays, settled, _ = timed(hazard(inverters), words, tmp_path)
    y = int(netlist.ports["y"][0])
    assert (settled[y], with_delays[y]) == (0, toggles)


def test_only_every_so_many_cycles_are_timed(tmp_path):
    words = np.array([[n % 2] for n in range(20)], np.uint64) * ALL
    _, probe, *_ = timed(hazard(1), words, tmp_path, stride=4)
    assert probe.structure.cycles == 4
