import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.energy.macros import load_srams
from truncmac.sim.energy.memories import (
    MemoryFigures,
    dram_figures,
    memory_energies,
    scratchpad_figures,
)
from truncmac.sim.schedule.blocks import MemoryArrays
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.shapes import LayerShape, Workload

HOROWITZ = (
    'M. Horowitz, "Computing\'s energy problem (and what we can do about it)", ISSCC 2014, '
    "figure 1.1.9; 45 nm, 0.9 V, not scaled"
)


def test_a_scratchpad_is_of_the_macros_of_least_area():
    macro = load_srams()[-1]
    assert (macro.words, macro.bits) == (2048, 64)
    found = scratchpad_figures(128 * 1024, 64, "ihp-sg13g2")
    assert found.area_um2 == pytest.approx(8 * macro.area_um2)
    assert found.leakage_nw == pytest.approx(8 * macro.leakage_nw)
    assert found.read_pj == pytest.approx(macro.read_pj / 8)
    assert found.write_pj == pytest.approx(macro.write_pj / 8)
    assert (found.published, found.about) == (False, f"8 x {macro.name} of ihp-sg13g2")


def test_wide_words_take_macros_beside_each_other():
    narrow = scratchpad_figures(4096, 8, "ihp-sg13g2")
    wide = scratchpad_figures(4096, 128, "ihp-sg13g2")
    assert wide.about.startswith("16 x ")
    assert wide.area_um2 > 4 * narrow.area_um2


@pytest.mark.parametrize(("word", "count"), [(8, 1), (9, 2), (16, 2), (17, 3)])
def test_a_word_that_no_whole_number_of_macros_gives_takes_one_more(word, count):
    """For so few bytes the least area is of the smallest macro of 64 bits."""
    macro = load_srams("ihp-sg13g2")[1]
    assert (macro.words, macro.bits) == (256, 64)
    found = scratchpad_figures(100, word, "ihp-sg13g2")
    assert found.about == f"{count} x {macro.name} of ihp-sg13g2"
    assert found.area_um2 == pytest.approx(count * macro.area_um2)


@pytest.mark.parametrize(
    ("size", "pj"), [(4096, 10), (8192, 10), (8193, 20), (1 << 20, 100), (1 << 24, 100)]
)
def test_other_processes_have_published_figures(size, pj):
    found = scratchpad_figures(size, 8, "sky130")
    assert found.read_pj == found.write_pj == pj / 8
    assert found.published
    assert found.area_um2 is None
    assert found.leakage_nw == 0.0
    kib = {10: 8, 20: 32, 100: 1024}[pj]
    assert found.about == f"{kib} KiB, 64-bit access {pj} pJ; {HOROWITZ}"


def test_dram_by_published_figures():
    found = dram_figures()
    assert (found.read_pj, found.write_pj, found.published) == (1300 / 8, 1300 / 8, True)
    assert (found.leakage_nw, found.area_um2) == (0.0, None)
    assert found.about == f"64-bit access 1300 pJ (to 2600 pJ); {HOROWITZ}"


@pytest.mark.parametrize("residual", [False, True])
def test_what_the_schedule_moves_by_hand(residual):
    # 4 x 6 outputs of K = 8: one tile of 4 x 8 PEs, whose two columns too many are read too
    layers = Layers.of(Workload("w", (LayerShape("l", 4, 8, 6, residual=residual),)))
    sizes = Sizes.of(ArrayConfig(4, 8, 8, 1))
    size = np.array(1 << 16)
    room = MemoryArrays(
        activation_bytes=size, weight_bytes=size, dram_bytes_per_cycle=np.array(np.inf)
    )
    found = schedule(layers, sizes, room, np.array([[4]]))
    activations = MemoryFigures(1.0, 10.0, 5e9, None, False, "")
    weights = MemoryFigures(100.0, 1000.0, 0.0, None, False, "")
    dram = MemoryFigures(7.0, 13.0, 0.0, None, False, "")
    parts = memory_energies(layers, found, activations, weights, dram, clock_hz=1e9)
    inputs, outputs, cycles = 4 * 8, 4 * 6, int(found.cycles[0, 0])
    moved = int(found.dram_weights[0, 0])
    planes = 8 * 8 * 4 // 8  # 8 columns x 8 lanes x 4 bits, in bytes
    assert int(found.read_weights[0, 0]) == planes
    codes = outputs if residual else 0
    sram = 1.0 * (inputs + codes + outputs) + 10.0 * (inputs + codes + outputs)
    sram += 100.0 * planes + 1000.0 * moved + 5.0 * cycles * 1e-9 * 1e12
    assert parts["sram"][0, 0] == pytest.approx(sram)
    assert parts["dram"][0, 0] == pytest.approx(7 * (moved + inputs + codes) + 13 * outputs)


def test_each_group_of_a_layer_writes_its_outputs():
    """Two groups of 4 x 6 codes: inputs come from the DRAM, outputs from the array."""
    layers = Layers.of(Workload("w", (LayerShape("l", 4, 8, 6, groups=2),)))
    size = np.array(1 << 16)
    room = MemoryArrays(
        activation_bytes=size, weight_bytes=size, dram_bytes_per_cycle=np.array(np.inf)
    )
    found = schedule(layers, Sizes.of(ArrayConfig(4, 8, 8, 1)), room, np.array([[4]]))
    none = MemoryFigures(0.0, 0.0, 0.0, None, False, "")
    writes = MemoryFigures(0.0, 1.0, 0.0, None, False, "")
    parts = memory_energies(layers, found, writes, none, none, clock_hz=1e9)
    assert parts["sram"][0, 0] == 2 * (4 * 8 + 4 * 6)
