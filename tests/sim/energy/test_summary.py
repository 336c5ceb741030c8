from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.efficiency import ENERGY_PARTS
from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.model import PARTS, Characterisation, load
from truncmac.sim.energy.summary import energy_summary
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.workloads.shapes import LayerShape, Workload

KIB = 1024
PLATFORM = Platform("p", ArrayConfig(8, 8, 16, 2), 1e8, Memory(64 * KIB, 64 * KIB, 3.2e9))
WORKLOAD = Workload("w", (LayerShape("a", 100, 144, 32), LayerShape("b", 20, 288, 10, bits=8)))
FIGURES = load(16, 2)
BITS = (8, 2)


@pytest.fixture(scope="module")
def found():
    energy = layer_energies(_layers(), FIGURES, PLATFORM.clock_hz)
    return analyse(WORKLOAD, PLATFORM, BITS, energy=energy)


def _layers():
    from truncmac.sim.schedule.layers import Layers

    return Layers.of(WORKLOAD)


@pytest.fixture(scope="module")
def summary(found):
    return energy_summary(found, FIGURES)


def test_parts_add_up_and_the_core_is_that_of_the_analysis(found, summary):
    for at, own in enumerate(summary["by_k"]):
        assert set(own["pj"]) == set(ENERGY_PARTS)
        assert sum(own["pj"][part] for part in PARTS) == pytest.approx(own["core_pj"])
        assert own["core_pj"] == pytest.approx(found.energy_pj[at].sum())
        assert sum(own["pj"].values()) == pytest.approx(own["total_pj"])
        assert own["core_zero_delay_pj"] < own["core_pj"]
        wires = own["core_wires_pj"]
        assert wires["0.0"] < wires["1.0"] < wires["2.0"]
        assert wires["1.0"] == pytest.approx(own["core_pj"])
        assert wires["2.0"] - wires["1.0"] == pytest.approx(wires["1.0"] - wires["0.0"], rel=0.05)


def test_efficiency_by_hand(found, summary):
    macs = WORKLOAD.macs
    for at, own in enumerate(summary["by_k"]):
        seconds = int(found.schedule.cycles[at].sum()) / 1e8
        assert own["macs"] == macs
        assert own["tops"] == pytest.approx(2 * macs / seconds / 1e12)
        assert own["tops_per_w"] == pytest.approx(own["tops"] / (own["total_pj"] * 1e-12 / seconds))
        assert own["tops_per_w_core"] == pytest.approx(2 * macs / own["core_pj"])
        area = sum(FIGURES.area(PLATFORM.config).values()) / 1e6
        assert summary["area_mm2"]["core"] == pytest.approx(area)
        assert own["tops_per_mm2_core"] == pytest.approx(own["tops"] / area)
        assert own["tops_per_mm2"] < own["tops_per_mm2_core"]


def test_cores_beside_have_the_same_throughput_at_8_bits(summary):
    here, mac, dot = summary["beside"]
    assert (here["rows"], here["cols"]) == (8, 8)
    assert (mac["rows"] * mac["cols"], dot["rows"] * dot["cols"]) == (256, 64)
    assert [entry["why"] for entry in (here, mac, dot)] == ["", "", ""]
    assert here["by_k"] == summary["by_k"]
    for entry in (mac, dot):
        eight, two = (own["core_pj_per_mac"] for own in entry["by_k"])
        assert two < eight
        ours = here["by_k"][1]["core_pj_per_mac"] / here["by_k"][0]["core_pj_per_mac"]
        assert ours < two / eight  # truncation gains what gating does not


def test_why_there_is_no_core_beside():
    platform = Platform("p", ArrayConfig(3, 3, 8, 1), 1e8, PLATFORM.memory)
    found = analyse(WORKLOAD, platform, BITS)
    _, mac, dot = energy_summary(found, load(8, 1))["beside"]
    assert mac["why"] == ""
    assert dot["why"] == "no whole number of its PEs has as many MACs a cycle"
    assert dot["by_k"] == []
    origin = FIGURES.figures.provenance
    origin = replace(origin, library=replace(origin.library, label="another"))
    other = Characterisation(replace(FIGURES.figures, provenance=origin))
    summary = energy_summary(analyse(WORKLOAD, PLATFORM, BITS), other)
    assert summary["beside"][1]["why"] == "no figures of its PEs in another"
    assert summary["area_mm2"]["all"] is None
    assert all(own["tops_per_mm2"] is None for own in summary["by_k"])
    assert all(memory["published"] for memory in summary["memories"].values())


def test_waiting_for_memory_costs_what_a_wait_was_measured_at():
    bits = {}
    for k, width in FIGURES.figures.bits.items():
        control = width.places["control"]
        dearer = replace(control, waiting_fj=control.waiting_fj + 1000.0)
        bits[k] = replace(width, places={**width.places, "control": dearer})
    other = Characterisation(replace(FIGURES.figures, bits=bits))
    slow = Platform("p", PLATFORM.config, 1e8, Memory(64 * KIB, 64 * KIB, 1e7))
    totals = []
    for figures in (FIGURES, other):
        energy = layer_energies(_layers(), figures, slow.clock_hz)
        totals.append(analyse(WORKLOAD, slow, BITS, energy=energy))
    waits = totals[0].lost["memory"] / totals[0].slots
    assert np.all(waits > 0)
    assert totals[1].energy_pj - totals[0].energy_pj == pytest.approx(waits * 1.0)
