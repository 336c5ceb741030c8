"""NPUs of a space: what each network makes of each, as it is counted alone."""

import re
from itertools import product

import numpy as np
import pytest

from truncmac.golden import Setting, builtin_network
from truncmac.hw.npu.config import npu_array
from truncmac.sim.cycles.npu.sizes import NpuSizes
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.npus import npu_config_of
from truncmac.sim.explore.recount import recount
from truncmac.sim.explore.settings import spec_of
from truncmac.sim.npu.compiler import compile_network

SPACE = {
    "rows": [4, 8],
    "cols": [4, 16],
    "lanes": [4, 6],
    "planes": [1, 8],
    "depth": [32, 16],
    "bus_width": [64, 256],
}
SETTINGS = {
    "top": "npu",
    "workloads": ["digits", "resnet20"],
    "bits": [8, 1],
    "images": 2,
    "space": SPACE,
    "constraints": {"pes": {"max": 64}},
}


@pytest.fixture(scope="module")
def evaluator():
    return evaluator_of(spec_of(SETTINGS))


@pytest.fixture(scope="module")
def table(evaluator):
    return evaluator.evaluate(np.arange(len(evaluator.spec.design_space)))


def test_an_entry_for_each_npu_network_and_k(evaluator, table):
    # Six lanes are no power of two
    assert len(table["point"]) == 4 * 32
    assert table["workload"][:4].tolist() == ["digits"] * 2 + ["resnet20"] * 2
    assert table["bits"][:4].tolist() == [8, 1, 8, 1]
    assert set(table["lanes"].tolist()) == {4}
    sizes = {name: table[name].tolist() for name in ("rows", "cols", "planes", "depth")}
    assert len(set(zip(*sizes.values(), table["bus_width"].tolist(), strict=True))) == 32


def test_output_units_keep_up_with_short_reductions(table):
    rows = zip(*(table[name].tolist() for name in ("rows", "cols", "planes")), strict=True)
    expected = [npu_array(rows=r, cols=c, lanes=4, planes=p).requantisers for r, c, p in rows]
    assert table["requantisers"].tolist() == expected


def test_sizes_and_measures_follow_from_each_other(table):
    fits = table["fits"]
    memory = 3 * table["rows"] * table["depth"] * table["lanes"] / 1024
    assert table["buffer_kib"].tolist() == memory.tolist()
    assert table["pes"].tolist() == (table["rows"] * table["cols"]).tolist()
    seconds = table["cycles"] / (table["clock_mhz"] * 1e6)
    assert np.allclose(table["latency_ms"], 1e3 * seconds, rtol=1e-12)
    assert np.allclose(table["images_per_s"][fits], 2 / seconds[fits], rtol=1e-12)
    assert (table["utilisation"][fits] < 1).all() and (table["utilisation"][fits] > 0).all()
    assert table["feasible"].tolist() == (fits & (table["pes"] <= 64)).tolist()


def test_a_network_that_has_no_room_does_not_fit(evaluator, table):
    found = {}
    for place, fits in enumerate(table["fits"].tolist()):
        entry = {name: column[place].item() for name, column in table.items()}
        key = entry["workload"], entry["rows"], entry["depth"]
        assert found.setdefault(key, fits) == fits
    assert set(found.values()) == {True, False}
    for (workload, rows, depth), fits in found.items():
        if workload != "digits":
            continue
        entry = dict(rows=rows, cols=4, lanes=4, planes=1, requantisers=0, groups=3)
        config = evaluator.npu({**entry, "depth": depth, "bus_width": 64})
        try:
            compile_network(builtin_network(), config, [Setting("8", 8)])
            assert fits
        except ValueError:
            assert not fits


def test_entries_are_near_what_the_compiled_programs_take(evaluator, table):
    chosen = np.flatnonzero((table["workload"] == "digits") & table["fits"])[::5]
    errors = []
    for place in chosen:
        entry = {name: column[place].item() for name, column in table.items()}
        found = recount(evaluator, entry)
        assert found.explored == entry["cycles"] / 2
        errors.append(abs(found.error))
    assert max(errors) < 0.03 and len(errors) >= 4


def test_an_entry_of_a_k_without_parameters_is_not_compiled():
    settings = SETTINGS | {"workloads": "resnet20", "bits": [3], "space": {"depth": 512}}
    evaluator = evaluator_of(spec_of(settings))
    table = evaluator.evaluate(np.array([0]))
    entry = {name: column[0].item() for name, column in table.items()}
    assert entry["cycles"] > 0 and recount(evaluator, entry) is None


def test_points_may_be_evaluated_in_any_parts(evaluator, table):
    some = evaluator.evaluate(np.array([37, 3]))
    for name, column in some.items():
        expected = [table[name][table["point"] == point] for point in (37, 3)]
        assert np.array_equal(column, np.concatenate(expected), equal_nan=column.dtype.kind == "f")


def test_a_wider_bus_and_at_8_bits_more_planes_are_never_slower(table):
    names = ("workload", "bits", "rows", "cols", "depth", "planes", "bus_width")
    keys = zip(*(table[name].tolist() for name in names), strict=True)
    cycles = dict(zip(keys, table["cycles"].tolist(), strict=True))
    assert len(cycles) == len(table["cycles"])
    for *key, planes, bus in cycles:
        assert cycles[*key, planes, 256] <= cycles[*key, planes, 64]
        if key[1] == 8 and key[0] == "resnet20":
            assert cycles[*key, 8, bus] <= cycles[*key, 1, bus]


def test_the_command_builds_the_npu(evaluator, table):
    entry = {name: column[0].item() for name, column in table.items()}
    assert evaluator.command(entry) == (
        "truncmac rtl --top npu --rows 4 --cols 4 --lanes 4 --planes 1 --requantisers "
        f"{entry['requantisers']} --groups 3 --depth 32 --bus-width 64 --max-reduction 576"
    )


def test_sizes_of_several_npus_are_those_of_each():
    npus = [
        npu_config_of(600, **dict(zip(names, sizes, strict=True)), lanes=8, groups=3, depth=64)
        for names in [("rows", "cols", "planes", "requantisers", "bus_width")]
        for sizes in product((4,), (8, 16), (1, 2), (0, 8), (64, 128))
    ]
    together = NpuSizes.of(npus, latency=5)
    for place, npu in enumerate(npus):
        alone = NpuSizes.of([npu], latency=5)
        for name in ("requantisers", "bus_bytes", "row_words", "rows_at_once", "latency"):
            assert getattr(together, name)[place].tolist() == getattr(alone, name)[0].tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top": "gpu"}, "s: top must be one of core, npu, not 'gpu'"),
        (
            {"objectives": ["energy_uj"]},
            "s: energy_uj is not known of designs of top 'npu'",
        ),
        (
            {"constraints": {"dram_gb_s": {"min": 1}}},
            "s: dram_gb_s is not known of designs of top 'npu'",
        ),
        (
            {"library": "asap7"},
            "s: library must not be given for top 'npu': its figures are the core's",
        ),
        (
            {"space": {"activation_kib": 4}},
            "s: [space]: a key must be one of bus_width, clock_mhz, cols, depth, groups, lanes, "
            "planes, requantisers, rows, not 'activation_kib'",
        ),
    ],
)
def test_what_is_wrong_is_named(settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spec_of({"top": "npu"} | settings, "s")


def test_a_workload_of_shapes_alone_is_refused():
    with pytest.raises(ValueError, match=r"^mobilenet-v2: must be a network for an NPU to run it"):
        evaluator_of(spec_of({"top": "npu", "workloads": ["mobilenet-v2"]}))


def test_the_core_has_no_columns_of_the_npu():
    with pytest.raises(ValueError, match=r"^s: depth is not known of designs of top 'core'$"):
        spec_of({"constraints": {"depth": {"min": 1}}}, "s")
