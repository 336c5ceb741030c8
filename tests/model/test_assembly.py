import numpy as np
import pytest
import torch

from tests.model.float_networks import Functional, Modules
from truncmac.model.assembly import module_of
from truncmac.model.exported import float_graph
from truncmac.model.floats import FloatGraph, FloatGraphError, Step, lower


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("kind", [Functional, Modules])
def test_what_is_assembled_gives_what_the_module_gives(kind):
    torch.manual_seed(1)
    module = kind().eval()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean)
            torch.nn.init.uniform_(part.running_var, 0.5, 2)
            torch.nn.init.uniform_(part.weight, -1, 1)
    images = torch.rand(5, 1, 12, 12)
    with torch.no_grad():
        expected = module(images)
        found = module_of(lower(float_graph(module, (1, 12, 12))))(images)
    # The softmax at the end is gone
    last = torch.log_softmax if kind is Functional else torch.softmax
    torch.testing.assert_close(last(found, 1), expected, rtol=1e-5, atol=1e-6)


def test_odd_names_become_names_of_modules():
    weight = {"weight": np.ones((2, 1, 1, 1), np.float32)}
    sizes = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    names = ["0/a b", "forward", "x.y", "x_y"]
    sources = ["image", *names]
    weights = [weight, *[{"weight": np.ones((2, 2, 1, 1), np.float32)}] * 3]
    steps = tuple(
        Step(name, "conv", (source,), own, sizes)
        for name, source, own in zip(names, sources, weights, strict=False)
    )
    module = module_of(FloatGraph("g", steps))
    assert [name for name, _ in module.named_children()] == [
        "step_0_a_b",
        "forward_",
        "x_y",
        "x_y_",
    ]
    assert module(torch.ones(1, 1, 1, 1)).flatten().tolist() == [8, 8]


def test_an_operation_without_a_module_is_refused():
    with pytest.raises(FloatGraphError, match="^s: softmax has no integer form$"):
        module_of(FloatGraph("g", (Step("s", "softmax", ("image",)),)))
