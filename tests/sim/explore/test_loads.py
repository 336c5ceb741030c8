from dataclasses import replace

import numpy as np
import pytest

from truncmac.golden import accuracy, builtin_images, builtin_network, execute
from truncmac.sim.explore.evaluation import evaluator_of
from truncmac.sim.explore.settings import spec_of


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
