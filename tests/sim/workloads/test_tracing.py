import re

import pytest
import torch
from torch import nn

from truncmac.model.networks import ImageShape, build
from truncmac.sim.workloads.shapes import LayerShape, Window
from truncmac.sim.workloads.tracing import torch_workload
from truncmac.sim.workloads.zoo import WORKLOADS


@pytest.mark.parametrize(
    ("name", "image", "classes"),
    [("resnet18", 224, 1000), ("resnet50", 224, 1000), ("resnet20", 32, 10)],
)
def test_our_networks_have_the_layers_of_the_workload_by_name(name, image, classes):
    module = build(name, ImageShape(3, image, image, classes))
    traced = torch_workload(module, (3, image, image), name)
    shapes = [(layer.rows, layer.reduction, layer.columns, layer.window) for layer in traced.layers]
    known = WORKLOADS[name]().layers
    assert sorted(shapes, key=str) == sorted(
        ((layer.rows, layer.reduction, layer.columns, layer.window) for layer in known), key=str
    )
    if name != "resnet20":
        names = {layer.name.replace(".", "_") for layer in traced.layers}
        assert names == {layer.name for layer in known}


def test_a_modules_layers_come_in_the_order_of_their_calls():
    shared = nn.Linear(6, 6)
    module = nn.Sequential(nn.Conv2d(3, 4, (3, 1), 2), nn.Flatten(1, 2), shared, shared)
    workload = torch_workload(module, (3, 5, 11))
    window = Window(3, 5, 11, (3, 1), (2, 2))
    assert workload.name == "Sequential"
    assert workload.layers == (
        LayerShape("0", 12, 9, 4, window=window),
        LayerShape("2", 8, 6, 6),
        LayerShape("2#2", 8, 6, 6),
    )


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        (
            nn.Conv2d(4, 8, 3, padding=1, groups=4),
            LayerShape.conv2d("module", Window(1, 9, 7, (3, 3), (1, 1), (1, 1)), 2, groups=4),
        ),
        (
            nn.Conv2d(4, 8, (3, 5), padding="same"),
            LayerShape.conv2d("module", Window(4, 11, 11, (3, 5)), 8),
        ),
        (
            nn.Conv2d(4, 8, 3, padding="valid"),
            LayerShape.conv2d("module", Window(4, 9, 7, (3, 3)), 8),
        ),
        (nn.Conv2d(4, 8, 3, dilation=2), LayerShape("module", 15, 36, 8)),
    ],
    ids=["groups", "same", "valid", "dilation"],
)
def test_a_convolution_is_as_its_options_say(module, layer):
    assert torch_workload(module, (4, 9, 7)).layers == (layer,)


def test_attention_is_four_projections():
    block = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    layers = torch_workload(block, (10, 64)).layers
    assert [(layer.name, layer.rows, layer.reduction, layer.columns) for layer in layers] == [
        *((f"self_attn.{what}", 10, 64, 64) for what in ("query", "key", "value", "out_proj")),
        ("linear1", 10, 64, 128),
        ("linear2", 10, 128, 64),
    ]


class Cross(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=4)
        self.memory = nn.Buffer(torch.zeros(5, 1, 6))
        self.values = nn.Buffer(torch.zeros(5, 1, 4))

    def forward(self, x):
        return self.attention(x.transpose(0, 1), key=self.memory, value=self.values)


def test_attention_to_other_streams_counts_their_tokens():
    layers = torch_workload(Cross(), (3, 8)).layers
    assert [(layer.rows, layer.reduction, layer.columns) for layer in layers] == [
        *((3, 8, 8), (5, 6, 8), (5, 4, 8), (3, 8, 8))
    ]


def test_token_numbers_are_an_input_too():
    module = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    layers = torch_workload(module, torch.zeros(1, 7, dtype=torch.int64)).layers
    assert layers == (LayerShape("1", 7, 4, 2),)


def test_the_module_stays_as_it_was():
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout().eval())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    torch_workload(module, (4,))
    assert [part.training for part in module] == [True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module(torch.ones(2, 4)).device.type == "cpu"
    assert not any(part._forward_hooks for part in module)


class Data(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


UNSEEN = "{} computes {} MACs with weights, but 0 in Conv2d, Linear and MultiheadAttention modules"


@pytest.mark.parametrize(
    ("module", "inputs", "kind", "message"),
    [
        (nn.Conv1d(4, 4, 3), (4, 9), ValueError, f"Module {UNSEEN.format('Conv1d', 336)}"),
        (nn.LSTM(4, 4), (3, 4), ValueError, f"Module {UNSEEN.format('LSTM', 384)}"),
        (
            nn.ConvTranspose2d(2, 2, 2),
            (2, 3, 3),
            ValueError,
            f"Module {UNSEEN.format('ConvTranspose2d', 144)}",
        ),
        (nn.ReLU(), (3,), ValueError, "Workload 'ReLU' must have at least one layer of weights"),
        (nn.Linear(3, 1), torch.zeros(2, 3), ValueError, "Input must be a batch of one, not of 2"),
        (
            nn.Linear(3, 4),
            (5,),
            RuntimeError,
            "Linear must run on shapes alone, here (1, 5), not fail: a and b must",
        ),
        (
            Data(),
            (3,),
            RuntimeError,
            "Data must run on shapes alone, here (1, 3), not fail: Tensor.item()",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_traced_is_refused(module, inputs, kind, message):
    with pytest.raises(kind, match=f"^{re.escape(message)}"):
        torch_workload(module, inputs)
