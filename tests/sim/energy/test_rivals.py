"""Cores beside one: their kinds, sizes, figures, and why there is none."""

from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy import rivals
from truncmac.sim.energy.efficiency import core_areas, core_memories, energies_by_width
from truncmac.sim.energy.model import Characterisation, load
from truncmac.sim.energy.rivals import RIVALS, cores_beside
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.workloads.shapes import LayerShape, Workload

KIB = 1024
ROOM = Memory(64 * KIB, 64 * KIB, 3.2e9)
WORKLOAD = Workload("w", (LayerShape("a", 100, 144, 32), LayerShape("b", 20, 288, 10, bits=8)))
LIBRARY = "ihp-sg13g2"


def no_switching(config):
    return None


def beside(config, *, bits=(8, 2), memory=ROOM, workload=WORKLOAD, **options):
    found = analyse(workload, Platform("p", config, 1e8, memory), bits, **options)
    return found, cores_beside(found, load(config.lanes, config.planes), no_switching)


def test_kinds_do_not_truncate_and_have_one_lane_or_four():
    assert dict(RIVALS) == {(1, 8): "MAC", (4, 8): "dot"}


def test_each_has_as_many_8_bit_macs_a_cycle_and_figures_of_its_own():
    """8 x 8 PEs of 16 lanes take 4 cycles for 8 bits: 256 MACs a cycle; with images and a goal."""
    _, entries = beside(ArrayConfig(8, 8, 16, 2), images=3, goal="traffic")
    sizes = [(e.name, e.rows, e.cols, e.lanes, e.planes, e.why) for e in entries]
    assert sizes == [
        ("this", 8, 8, 16, 2, ""),
        ("MAC", 16, 16, 1, 8, ""),
        ("dot", 8, 8, 4, 8, ""),
    ]
    for entry in entries:
        model = load(entry.lanes, entry.planes)
        config = ArrayConfig(entry.rows, entry.cols, entry.lanes, entry.planes)
        platform = Platform("p", config, 1e8, ROOM)
        own = analyse(WORKLOAD, platform, (8, 2), images=3, goal="traffic")
        memories = core_memories(own, LIBRARY)
        assert entry.library == model.library
        assert entry.clock_hz * model.period_ps == pytest.approx(1e12)
        assert entry.area_mm2 == core_areas(own, model, memories)
        assert entry.by_k == energies_by_width(own, model, memories, no_switching)


@pytest.mark.parametrize(("shape", "others"), [((1, 8), ["dot"]), ((4, 8), ["MAC"])])
def test_a_core_is_not_beside_itself(shape, others):
    _, (this, *rest) = beside(ArrayConfig(8, 8, *shape))
    assert (this.lanes, this.planes) == shape
    assert [entry.name for entry in rest] == others


def test_a_core_of_one_lane_but_other_planes_is_another():
    _, entries = beside(ArrayConfig(8, 8, 8, 1))
    assert [entry.name for entry in entries] == ["this", "MAC", "dot"]


def test_why_there_is_none():
    """3 x 3 PEs of 8 lanes and 1 plane do 9 MACs a cycle, which are no whole dot products of 4."""
    _, (_, mac, dot) = beside(ArrayConfig(3, 3, 8, 1))
    assert (mac.rows * mac.cols, mac.why) == (9, "")
    assert (dot.rows, dot.cols, dot.lanes, dot.planes) == (None, None, 4, 8)
    assert dot.why == "no whole number of its PEs has as many MACs a cycle"
    assert (dot.library, dot.clock_hz, dot.area_mm2, dot.by_k) == (None, None, None, [])


@pytest.mark.parametrize(
    ("bits", "lacking", "words"), [((8, 2), {8, 2}, "2, 8"), ((8, 5, 2), {5, 1}, "5")]
)
def test_figures_are_lacking_at_a_k_of_a_layer(bits, lacking, words, monkeypatch):
    def load_less(lanes, planes, library):
        figures = load(lanes, planes, library).figures
        kept = {k: own for k, own in figures.bits.items() if k not in lacking}
        return Characterisation(replace(figures, bits=kept))

    monkeypatch.setattr(rivals, "load", load_less)
    _, (this, *others) = beside(ArrayConfig(8, 8, 16, 2), bits=bits)
    assert this.why == ""
    assert {e.why for e in others} == {f"no figures of its PEs at k = {words} in {LIBRARY}"}


def test_a_library_without_figures_of_the_kind(monkeypatch):
    monkeypatch.setattr(rivals, "available", lambda: [(LIBRARY, 4, 8), ("other", 1, 8)])
    _, (_, mac, dot) = beside(ArrayConfig(8, 8, 16, 2))
    assert (mac.why, dot.why) == (f"no figures of its PEs in {LIBRARY}", "")


def test_a_core_whose_blocks_do_not_fit_says_what_it_needs():
    """16 columns of K = 144 with 8 planes take two halves of 16 x 144 bytes, and parameters."""
    small = Memory(64 * KIB, 4 * KIB, 3.2e9)
    workload = Workload("w", (LayerShape("a", 100, 144, 32),))
    _, (this, mac, _) = beside(ArrayConfig(8, 8, 16, 2), memory=small, workload=workload)
    assert this.why == ""
    assert mac.why.startswith("Layer 'a' needs a weight scratchpad of ")
    assert (mac.rows, mac.by_k) == (None, [])
