from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_jobs
from truncmac.sim.cycles.points import Sizes, Start
from truncmac.sim.energy.layers import layer_energies, layer_parts, schedule_energies
from truncmac.sim.energy.model import PARTS, load
from truncmac.sim.energy.places import Counts
from truncmac.sim.energy.switching import Switching
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.blocks import UNLIMITED, MemoryArrays
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.shapes import LayerShape, Workload

PLATFORM = Platform("fast", ArrayConfig(4, 4, 16, 2), 100e6, Memory(1 << 20, 1 << 20, 1e15))
FIGURES = load(16, 2)


def energies(*layers, bits=(8, 2), switching=None):
    workload = Workload("w", layers)
    energy = layer_energies(Layers.of(workload), FIGURES, 100e6, switching)
    return analyse(workload, PLATFORM, list(bits), energy=energy).energy_pj


def test_a_layer_takes_what_its_counters_say():
    found = energies(LayerShape("l", 10, 100, 6, residual=True))
    for index, bits in enumerate((8, 2)):
        products = Layers.of(Workload("w", (LayerShape("l", 10, 100, 6),))).products(
            np.array([bits])
        )
        counters = count_jobs(products, Sizes.of(PLATFORM.config), Start.at_reset())[0].rows()[0]
        counts = Counts(
            counters["cycles"] + 3,  # until the next layer begins
            counters["chunks"],
            counters["beats"],
            counters["tiles"],
            sets=2,
            residual_rows=6 * 4,
        )
        parts = FIGURES.energy(
            *(PLATFORM.config, counts, bits),
            rows_used=10 / 12,
            columns_used=6 / 8,
            period_ps=10_000,
        )
        assert found[index, 0] == pytest.approx(sum(parts.values()), rel=1e-12)


def test_equal_layers_groups_and_fewer_bits():
    one, same = LayerShape("a", 16, 64, 16), LayerShape("b", 16, 64, 16)
    found = energies(one, same)
    assert found[0, 0] == pytest.approx(found[0, 1])
    assert found[1, 0] < found[0, 0]
    grouped = energies(LayerShape("g", 16, 64, 16, groups=3))
    assert grouped[0, 0] == pytest.approx(3 * found[0, 0])


def test_a_layer_of_its_own_k_keeps_its_energy_and_raw_sums_take_no_parameters():
    fixed = energies(LayerShape("f", 16, 64, 16, bits=8))
    assert fixed[0, 0] == fixed[1, 0]
    raw = energies(LayerShape("r", 16, 64, 16, bits=8, raw=True))
    assert raw[0, 0] < fixed[0, 0]


def test_each_layers_data_count_at_each_k():
    layers = LayerShape("a", 16, 64, 16), LayerShape("b", 10, 100, 6, raw=True)
    as_measured = [[FIGURES.switching(k)] * 2 for k in (8, 2)]
    plain, same = energies(*layers), energies(*layers, switching=as_measured)
    assert same[:, 0] == pytest.approx(plain[:, 0], rel=1e-12)  # it fills the array
    calm = [list(own) for own in as_measured]
    calm[1][1] = replace(calm[1][1], density=0.1, adder_toggles=0.5 * calm[1][1].adder_toggles)
    found = energies(*layers, switching=calm)
    assert found[1, 1] < 0.95 * same[1, 1]
    calm_too = found != same
    assert calm_too.tolist() == [[False, False], [False, True]]


class Noted:
    """A model with figures at k = 8 that notes what it is asked, and gives no energy."""

    bits = (8,)

    def __init__(self):
        self.asked = []

    def energies(self, configs, counts, bits, **options):
        self.asked.append((configs, counts, bits, options))
        return {part: np.zeros_like(counts.cycles) for part in PARTS}


def asked_of(*layers, bits=((8,),), **options):
    """Counts and options of the one question that a model is asked, for the layers on PLATFORM."""
    layers, model = Layers.of(Workload("w", layers)), Noted()
    widths = np.array(bits)
    found = schedule(layers, Sizes.of(PLATFORM.config), UNLIMITED, widths)
    parts = layer_parts(
        *(layers, model, 1e8, PLATFORM.config, found, layers.bits(widths)), **options
    )
    ((configs, counts, k, given),) = model.asked
    assert (configs, k) == ([PLATFORM.config], 8)
    return found, counts, given, parts


def test_events_of_each_kind_of_layer():
    """On 4 x 4: 10 rows are 3 tiles, 6 columns 2; 100 products are 7 beats of 16 lanes, k = 8 four.

    Codes take a set of parameters for each column tile, residuals a row of codes for each row of a
    tile. Raw sums take neither.
    """
    plain = LayerShape("plain", 10, 100, 6)
    groups = LayerShape("groups", 10, 100, 6, groups=3)
    residual = LayerShape("residual", 10, 100, 6, residual=True)
    raw = LayerShape("raw", 10, 100, 6, bits=8, raw=True)
    found, counts, given, parts = asked_of(plain, groups, residual, raw)
    assert counts.tiles.tolist() == [[6, 18, 6, 6]]
    assert counts.beats.tolist() == [[42, 126, 42, 42]]
    assert counts.chunks.tolist() == [[168, 504, 168, 168]]
    assert counts.sets.tolist() == [[2, 6, 2, 0]]
    assert counts.residual_rows.tolist() == [[0, 0, 24, 0]]
    assert counts.raw_tiles.tolist() == [[0, 0, 0, 6]]
    assert counts.cycles.tolist() == found.cycles.tolist()
    assert counts.waiting.tolist() == [[0, 0, 0, 0]]
    assert given["rows_used"].tolist() == [[10 / 12] * 4]
    assert given["columns_used"].tolist() == [[6 / 8] * 4]
    assert given["period_ps"].tolist() == [[10_000.0]]
    assert (given["switching"], given["glitches"]) == (None, True)
    assert {part: value.shape for part, value in parts.items()} == dict.fromkeys(PARTS, (1, 4))


def test_glitches_and_switching_are_passed_on_for_each_layer_at_its_k():
    own = [Switching(at, at + 0.25, at + 0.5, at + 0.75) for at in range(2)]
    layers = LayerShape("a", 16, 64, 16), LayerShape("b", 10, 100, 6)
    *_, given, _ = asked_of(*layers, switching=[own], glitches=False)
    assert not given["glitches"]
    assert {name: value.tolist() for name, value in vars(given["switching"]).items()} == {
        "density": [0, 1],
        "weight_toggles": [0.25, 1.25],
        "adder_toggles": [0.5, 1.5],
        "sum_toggles": [0.75, 1.75],
    }


def test_cycles_beyond_those_of_the_core_are_waits():
    """A memory of one byte a cycle: all cycles that neither the core counts nor a restart takes."""
    layers = Layers.of(Workload("w", (LayerShape("l", 40, 100, 16),)))
    size = np.array(1 << 16)
    slow = MemoryArrays(
        activation_bytes=size, weight_bytes=size, dram_bytes_per_cycle=np.array(1.0)
    )
    found = schedule(layers, Sizes.of(PLATFORM.config), slow, np.array([[8]]))
    model = Noted()
    layer_parts(layers, model, 1e8, PLATFORM.config, found, np.array([[8]]))
    ((_, counts, *_),) = model.asked
    cycles, core, jobs = (
        int(values[0, 0]) for values in (found.cycles, found.counts.cycles, found.jobs)
    )
    assert counts.waiting.tolist() == [[cycles - core - 3 * jobs]]
    assert counts.waiting[0, 0] > 1000


def test_a_k_without_figures_has_no_energy():
    layers = Layers.of(Workload("w", (LayerShape("l", 16, 64, 16),)))
    widths = np.array([[8], [3]])
    found = schedule(layers, Sizes.of(PLATFORM.config), UNLIMITED, widths)
    total = schedule_energies(
        *(layers, Noted(), [PLATFORM.config], found, widths), np.array([5000.0])
    )
    assert total.shape == (1, 2, 1)
    assert np.isnan(total).ravel().tolist() == [False, True]
