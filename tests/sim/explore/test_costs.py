from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.energy.figures import FOLDER, write_figures
from truncmac.sim.energy.model import load, read
from truncmac.sim.energy.places import Counts
from truncmac.sim.explore.evaluation import too_fast, unknown
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.settings import spec_of
from truncmac.sim.schedule.blocks import MemoryArrays
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.names import workload_by_name


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder of two shapes: (16, 2) at k = 8 and 3, (4, 8) at k = 8."""
    folder = tmp_path_factory.mktemp("figures")
    for shape, widths in (((16, 2), (8, 3)), ((4, 8), (8,))):
        figures = load(*shape).figures
        bits = {k: figures.bits.get(k, figures.bits[2]) for k in widths}
        path = folder / f"own_l{shape[0]}_p{shape[1]}.json"
        write_figures(replace(figures, bits=bits), path)
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
    return evaluator, evaluator.evaluate(np.arange(len(evaluator.spec.design_space)))


def scalar_energy(figures, row):
    """Energy of an entry's layers in pJ, from their counters, one layer at a time."""
    sizes = (int(row[name]) for name in ("rows", "cols", "lanes", "planes"))
    config = ArrayConfig(*sizes, 576, int(row["requantisers"]))
    layers = Layers.of(workload_by_name("resnet20"), images=2)
    bytes_a_cycle = row["dram_gb_s"] * 1e9 / (row["clock_mhz"] * 1e6)
    memory = MemoryArrays(
        activation_bytes=np.array(row["activation_kib"] * 1024),
        weight_bytes=np.array(row["weight_kib"] * 1024),
        dram_bytes_per_cycle=np.array(bytes_a_cycle),
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
            - 3 * int(np.broadcast_to(found.jobs, found.cycles.shape)[index]),
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
    _, table = costed
    own = {(n, p): read(library / f"own_l{n}_p{p}.json") for n, p in ((16, 2), (4, 8))}
    known = 0
    operations = 2 * 2 * workload_by_name("resnet20").macs  # of two images
    for index in range(len(table["point"])):
        row = {name: column[index].item() for name, column in table.items()}
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
    assert known == 24 and not table["fits"].all()


def test_what_has_no_figures_is_told_once(costed):
    evaluator, table = costed
    assert evaluator.without_figures == [
        "4 lanes x 2 planes",
        "4 lanes x 8 planes at k = 3",
        "16 lanes x 8 planes",
    ]
    lacking = unknown(evaluator.spec, table)
    assert int(lacking.sum()) == int((table["fits"] & np.isnan(table["energy_uj"])).sum()) > 0
    assert too_fast(table).sum() == 128 / 2 / 2  # half of the entries of the known shapes


def test_there_are_figures_only_where_they_are_asked_for():
    space = {"rows": 4, "cols": 4, "lanes": [4, 16], "planes": 2}
    plain = evaluator_of(spec_of({"space": space})).evaluate(np.arange(2))
    assert not set(plain) & {"energy_uj", "area_mm2", "fmax_mhz"}
    table = evaluator_of(spec_of({"space": space, "library": "ihp-sg13g2"})).evaluate(np.arange(2))
    # Nothing needs the energy that four lanes have not, so they count
    assert np.isnan(table["energy_uj"]).tolist() == [True] * 4 + [False] * 4
    assert table["feasible"].all()


def test_figures_may_be_files(tmp_path):
    source = FOLDER / "ihp-sg13g2_l16_p2.json"
    (tmp_path / "own_l16_p2.json").write_bytes(source.read_bytes())
    space = {"rows": 4, "cols": 4, "lanes": 16, "planes": 2}
    found = {}
    for library in ("ihp-sg13g2", str(tmp_path), str(tmp_path / "own_l16_p2.json")):
        settings = {"space": space, "library": library, "objectives": ["energy_uj"]}
        table = evaluator_of(spec_of(settings)).evaluate(np.array([0]))
        found[library] = table["energy_uj"].tolist()
    assert len(set(map(tuple, found.values()))) == 1
