from collections import Counter
from itertools import islice

import numpy as np
import pytest

from truncmac.descriptors import Operation
from truncmac.golden import Conv2d, Linear, execute
from truncmac.sim.npu.steps import network_steps
from truncmac.sim.npu.stimulus import WIDTHS, fitting, random_images, random_network


def test_the_seed_decides_and_every_kind_of_layer_is_drawn():
    kinds = Counter()
    for seed in range(40):
        network, again = random_network(seed), random_network(seed)
        assert network.layers == again.layers
        assert all(np.array_equal(again.tensors[n], t) for n, t in network.tensors.items())
        kinds.update(type(layer).__name__ for layer in network.layers)
        convolutions = [layer for layer in network.layers if isinstance(layer, Conv2d)]
        kinds["residual"] += sum(layer.residual is not None for layer in convolutions)
        kinds["own k"] += sum(layer.bits is not None for layer in convolutions)
        last = network.layers[-1]
        kinds["logits"] += isinstance(last, Linear) and last.out_bits is None
        steps = network_steps(network).steps
        kinds["strided"] += sum(step.residual_stride != (1, 1) for step in steps)
        kinds["fewer"] += sum(0 < step.residual_channels < step.shape[2] for step in steps)
        kinds["operation"] += sum(step.operation == Operation.SHORTCUT for step in steps)
    assert set(kinds) == {
        *("Conv2d", "MaxPool", "AvgPool", "Shortcut", "Flatten", "Linear"),
        *("residual", "own k", "logits", "strided", "fewer", "operation"),
    }
    assert min(kinds.values()) > 5


@pytest.mark.parametrize("seed", [0, 5])
def test_they_run_at_every_k(seed):
    network = random_network(seed)
    images = random_images(network, seed, 2)
    assert images.shape[0] == 2
    for bits in WIDTHS:
        execute(network, images, bits)


def test_networks_that_do_not_fit_are_passed_over():
    def name(network):
        if len(network.layers) > 5:
            raise ValueError("too deep")
        return network.name

    names = list(islice(fitting(name, 0), 5))
    assert len(set(names)) == 5
    assert names == list(islice(fitting(name, 0), 5))
    assert all(len(random_network(int(n.removeprefix("random"))).layers) <= 5 for n in names)


def test_where_none_fits_there_is_an_end():
    def refuse(network):
        raise ValueError("too deep")

    message = "None of 50 random networks fits the NPU; the last: too deep"
    with pytest.raises(ValueError, match=f"^{message}$"):
        next(fitting(refuse, 0))
