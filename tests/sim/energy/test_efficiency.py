"""Energies of a workload: by width, areas and efficiencies, by definition; a layer by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.efficiency import (
    CoreMemories,
    core_areas,
    core_memories,
    energies_by_width,
)
from truncmac.sim.energy.figures import MacFigures
from truncmac.sim.energy.layers import layer_energies, layer_parts
from truncmac.sim.energy.memories import MemoryFigures, memory_energies, scratchpad_figures
from truncmac.sim.energy.model import PARTS, Characterisation, load
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.workloads.shapes import LayerShape, Workload

from . import worked

KIB = 1024
CONFIG = ArrayConfig(8, 8, 16, 2)
PLATFORM = Platform("p", CONFIG, 1e8, Memory(64 * KIB, 32 * KIB, 3.2e9))
WORKLOAD = Workload("w", (LayerShape("a", 100, 144, 32), LayerShape("b", 20, 288, 10, bits=8)))
MACS = 2 * (100 * 144 * 32 + 20 * 288 * 10)  # of two images
FIGURES = load(16, 2)
BITS = (8, 6, 5, 2)


def pad(area_um2):
    return MemoryFigures(1.0, 2.0, 1000.0, area_um2, False, "")


MEMORIES = CoreMemories(pad(2e6), pad(3e6), MemoryFigures(5.0, 7.0, 0.0, None, True, ""))


@pytest.fixture(scope="module")
def found():
    return analyse(WORKLOAD, PLATFORM, BITS, images=2)


def no_switching(config):
    return None


@pytest.fixture(scope="module")
def widths(found):
    return energies_by_width(found, FIGURES, MEMORIES, no_switching)


@pytest.fixture(scope="module")
def parts(found):
    """Of the core, by part, (k, layers)."""
    every = (found.layers, FIGURES, 1e8, CONFIG, found.schedule, found.layer_bits)
    return layer_parts(*every), layer_parts(*every, glitches=False)


def test_scratchpads_give_the_words_that_the_array_takes(found):
    """A byte of each lane of 8 rows, and 2 bits of each lane of 8 columns, in a cycle."""
    memories = core_memories(found, "ihp-sg13g2")
    assert memories.activations == scratchpad_figures(64 * KIB, 8 * 16, "ihp-sg13g2")
    assert memories.weights == scratchpad_figures(32 * KIB, 8 * 16 * 2 // 8, "ihp-sg13g2")
    assert memories.dram.read_pj == 1300 / 8


def test_areas_are_the_sums_of_what_is_known(found):
    core = sum(FIGURES.area(CONFIG).values()) * 1e-6
    areas = core_areas(found, FIGURES, MEMORIES)
    assert (areas.core, areas.sram, areas.all) == pytest.approx((core, 5.0, core + 5.0))
    for name in ("activations", "weights"):
        areas = core_areas(found, FIGURES, replace(MEMORIES, **{name: pad(None)}))
        assert (areas.core, areas.sram, areas.all) == (pytest.approx(core), None, None)


def test_energies_are_the_sums_over_the_layers(found, widths, parts):
    with_glitches, without = parts
    pads = (MEMORIES.activations, MEMORIES.weights, MEMORIES.dram)
    memories = memory_energies(found.layers, found.schedule, *pads, 1e8)
    assert [own.k for own in widths] == [8, 6, 5, 2]
    for at, own in enumerate(widths):
        core = {part: with_glitches[part][at].sum() for part in PARTS}
        rest = {name: memories[name][at].sum() for name in ("sram", "dram")}
        assert own.pj == pytest.approx(core | rest)
        assert own.core_pj == pytest.approx(sum(core.values()))
        assert own.total_pj == pytest.approx(sum(core.values()) + sum(rest.values()))
        assert own.core_zero_delay_pj == pytest.approx(sum(without[p][at].sum() for p in PARTS))


def test_efficiencies_are_quotients_of_energy_time_and_area(found, widths):
    core = sum(FIGURES.area(CONFIG).values()) * 1e-6
    for at, own in enumerate(widths):
        seconds = int(found.schedule.cycles[at].sum()) * 1e-8
        assert own.macs == MACS
        assert own.core_pj_per_mac == pytest.approx(own.core_pj / MACS)
        assert own.total_pj_per_mac == pytest.approx(own.total_pj / MACS)
        assert own.pj_per_inference == pytest.approx(own.total_pj / 2)
        assert own.tops * 1e12 * seconds == pytest.approx(2 * MACS)
        assert own.tops_per_w_core * own.core_pj == pytest.approx(2 * MACS)
        assert own.tops_per_w * own.total_pj == pytest.approx(2 * MACS)
        assert own.tops_per_mm2_core * core == pytest.approx(own.tops)
        assert own.tops_per_mm2 * (core + 5.0) == pytest.approx(own.tops)


def test_efficiency_by_an_area_that_is_not_known_is_not_known_either(found):
    memories = replace(MEMORIES, weights=pad(None))
    for own in energies_by_width(found, FIGURES, memories, no_switching):
        assert own.tops_per_mm2 is None
        assert own.tops_per_mm2_core > 0


def test_wires_scale_each_layer_as_the_last_array_measured_at_the_nearest_k(found, widths):
    """Measured at 8 and 2: 6 is nearer to 8, and 5 is between them and takes the lower."""
    last = {8: MacFigures({0.0: 1.0, 1.0: 2.0, 2.0: 4.0}, 1.0)}
    last[2] = MacFigures({0.0: 6.0, 1.0: 8.0, 2.0: 9.0}, 1.0)
    first = MacFigures({0.0: 5.0, 1.0: 7.0, 2.0: 8.0}, 1.0)
    bits = {
        k: replace(own, measured={"4x4": first, "8x8": last[k]} if k in last else {})
        for k, own in sorted(FIGURES.figures.bits.items(), reverse=True)
    }
    assert next(iter(bits)) == 8  # no matter which k comes first
    model = Characterisation(replace(FIGURES.figures, bits=bits))
    core = layer_energies(found.layers, FIGURES, 1e8)(CONFIG, found.schedule, found.layer_bits)
    for own, pj, nearest in zip(
        energies_by_width(found, model, MEMORIES, no_switching), core, (8, 8, 2, 2), strict=True
    ):
        a, b = (last[nearest].pj_per_mac, last[8].pj_per_mac)  # b has k = 8 of its own
        assert own.core_wires_pj == pytest.approx(
            {str(w): pj[0] * a[w] / a[1.0] + pj[1] * b[w] / b[1.0] for w in (0.0, 1.0, 2.0)}
        )


def test_what_toggles_is_asked_for_the_array_and_counts_with_and_without_glitches(found, widths):
    asked = []

    def calm(config):
        asked.append(config)
        rows = [[FIGURES.switching(int(k)) for k in bits] for bits in found.layer_bits]
        return [[replace(own, adder_toggles=own.adder_toggles / 2) for own in row] for row in rows]

    calmer = energies_by_width(found, FIGURES, MEMORIES, calm)
    assert asked == [CONFIG]
    for own, plain in zip(calmer, widths, strict=True):
        assert own.pj["multiply_add"] < plain.pj["multiply_add"]
        assert own.core_zero_delay_pj < plain.core_zero_delay_pj
        assert np.isclose(own.pj["dram"], plain.pj["dram"])


DATA = Path(__file__).parents[3] / "sim" / "energy" / "data"
TOTAL_PJ = {8: 48594.363577, 3: 37833.732749}  # of core and memories
CORE_PJ = {8: 2938.486579, 3: 2415.620169}


@pytest.fixture
def report(run):
    """The numbers of a report on the worked layer."""
    return json.loads(told(run, "--format", "json"))


def told(run, *words):
    Path("layer.csv").write_text(worked.LAYER)
    code, out, errors = run("report", "layer.csv", *worked.OPTIONS, "-k", "8,3", *words)
    assert code == 0, errors
    return out


def test_the_typed_figures_are_those_of_the_package():
    """Read as plain JSON. If the figures are made again, `worked` and the page need the new."""
    stored = json.loads((DATA / "ihp-sg13g2_l8_p2.json").read_text())
    names = {
        "clock": "clock_fj",
        "glitches": "glitch_factor",
        "clock_share": "clock_share",
        "waiting": "waiting_fj",
        "waiting_clock": "waiting_clock_fj",
        "cycle": "cycle_fj",
        "cycle_clock": "cycle_clock_fj",
    }
    for k, places in worked.FIGURES.items():
        assert set(places) == set(stored["bits"][str(k)]["places"])
        for place, own in places.items():
            theirs = stored["bits"][str(k)]["places"][place]
            for ours, name in names.items():
                assert getattr(own, ours) == theirs.get(name, 0.0), (k, place, name)
            scale = 1.0
            if place == "requantiser":  # two columns share the unit
                level = theirs["codes_fj"][theirs["shares"].index(2)]
                assert own.data == level
                scale = level / theirs["fj"]
            else:
                assert own.data == theirs["fj"], (k, place)
            assert own.idle_rows == pytest.approx(theirs.get("idle_rows_fj", 0.0) * scale)
            assert own.idle_columns == pytest.approx(theirs.get("idle_columns_fj", 0.0) * scale)
    for place, (root, leakage) in worked.ALWAYS.items():
        always = stored["places"][place]
        assert (root, leakage) == (always["root_clock_fj"], always["leakage_nw"])


def test_a_layer_costs_what_is_worked_by_hand(report):
    assert [own["k"] for own in report["energy"]["by_k"]] == [8, 3]
    for own in report["energy"]["by_k"]:
        k, parts = own["k"], worked.parts(own["k"])
        assert own["macs"] == worked.MACS
        assert own["pj"] == pytest.approx(parts, rel=1e-12)
        total = sum(parts.values())
        core = total - parts["sram"] - parts["dram"]
        assert own["core_pj"] == pytest.approx(core, rel=1e-12)
        assert own["total_pj"] == pytest.approx(total, rel=1e-12)
        assert own["pj_per_inference"] == pytest.approx(total, rel=1e-12)
        assert own["core_pj_per_mac"] == pytest.approx(core / 180, rel=1e-12)
        assert own["total_pj_per_mac"] == pytest.approx(total / 180, rel=1e-12)
        assert round(total, 6) == TOTAL_PJ[k]
        assert round(core, 6) == CORE_PJ[k]
        calm = sum(worked.parts(k, glitches=False).values()) - parts["sram"] - parts["dram"]
        assert own["core_zero_delay_pj"] == pytest.approx(calm, rel=1e-12)


def test_what_follows_from_the_energy_is_worked_by_hand_too(report):
    """180 MACs are 360 operations, in 109 or 85 cycles of 5 ns."""
    for own, cycles in zip(report["energy"]["by_k"], (109, 85), strict=True):
        total = TOTAL_PJ[own["k"]]
        assert own["tops"] == pytest.approx(360 / (cycles * 5e-9) / 1e12, rel=1e-12)
        assert own["tops_per_w"] == pytest.approx(360 / total, rel=1e-9)
        assert own["tops_per_w_core"] == pytest.approx(360 / CORE_PJ[own["k"]], rel=1e-9)


def test_events_of_the_schedule_are_those_counted_by_hand(report):
    for own in report["totals"]:
        events = worked.EVENTS[own["k"]]
        assert own["cycles"] == own["dram_cycles"] == events.cycles
        assert own["array_cycles"] == {8: 63, 3: 39}[own["k"]]
        assert own["tiles"] == events.tile
        assert own["dram_bytes"] == events.dram_read + events.dram_written
        assert own["dram_outputs"] == events.dram_written
        assert own["read_activations"] == events.activations_read - events.dram_written
        assert own["read_weights"] == events.weights_read
        assert own["dram_weights"] == events.weights_written
        assert own["energy_pj"] == pytest.approx(CORE_PJ[own["k"]], abs=1e-6)


def test_the_printed_energies_are_those_worked_by_hand(run):
    """Each with the unit of its column, as a reader of the terminal has them."""
    out = told(run)
    assert "uJ an" in out and "Energy, pJ/MAC" in out
    # k, core, zero delay, glitches, wires x 0, wires x 2, SRAM, DRAM, all, uJ an image
    rows = [line.split() for line in out.splitlines() if "x " in line and len(line.split()) == 10]
    for words, k in zip(rows, (8, 3), strict=True):
        parts = worked.parts(k)
        core, total = CORE_PJ[k] / 180, TOTAL_PJ[k] / 180
        assert words[:2] == [str(k), f"{core:.3f}"]
        assert words[6:9] == [
            f"{parts['sram'] / 180:.3f}",
            f"{parts['dram'] / 180:.3f}",
            f"{total:.3f}",
        ]
        assert words[9] == f"{TOTAL_PJ[k] / 1e6:.3f}"  # of 10^6 pJ


def test_a_core_without_an_area_has_the_efficiency_of_one_square_millimetre(found, widths):
    places = {name: replace(own, area_um2=0.0) for name, own in FIGURES.figures.places.items()}
    model = Characterisation(replace(FIGURES.figures, places=places))
    flat = energies_by_width(found, model, MEMORIES, no_switching)
    for own, plain in zip(flat, widths, strict=True):
        assert own.tops_per_mm2_core == own.tops == plain.tops
        assert own.tops_per_mm2 == pytest.approx(own.tops / 5.0)
