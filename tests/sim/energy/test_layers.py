from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_jobs
from truncmac.sim.cycles.points import Sizes, Start
from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.model import load
from truncmac.sim.energy.places import Counts
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.platforms import Memory, Platform
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
