import re

import numpy as np
import pytest

from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.settings import spec_of


def test_an_entry_for_each_design_workload_and_k(evaluator, table):
    # Digits has no parameters for k = 3; four requantisers do not divide six columns
    assert evaluator.entries_per_design == 5
    assert len(table["point"]) == 5 * 24
    assert table["workload"][:5].tolist() == ["digits"] * 2 + ["resnet20"] * 3
    assert table["bits"][:5].tolist() == [8, 1, 8, 3, 1]
    assert set(table["requantisers"][table["cols"] == 6].tolist()).isdisjoint({4})
    assert evaluator.max_reduction == 576


def test_points_may_be_evaluated_in_any_parts(evaluator, table):
    some = evaluator.evaluate(np.array([17, 3]))
    for name, column in some.items():
        expected = [table[name][table["point"] == point] for point in (17, 3)]
        assert column.tolist() == np.concatenate(expected).tolist(), name


def test_sizes_without_an_array_give_no_entries(evaluator):
    points = np.arange(len(evaluator.spec.design_space))
    designs = evaluator.spec.design_space.sizes_at(points)
    none = points[(designs["cols"] == 6) & (designs["requantisers"] == 4)]
    table = evaluator.evaluate(none)
    assert set(table) >= {"point", "cycles", "feasible"} and not len(table["point"])


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
