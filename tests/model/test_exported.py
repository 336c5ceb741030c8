import re

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import nn

from tests.model.float_networks import Functional, Modules
from truncmac.model.exported import float_graph
from truncmac.model.floats import FloatGraphError


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_a_modules_steps_are_named_after_its_parts():
    graph = float_graph(Modules(), (1, 12, 12))
    assert [(step.name, step.op) for step in graph.steps] == [
        ("first.0", "conv"),
        ("first.1", "norm"),
        ("pool", "max_pool"),
        ("relu", "relu"),
        ("second", "conv"),
        ("six", "relu"),
        ("mean.mean", "mean"),
        ("mean", "flatten"),
        ("drop", "identity"),
        ("head", "linear"),
        ("soft", "softmax"),
    ]
    assert graph.steps[2].sizes == {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)}
    assert graph.steps[5].sizes == {"limit": 6.0}


def test_functions_are_steps_too():
    graph = float_graph(Functional(), (1, 8, 8))
    found = [step.op for step in graph.steps]
    assert found == [
        *("conv", "norm", "relu", "conv", "relu", "add", "conv", "add", "relu", "conv"),
        *("max_pool", "relu", "mean", "identity", "flatten", "linear", "softmax"),
    ]


class Refused(nn.Module):
    """What `function` makes of a convolution."""

    def __init__(self, function):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.function = function

    def forward(self, images):
        return self.function(self.conv(images))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (torch.sigmoid, "sigmoid (Refused): sigmoid has no integer form"),
        (lambda x: x + 1, "add (Refused): adds a number; only values of the network are added"),
        (
            lambda x: F.avg_pool2d(x, 2),
            "avg_pool2d (Refused): a mean over less than the whole image",
        ),
        (lambda x: x.mean(1), "mean (Refused): a mean over something other than height and width"),
        (
            lambda x: torch.add(x, x, alpha=2),
            "add (Refused): adds a number; only values of the network are added",
        ),
        (
            lambda x: F.max_pool2d(x, 2, ceil_mode=True),
            "max_pool2d (Refused): a pool with dilation or ceil_mode",
        ),
        (
            lambda x: F.hardtanh(x),
            "hardtanh (Refused): clamps to -1.0 to 1.0; codes hold 0 to 1 or 0 to 6",
        ),
        (lambda x: x.flatten(), "flatten (Refused): reshapes (2, 4, 6, 6) to (288,); only to one"),
    ],
)
def test_what_has_no_form_is_refused_with_its_module(function, message):
    text = re.escape(f"Refused cannot be converted:\n  {message}")
    with pytest.raises(FloatGraphError, match=f"^{text}"):
        float_graph(Refused(function), (1, 8, 8))


def test_a_module_that_depends_on_its_data_is_refused():
    module = Refused(lambda x: x if x.sum() > 0 else -x)
    with pytest.raises(FloatGraphError, match="^Refused: torch.export cannot trace it: "):
        float_graph(module, (1, 8, 8))
