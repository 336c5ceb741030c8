"""Our gate-level simulation beside Icarus, Verilator and OpenSTA, net by net.

docs/explanation/energy.md explains.
"""

import os
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.judges.simulators import (
    ALL,
    flat_verilog,
    icarus_toggles,
    input_ports,
    opensta_sdf,
    plain_sdf,
    sdf_delays,
    specified_models,
    verilator_toggles,
)
from tests.sim.characterise.test_characterise import PERIOD
from tests.sim.netlist.test_gates import random_netlist
from tests.sim.netlist.tiny import tiny_library, write_tiny
from truncmac.hw.config import ArrayConfig
from truncmac.hw.tile import tile_layout
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.sim.netlist.fanout import clock_nets
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.gates import GateSimulator
from truncmac.sim.netlist.glitches import TICKS_PER_PS, Probe
from truncmac.sim.netlist.liberty import read_liberty
from truncmac.sim.netlist.mapping import MappingOptions, map_verilog
from truncmac.sim.netlist.timing import analyse_timing, fo4

CYCLES = 120
CONFIG = ArrayConfig(1, 1, 2, 1, max_reduction=16, requantisers=1, multiplier_bits=4)
TIMED = ArrayConfig(2, 2, 4, 2, max_reduction=64, requantisers=1, multiplier_bits=8)
FOLDER = Path(os.environ.get("LIBERTY_DIR", "/nowhere"))
FOUND = [
    name
    for name in ("sg13g2_stdcell_typ_1p20V_25C.lib", "sky130_fd_sc_hd__tt_025C_1v80.lib")
    if (FOLDER / name).exists()
]
FALLING = 13.0  # ps that a falling edge takes longer, where edges differ


def random_words(netlist, seed=1):
    width = sum(len(netlist.ports[name]) for name in input_ports(netlist))
    return np.random.default_rng(seed).integers(0, 2, (CYCLES, width)).astype(np.uint64)


def core_words(netlist, config):
    """Tiles of k = 3 one after the other, random operands; each stream pauses now and then."""
    rng = np.random.default_rng(1)
    fields = {"bits": 3, "beats": 2, "offset": 7, "limit": 15, "residual": 1, "fresh": 1}
    command = tile_layout(config).const(fields).as_value().value
    columns = []
    for name in input_ports(netlist):
        width = len(netlist.ports[name])
        if name in ("rst", "clear"):
            bits = np.zeros((CYCLES, 1))
            bits[:3] = name == "rst"
        elif name == "tiles__payload":
            bits = np.tile([command >> i & 1 for i in range(width)], (CYCLES, 1))
        elif name.endswith(("valid", "ready")):
            bits = rng.random((CYCLES, 1)) < 0.9
        else:
            bits = rng.integers(0, 2, (CYCLES, width))
        columns.append(np.asarray(bits, np.uint64))
    return np.concatenate(columns, axis=1)


def zero_delay_toggles(netlist, words, folder):
    """Ours, by net, of the cycles that the bench dumps, and the nets that begin at one."""
    ports = input_ports(netlist)
    first = GateSimulator(netlist, folder, seed=None)
    first.play(ports, words[:1] * ALL, ports)
    simulator = GateSimulator(netlist, folder, seed=None)
    simulator.play(ports, words[:-1] * ALL, ports)
    edges = simulator.toggles.copy()
    simulator = GateSimulator(netlist, folder, seed=None)
    simulator.play(ports, words * ALL, ports)
    clocks = clock_nets(netlist)  # the last cycle's edge falls outside of the dump
    counts = np.where(clocks, edges, simulator.toggles) // 64
    found = {net: int(counts[net]) for net in range(2, netlist.nets) if counts[net]}
    return found, {net for net in range(2, netlist.nets) if first.previous[net] and not clocks[net]}


def without_wire_load(path, folder):
    """A copy of a library whose nets are their pins alone, for OpenSTA as for us."""
    copy = folder / path.name
    copy.write_text(re.sub(r"default_wire_load\s*:[^;]*;", "", path.read_text()))
    return copy


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    folder = tmp_path_factory.mktemp("core")
    library = tiny_library(folder)
    json = map_verilog(core_verilog(CONFIG), TOP, library, MappingOptions(PERIOD), folder)
    return flatten(json, TOP, library)


def test_toggles_equal_icarus(tmp_path):
    netlist = flatten(random_netlist(4, gates=300, registers=40), "top", tiny_library(tmp_path))
    words = random_words(netlist)
    ours, _ = zero_delay_toggles(netlist, words, tmp_path)
    theirs, _ = icarus_toggles(tmp_path, netlist, words)
    assert len(ours) > netlist.nets // 3
    assert ours == theirs


@pytest.mark.long
def test_toggles_of_a_whole_core_equal_icarus(core, tmp_path):
    words = core_words(core, CONFIG)
    ours, _ = zero_delay_toggles(core, words, tmp_path)
    theirs, _ = icarus_toggles(tmp_path, core, words)
    assert len(ours) > core.nets // 3
    assert ours == theirs


def test_a_wrong_gate_is_noticed_by_icarus(tmp_path, monkeypatch):
    netlist = flatten(random_netlist(4), "top", tiny_library(tmp_path))
    words = random_words(netlist)
    ours, _ = zero_delay_toggles(netlist, words, tmp_path)
    right = flat_verilog(netlist)
    wrong = right.replace("  XOR2 ", "  AND2 ", 1)
    assert wrong != right
    monkeypatch.setattr("tests.judges.simulators.flat_verilog", lambda netlist: wrong)
    theirs, _ = icarus_toggles(tmp_path, netlist, words)
    assert ours != theirs


@pytest.mark.long
def test_toggles_equal_verilators_saif(tmp_path):
    netlist = flatten(random_netlist(4, gates=300, registers=40), "top", tiny_library(tmp_path))
    words = random_words(netlist)
    ours, begins_at_one = zero_delay_toggles(netlist, words, tmp_path)
    theirs = verilator_toggles(tmp_path, netlist, words)
    # Verilator counts a net that begins at one as a toggle from zero
    theirs = {net: count - (net in begins_at_one) for net, count in theirs.items()}
    assert ours == {net: count for net, count in theirs.items() if count}


def beside_icarus(netlist, folder, words, liberty="tiny.lib"):
    """Timed toggles by net: of the settled states, ours, and Icarus' with OpenSTA's delays."""
    _, slew = fo4(netlist.library)
    delays = sdf_delays(opensta_sdf(folder, netlist, liberty, slew))
    (folder / "plain.sdf").write_text(plain_sdf(netlist, delays))
    theirs, said = icarus_toggles(
        *(folder, netlist, words, specified_models(netlist), '$sdf_annotate("plain.sdf", dut);'),
        options=["-gspecify", "-Tmax"],
    )
    assert "ERROR" not in said
    simulator = GateSimulator(netlist, folder, seed=None)
    probe = Probe(netlist, analyse_timing(netlist, wire_scale=0.0), simulator.kinds)
    probe.reset(1)
    ports = input_ports(netlist)
    simulator.play(ports, words * ALL, ports, probe=probe.reference)
    timed, settled = probe.activities(simulator.ones, len(words))
    nets = np.flatnonzero(~clock_nets(netlist))[2:]
    counts = np.array([theirs.get(net, 0) for net in nets.tolist()])
    return settled.toggles[nets], timed.toggles[nets], counts


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("falling", [0.0, FALLING])
def test_delays_equal_opensta(tmp_path, seed, falling):
    netlist = flatten(random_netlist(seed), "top", tiny_library(tmp_path, falling=falling))
    _, slew = fo4(netlist.library)
    theirs = sdf_delays(opensta_sdf(tmp_path, netlist, "tiny.lib", slew))
    cells = [(g.cell, row) for g in netlist.groups for row in g.pins.tolist()]
    drives = {row[-1]: (number, cell) for number, (cell, row) in enumerate(cells)}
    probe = Probe(netlist, analyse_timing(netlist, wire_scale=0.0), {c.name: 0 for c, _ in cells})
    at, compared = probe.arrays, 0
    for index, start in enumerate(at["pins_at"][:-1]):
        inputs = int(at["inputs"][index])
        number, cell = drives[int(at["pins"][start + inputs])]
        first = at["delays_at"][index]
        for pin, name in enumerate(cell.inputs):
            fall, rise = at["delays"][first + 2 * pin : first + 2 * pin + 2] / TICKS_PER_PS
            expected = theirs[number, name, cell.outputs[0]]
            assert (rise, fall) == pytest.approx(expected, abs=0.51 / TICKS_PER_PS)
            compared += 1
    assert compared == sum(len(c.inputs) for c, _ in cells if c.register is None)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_timed_toggles_equal_icarus_with_openstas_delays(tmp_path, seed):
    netlist = flatten(random_netlist(seed), "top", tiny_library(tmp_path))
    settled, ours, theirs = beside_icarus(netlist, tmp_path, random_words(netlist))
    assert ours.tolist() == theirs.tolist()
    assert ours.sum() > settled.sum()


def test_other_delays_are_noticed(tmp_path, monkeypatch):
    netlist = flatten(random_netlist(1), "top", tiny_library(tmp_path))
    slower = partial(analyse_timing, wire_scale=1.0)  # with the load of wires
    monkeypatch.setattr(
        "tests.judges.test_netlists.analyse_timing", lambda n, wire_scale: slower(n)
    )
    _, ours, theirs = beside_icarus(netlist, tmp_path, random_words(netlist))
    assert ours.tolist() != theirs.tolist()


@pytest.mark.parametrize(("falling", "nets", "total"), [(0.0, 0.95, 0.005), (FALLING, 0.7, 0.03)])
def test_where_rules_differ_the_difference_is_small(tmp_path, falling, nets, total):
    """Pulses that overlap, and edges that overtake; sizes are in docs/explanation/energy.md."""
    library = tiny_library(tmp_path, falling=falling)
    netlist = flatten(random_netlist(1, gates=400), "top", library)
    settled, ours, theirs = beside_icarus(netlist, tmp_path, random_words(netlist))
    assert np.mean(ours == theirs) >= nets
    assert ours.sum() == pytest.approx(theirs.sum(), rel=total)
    assert ours.sum() > 1.2 * settled.sum()


# The small library's delays are round numbers, so that many edges coincide
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "nets", "total"), [("tiny.lib", 0.85, 0.03), *((name, 0.7, 0.01) for name in FOUND)]
)
def test_timed_toggles_of_a_whole_core_come_near_icarus(tmp_path, name, nets, total):
    path = (
        write_tiny(tmp_path) if name == "tiny.lib" else without_wire_load(FOLDER / name, tmp_path)
    )
    library = read_liberty([path])
    period = PERIOD if name == "tiny.lib" else 4000.0
    json = map_verilog(core_verilog(TIMED), TOP, library, MappingOptions(period), tmp_path)
    netlist = flatten(json, TOP, library)
    words = core_words(netlist, TIMED)
    settled, ours, theirs = beside_icarus(netlist, tmp_path, words, name)
    print(
        f"{name}: {netlist.cells} cells, {settled.sum()} toggles settled, {ours.sum()} ours, "
        f"{theirs.sum()} Icarus', {np.mean(ours == theirs):.1%} of the nets equal"
    )
    assert ours.sum() > 1.2 * settled.sum()
    assert ours.sum() == pytest.approx(theirs.sum(), rel=total)
    assert np.mean(ours == theirs) >= nets
    moved = np.argsort(theirs)[len(theirs) // 2 :]
    assert np.corrcoef(ours[moved], theirs[moved])[0, 1] > 0.98
