from dataclasses import replace

import numpy as np
import pytest

from truncmac.golden import accuracy, builtin_images, builtin_network, execute
from truncmac.sim.explore import loads
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.settings import spec_of
from truncmac.sim.workloads.shapes import LayerShape, Workload


def test_accuracy_is_golden_s():
    spec = spec_of({"objectives": ["accuracy", "cycles"], "space": {"rows": 4, "cols": 4}})
    table = evaluator_of(spec).evaluate(np.array([0]))
    assert table["bits"].tolist() == [8, 4, 2, 1]
    images, labels = builtin_images()
    expected = [
        accuracy(execute(builtin_network(), images, k).logits, labels) for k in (8, 4, 2, 1)
    ]
    assert table["accuracy"].tolist() == pytest.approx(expected)


def test_the_fingerprint_is_of_all_that_matters():
    evaluator = evaluator_of(spec_of({"workloads": "resnet20"}))
    load = evaluator.loads[0]
    assert replace(load, bits=(8,)).fingerprint != load.fingerprint
    longer = replace(load.layers, rows=load.layers.rows + 1)
    assert replace(load, layers=longer).fingerprint != load.fingerprint


def test_where_every_layer_has_a_k_of_its_own_one_k_of_the_network_is_enough(monkeypatch):
    layers = (LayerShape("a", 4, 8, 4, bits=3), LayerShape("b", 4, 8, 4, bits=5))
    for shapes, bits in ((layers, (5,)), ((layers[0], LayerShape("b", 4, 8, 4)), (8, 2))):
        monkeypatch.setattr(loads, "workload_by_name", lambda name, s=shapes: Workload(name, s))
        (load,) = loads.loads_of(spec_of({"workloads": "own", "bits": [8, 2]}))
        assert load.bits == bits
