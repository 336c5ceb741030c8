from pathlib import Path

import numpy as np
import pytest

from tests.sim.explore.exploring import evaluator_for
from truncmac.golden import (
    BUILTIN_IMAGES,
    accuracy,
    builtin_images,
    builtin_network,
    execute,
    save,
    with_layer_bits,
)
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.fronts import Fronts, worst_of_designs
from truncmac.sim.explore.settings import spec_of


def test_the_worst_of_a_design():
    table = {
        "point": np.array([4, 4, 7, 7]),
        "bits": np.array([8, 2, 8, 2]),
        "images_per_s": np.array([1.0, 2.0, 5.0, 3.0]),
        "cycles": np.array([10, 20, 5, 6]),
        "feasible": np.array([True, True, True, False]),
        "fits": np.array([True, True, True, True]),
    }
    found = worst_of_designs(table, {"images_per_s": -1, "cycles": 1})
    assert found["point"].tolist() == [4, 7]
    assert found["bits"].tolist() == [8, 2]
    assert found["images_per_s"].tolist() == [1.0, 3.0]
    assert found["cycles"].tolist() == [20, 6]
    assert found["feasible"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("front", "keys"),
    [
        ("each", [("digits", 8), ("digits", 2)]),
        ("workload", [("digits", 0)]),
        ("all", [("", 0)]),
        ("worst", [("", 0)]),
    ],
)
def test_there_is_a_front_for_each_group(front, keys):
    evaluator = evaluator_for(front=front)
    fronts = Fronts(evaluator.spec)
    fronts.add(evaluator.evaluate(np.arange(60)))
    assert list(fronts.groups) == keys
    assert len(fronts.table["point"]) == sum(map(len, fronts.groups.values())) > 0


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
    table = evaluator_of(spec).evaluate(np.array([0]))
    fronts = Fronts(spec)
    fronts.add(table)
    costs = sorted(zip(table["cycles"].tolist(), (-table["accuracy"]).tolist(), strict=True))
    best = [c for c in costs if not any(a <= c[0] and b <= c[1] and (a, b) != c for a, b in costs)]
    kept = zip(fronts.table["cycles"].tolist(), (-fronts.table["accuracy"]).tolist(), strict=True)
    assert sorted(kept) == best
    assert table["workload"].tolist() == ["digits"] * 4 + [path]
    assert table["bits"].tolist() == [8, 4, 2, 1, 8]
    assert table["cycles"][3] < table["cycles"][4] < table["cycles"][1]
    images, labels = builtin_images()
    logits = execute(builtin_network(), images, bits).logits
    assert table["accuracy"][4] == pytest.approx(accuracy(logits, labels))
