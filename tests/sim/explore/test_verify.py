from functools import partial

import numpy as np
import pytest

from truncmac.golden import builtin_images, builtin_network, network_gemms
from truncmac.sim.explore import verify as explore_verify
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.settings import spec_of
from truncmac.sim.explore.verify import choose_entries, gemms_of_entry, verify_entry
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.workloads.shapes import LayerShape, Workload

SPACE = {"rows": 2, "cols": 2, "lanes": 2, "planes": 2}
TINY = Workload("tiny", (LayerShape("a", 7, 9, 9), LayerShape("b", 1, 12, 3, bits=8, raw=True)))


@pytest.fixture
def tiny(monkeypatch):
    for module in ("verify", "loads"):
        monkeypatch.setattr(f"truncmac.sim.explore.{module}.workload_by_name", lambda name: TINY)
    return evaluator_of(spec_of({"workloads": "tiny", "bits": [3], "space": SPACE}))


def entry_of(evaluator, index=0):
    table = evaluator.evaluate(np.array([0]))
    return {name: column[index].item() for name, column in table.items()}


def test_shapes_alone_are_cut_to_a_few_tiles(tiny):
    gemms, cut = gemms_of_entry(tiny, entry_of(tiny))
    assert cut
    assert [(g.name, g.rows, g.reduction, g.columns, g.bits) for g in gemms] == [
        ("a", 5, 9, 5, 3),
        ("b", 1, 12, 3, 8),
    ]
    outputs = gemms[0].outputs()
    assert gemms[1].requant is None
    assert len(np.unique(outputs)) > 5  # not all clamped to an end


def test_codes_of_long_reductions_are_spread(tiny, monkeypatch):
    long = Workload("tiny", (LayerShape("a", 7, 4608, 9),))
    monkeypatch.setattr("truncmac.sim.explore.verify.workload_by_name", lambda name: long)
    for bits in range(1, 9):
        (gemm,), _ = gemms_of_entry(tiny, entry_of(tiny) | {"bits": bits})
        outputs = gemm.outputs()
        assert np.mean((outputs > 0) & (outputs < 255)) > 0.3, bits


def test_a_network_runs_whole_on_its_images():
    evaluator = evaluator_of(spec_of({"space": SPACE}))
    row = entry_of(evaluator, 2)
    gemms, cut = gemms_of_entry(evaluator, row)
    assert not cut and row["bits"] == 2
    expected = network_gemms(builtin_network(), builtin_images()[0][:1], 2)
    assert [g.name for g in gemms] == [g.name for g in expected]
    assert all((g.outputs() == e.outputs()).all() for g, e in zip(gemms, expected, strict=True))


def test_the_rtl_agrees_and_a_difference_is_named(tiny, build_root, monkeypatch):
    # Icarus needs no build of many seconds
    monkeypatch.setattr(explore_verify, "simulate", partial(simulate, simulator="icarus"))
    row = entry_of(tiny)
    verdict = verify_entry(tiny, row, build_root=build_root)
    assert verdict.differences == []
    assert (verdict.layers, verdict.outputs, verdict.counters) == (2, 28, 20)

    count = explore_verify.count_sequence

    def one_more(products, sizes):
        counts = count(products, sizes)
        return type(counts)(**counts.arrays() | {"cycles": counts.cycles + np.array([0, 1])})

    monkeypatch.setattr(explore_verify, "count_sequence", one_more)
    (line,) = verify_entry(tiny, row, build_root=build_root).differences
    assert line.startswith("point 0, tiny, k = 3, layer 'b': cycles is ")

    monkeypatch.setattr(explore_verify, "count_sequence", count)
    outputs = explore_verify.Gemm.outputs
    monkeypatch.setattr(
        explore_verify.Gemm, "outputs", lambda gemm: outputs(gemm) + (gemm.name == "a")
    )
    (line,) = verify_entry(tiny, row, build_root=build_root).differences
    assert line == "point 0, tiny, k = 3, layer 'a': 25 outputs differ from golden"


def test_points_of_the_front_and_others_are_chosen():
    def table(points):
        count = len(points)
        return {
            "point": np.array(points),
            "workload": np.array(["x"] * count),
            "bits": np.full(count, 8),
        }

    front, sample = table([9, 8, 7, 6, 5]), table(list(range(30)))
    chosen = [row["point"] for row in choose_entries(front, sample, 3, seed=0)]
    assert chosen[:3] == [9, 7, 5]
    assert len(chosen) == len(set(chosen)) and 4 <= len(chosen) <= 6
    assert chosen == [row["point"] for row in choose_entries(front, sample, 3, seed=0)]
    assert chosen != [row["point"] for row in choose_entries(front, sample, 3, seed=1)]
    assert choose_entries({}, {}, 3, seed=0) == []
