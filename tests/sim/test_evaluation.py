import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from truncmac.golden import (
    BUILTIN_IMAGES,
    accuracy,
    builtin_images,
    builtin_network,
    execute,
    save,
    with_layer_bits,
)
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cost_figures import Costs
from truncmac.sim.cycles import Sizes
from truncmac.sim.exploration import evaluator_of
from truncmac.sim.explore_spec import spec_of
from truncmac.sim.schedule import Layers, MemoryArrays, schedule
from truncmac.sim.workloads import workload_by_name

SPACE = {
    "rows": [4, 5],
    "cols": [4, 6],
    "lanes": 4,
    "planes": [1, 2],
    "requantisers": "auto,4",
    "activation_kib": [32, 1],
    "dram_gb_s": 0.02,  # limits some layers
    "clock_mhz": 50,
}


@pytest.fixture(scope="module")
def evaluator():
    return evaluator_of(
        spec_of(
            {
                "workloads": ["digits", "resnet20"],
                "bits": [8, 3, 1],
                "images": 2,
                "space": SPACE,
                "constraints": {"pes": {"max": 24}, "bits": {"min": 2}},
            }
        )
    )


@pytest.fixture(scope="module")
def rows(evaluator):
    return evaluator.rows(np.arange(len(evaluator.spec.designs)))


def test_a_row_for_each_design_workload_and_k(evaluator, rows):
    # Digits has no parameters for k = 3; four requantisers do not divide six columns
    assert evaluator.rows_of_design == 5
    assert len(rows["point"]) == 5 * 24
    assert rows["workload"][:5].tolist() == ["digits"] * 2 + ["resnet20"] * 3
    assert rows["bits"][:5].tolist() == [8, 1, 8, 3, 1]
    assert set(rows["requantisers"][rows["cols"] == 6].tolist()).isdisjoint({4})
    assert evaluator.max_reduction == 576


def test_each_row_is_what_the_schedule_says(rows):
    for index in range(0, len(rows["point"]), 7):
        row = {name: column[index].item() for name, column in rows.items()}
        config = ArrayConfig(
            *(row[name] for name in ("rows", "cols", "lanes", "planes")), 576, row["requantisers"]
        )
        memory = MemoryArrays(
            np.array(row["activation_kib"] * 1024),
            np.array(row["weight_kib"] * 1024),
            np.array(row["dram_gb_s"] * 1e9 / (row["clock_mhz"] * 1e6)),
        )
        layers = Layers.of(workload_by_name(row["workload"]), images=2)
        found = schedule(layers, Sizes.of(config), memory, row["bits"])
        assert row["fits"] == bool(found.fits.all())
        if not row["fits"]:
            assert not row["feasible"]
            continue
        cycles = int(found.cycles.sum())
        assert row["cycles"] == cycles
        assert row["array_cycles"] == int(found.counts.cycles.sum())
        assert row["dram_bytes"] == int(found.dram_bytes.sum())
        assert row["latency_ms"] == pytest.approx(cycles / 50e6 * 1e3)
        assert row["images_per_s"] == pytest.approx(2 * 50e6 / cycles)
        steps = layers.macs * -(-layers.bits(row["bits"]) // row["planes"])
        multipliers = row["rows"] * row["cols"] * row["lanes"]
        assert row["utilisation"] == pytest.approx(steps.sum() / multipliers / cycles)
        assert row["peak_macs"] == config.peak_macs
        assert row["feasible"] == (row["pes"] <= 24 and row["bits"] >= 2)
    assert rows["fits"].any() and not rows["fits"].all()


def test_points_may_be_evaluated_in_any_parts(evaluator, rows):
    some = evaluator.rows(np.array([17, 3]))
    for name, column in some.items():
        expected = [rows[name][rows["point"] == point] for point in (17, 3)]
        assert column.tolist() == np.concatenate(expected).tolist(), name


def test_sizes_without_an_array_give_no_rows(evaluator):
    points = np.arange(len(evaluator.spec.designs))
    designs = evaluator.spec.designs.designs(points)
    none = points[(designs["cols"] == 6) & (designs["requantisers"] == 4)]
    rows = evaluator.rows(none)
    assert set(rows) >= {"point", "cycles", "feasible"} and not len(rows["point"])


def test_accuracy_is_golden_s():
    spec = spec_of({"objectives": ["accuracy", "cycles"], "space": {"rows": 4, "cols": 4}})
    rows = evaluator_of(spec).rows(np.array([0]))
    assert rows["bits"].tolist() == [8, 4, 2, 1]
    images, labels = builtin_images()
    expected = [
        accuracy(execute(builtin_network(), images, k).logits, labels) for k in (8, 4, 2, 1)
    ]
    assert rows["accuracy"].tolist() == pytest.approx(expected)


def test_figures_give_energy_and_area():
    def figures(events):
        shape = events.schedule.cycles.shape
        area = (events.sizes.rows * events.sizes.cols)[:, 0, 0] * 1e6
        return Costs(np.broadcast_to(events.bits * 1e6, shape).astype(float), area.astype(float))

    settings = {"objectives": ["energy_uj", "area_mm2"], "bits": [8, 2], "workloads": "resnet20"}
    spec = spec_of(settings | {"space": {"rows": 4, "cols": 4, "lanes": 4, "planes": 1}})
    rows = evaluator_of(spec, figures).rows(np.array([0]))
    energy = [8.0 * 20, 2.0 * 18 + 8 * 2]  # the first and the last layer keep 8 bits
    assert rows["energy_uj"].tolist() == energy
    assert rows["area_mm2"].tolist() == [16.0, 16.0]
    assert rows["edp_uj_ms"] == pytest.approx(energy * rows["latency_ms"])
    operations = 2 * workload_by_name("resnet20").macs
    assert rows["tops_per_w"] == pytest.approx(operations / (np.array(energy) * 1e6))
    assert rows["tops_per_mm2"] == pytest.approx(operations * rows["images_per_s"] * 1e-12 / 16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"objectives": ["energy_uj"]},
            "energy_uj needs figures of energy and area, which this version does not have. Use "
            "pes, peak_macs, buffer_kib or dram_bytes in its place",
        ),
        (
            {"workloads": "resnet20", "objectives": ["accuracy"]},
            "resnet20: must be an exported network for its accuracy to be known, not shapes alone",
        ),
        (
            {"bits": [3]},
            "digits: must have parameters for one of the bits, not only for k = 8, 4, 2, 1",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_named(settings, message, monkeypatch):
    monkeypatch.setattr("truncmac.sim.exploration.known_figures", lambda: None)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        evaluator_of(spec_of(settings))


def test_a_mixed_network_is_compared_with_its_parts(tmp_path):
    bits = {"conv2": 4, "conv3": 2, "conv4": 1}
    path = str(tmp_path / "mixed.safetensors")
    save(with_layer_bits(builtin_network(), bits), Path(path))
    spec = spec_of(
        {
            "workloads": ["digits", path],
            "data": str(BUILTIN_IMAGES),
            "objectives": ["accuracy", "cycles"],
            "space": {"rows": 4, "cols": 4},
        }
    )
    rows = evaluator_of(spec).rows(np.array([0]))
    assert rows["workload"].tolist() == ["digits"] * 4 + [path]
    assert rows["bits"].tolist() == [8, 4, 2, 1, 8]
    assert rows["cycles"][3] < rows["cycles"][4] < rows["cycles"][1]
    images, labels = builtin_images()
    logits = execute(builtin_network(), images, bits).logits
    assert rows["accuracy"][4] == pytest.approx(accuracy(logits, labels))


def test_the_fingerprint_is_of_all_that_matters():
    evaluator = evaluator_of(spec_of({"workloads": "resnet20"}))
    load = evaluator.loads[0]
    assert replace(load, bits=(8,)).fingerprint != load.fingerprint
    longer = replace(load.layers, rows=load.layers.rows + 1)
    assert replace(load, layers=longer).fingerprint != load.fingerprint
