import json
from pathlib import Path

import pytest

from . import worked

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
