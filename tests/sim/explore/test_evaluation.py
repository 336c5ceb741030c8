import json
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
from truncmac.sim.cycles.closed_form import RESTART, Sizes
from truncmac.sim.energy.model import FOLDER, Counts, load, read
from truncmac.sim.explore.chunks import Fronts, evaluator_of
from truncmac.sim.explore.evaluation import too_fast, unknown
from truncmac.sim.explore.spec import spec_of
from truncmac.sim.schedule.schedule import Layers, MemoryArrays, schedule
from truncmac.sim.workloads.names import workload_by_name

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


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder of two shapes: (16, 2) at k = 8 and 3, (4, 8) at k = 8."""
    folder = tmp_path_factory.mktemp("figures")
    for shape, widths in (((16, 2), (8, 3)), ((4, 8), (8,))):
        data = dict(load(*shape).data)
        data["bits"] = {str(k): data["bits"].get(str(k), data["bits"]["2"]) for k in widths}
        path = folder / f"own_l{shape[0]}_p{shape[1]}.json"
        path.write_text(json.dumps(data))
    return folder


@pytest.fixture(scope="module")
def costed(library):
    space = {
        "rows": [4, 5],
        "cols": [3, 8],
        "lanes": [4, 16],
        "planes": [2, 8],
        "activation_kib": [64, 1],
        "clock_mhz": [100, 300],
    }
    settings = {"workloads": "resnet20", "bits": [8, 3], "images": 2, "space": space}
    settings |= {"library": str(library), "objectives": ["energy_uj", "area_mm2"]}
    evaluator = evaluator_of(spec_of(settings))
    return evaluator, evaluator.rows(np.arange(len(evaluator.spec.designs)))


def scalar_energy(figures, row):
    """Energy of a row's layers, pJ: its counters, one layer at a time."""
    sizes = (int(row[name]) for name in ("rows", "cols", "lanes", "planes"))
    config = ArrayConfig(*sizes, 576, int(row["requantisers"]))
    layers = Layers.of(workload_by_name("resnet20"), images=2)
    bytes_a_cycle = row["dram_gb_s"] * 1e9 / (row["clock_mhz"] * 1e6)
    memory = MemoryArrays(
        np.array(row["activation_kib"] * 1024),
        np.array(row["weight_kib"] * 1024),
        np.array(bytes_a_cycle),
    )
    found = schedule(layers, Sizes.of(config), memory, row["bits"])
    counters, total = found.counts.arrays(), 0.0
    for index, bits in enumerate(layers.bits(row["bits"]).tolist()):
        m, n, raw = int(layers.rows[index]), int(layers.columns[index]), layers.raw[index]
        row_tiles, column_tiles = -(-m // config.rows), -(-n // config.cols)
        tiles = float(counters["tiles"][index])
        row_blocks = int(np.broadcast_to(found.row_blocks, found.cycles.shape)[index])
        counts = Counts(
            *(float(v) for v in (found.cycles[index], counters["chunks"][index])),
            float(counters["beats"][index]),
            tiles,
            sets=0.0 if raw else float(layers.groups[index] * column_tiles * row_blocks),
            residual_rows=tiles * config.rows if layers.residual[index] else 0.0,
            raw_tiles=tiles if raw else 0.0,
            waiting=float(found.cycles[index] - counters["cycles"][index])
            - RESTART * int(np.broadcast_to(found.jobs, found.cycles.shape)[index]),
        )
        total += sum(
            figures.energy(
                *(config, counts, bits),
                rows_used=m / (row_tiles * config.rows),
                columns_used=n / (column_tiles * config.cols),
                period_ps=1e6 / row["clock_mhz"],
            ).values()
        )
    return total


def test_figures_give_energy_and_area(costed, library):
    _, rows = costed
    own = {(n, p): read(library / f"own_l{n}_p{p}.json") for n, p in ((16, 2), (4, 8))}
    known = 0
    operations = 2 * 2 * workload_by_name("resnet20").macs  # of two images
    for index in range(len(rows["point"])):
        row = {name: column[index].item() for name, column in rows.items()}
        shape = row["lanes"], row["planes"]
        has_shape, has_k = shape in own, row["bits"] == 8 or shape == (16, 2)
        assert np.isnan(row["area_mm2"]) == np.isnan(row["fmax_mhz"]) == (not has_shape)
        assert np.isnan(row["energy_uj"]) == (not (has_shape and has_k and row["fits"]))
        too_fast = row["clock_mhz"] == 300
        assert row["feasible"] == (has_shape and has_k and row["fits"] and not too_fast)
        if np.isnan(row["energy_uj"]):
            continue
        known += 1
        energy = scalar_energy(own[shape], row)
        config = ArrayConfig(
            *(row[name] for name in ("rows", "cols")), *shape, 576, row["requantisers"]
        )
        area = sum(own[shape].area(config).values()) * 1e-6
        assert row["energy_uj"] == pytest.approx(energy * 1e-6 / 2, rel=1e-9)
        assert row["area_mm2"] == pytest.approx(area)
        assert row["fmax_mhz"] == pytest.approx(1e6 / own[shape].period_ps)
        assert row["edp_uj_ms"] == pytest.approx(row["energy_uj"] * row["latency_ms"])
        assert row["tops_per_w"] == pytest.approx(operations / energy)
        seconds = row["latency_ms"] / 1e3
        assert row["tops_per_mm2"] == pytest.approx(operations / seconds * 1e-12 / area)
    assert known == 24 and not rows["fits"].all()


def test_what_has_no_figures_is_told_once(costed):
    evaluator, rows = costed
    assert evaluator.without_figures == [
        "4 lanes x 2 planes",
        "4 lanes x 8 planes at k = 3",
        "16 lanes x 8 planes",
    ]
    lacking = unknown(evaluator.spec, rows)
    assert int(lacking.sum()) == int((rows["fits"] & np.isnan(rows["energy_uj"])).sum()) > 0
    assert too_fast(rows).sum() == 128 / 2 / 2  # half of the rows of the known shapes


def test_there_are_figures_only_where_they_are_asked_for():
    space = {"rows": 4, "cols": 4, "lanes": [4, 16], "planes": 2}
    plain = evaluator_of(spec_of({"space": space})).rows(np.arange(2))
    assert not set(plain) & {"energy_uj", "area_mm2", "fmax_mhz"}
    rows = evaluator_of(spec_of({"space": space, "library": "ihp-sg13g2"})).rows(np.arange(2))
    # Nothing needs the energy that four lanes have not, so they count
    assert np.isnan(rows["energy_uj"]).tolist() == [True] * 4 + [False] * 4
    assert rows["feasible"].all()


def test_figures_may_be_files(tmp_path):
    source = FOLDER / "ihp-sg13g2_l16_p2.json"
    (tmp_path / "own_l16_p2.json").write_bytes(source.read_bytes())
    space = {"rows": 4, "cols": 4, "lanes": 16, "planes": 2}
    found = {}
    for library in ("ihp-sg13g2", str(tmp_path), str(tmp_path / "own_l16_p2.json")):
        settings = {"space": space, "library": library, "objectives": ["energy_uj"]}
        found[library] = evaluator_of(spec_of(settings)).rows(np.array([0]))["energy_uj"].tolist()
    assert len(set(map(tuple, found.values()))) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"objectives": ["energy_uj"], "library": "sky130", "space": {"lanes": 4, "planes": 2}},
            "energy_uj needs figures of (lanes, planes), of which sky130 has (1, 8), (4, 8), "
            "(8, 1), (8, 2), (16, 1), (16, 2), (32, 1), and the space none",
        ),
        (
            {"library": "tsmc7"},
            "Library must be one of asap7, ihp-sg13g2, sky130, or a file of truncmac characterise "
            "or a folder of such files, not 'tsmc7'",
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
def test_what_cannot_be_evaluated_is_named(settings, message):
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
            "front": "all",
            "space": {"rows": 4, "cols": 4},
        }
    )
    rows = evaluator_of(spec).rows(np.array([0]))
    fronts = Fronts(spec)
    fronts.add(rows)
    costs = sorted(zip(rows["cycles"].tolist(), (-rows["accuracy"]).tolist(), strict=True))
    best = [c for c in costs if not any(a <= c[0] and b <= c[1] and (a, b) != c for a, b in costs)]
    kept = zip(fronts.rows["cycles"].tolist(), (-fronts.rows["accuracy"]).tolist(), strict=True)
    assert sorted(kept) == best
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
