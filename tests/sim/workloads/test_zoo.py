"""Known networks, against published figures."""

import pytest

from truncmac.sim.workloads.zoo import WORKLOADS


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("resnet20", 40.55e6, 40.8e6),  # arXiv 1512.03385 has 40.8, other counts 40.55 million
        ("resnet18", 1.81e9, 1.82e9),
        ("resnet50", 4.08e9, 4.11e9),
        ("mobilenet-v1", 568e6, 569e6),  # arXiv 1704.04861, table 4
        ("mobilenet-v2", 300e6, 301e6),  # arXiv 1801.04381, table 4
    ],
)
def test_macs_are_the_published_ones(name, least, most):
    assert least <= WORKLOADS[name]().macs <= most


def test_pointwise_layers_are_the_published_share_of_mobilenet():
    """94.86 %: arXiv 1704.04861, table 2; and 3.06 % depthwise."""
    whole, part = WORKLOADS["mobilenet-v1"](), WORKLOADS["mobilenet-v1-pointwise"]()
    assert round(100 * part.macs / whole.macs, 2) == 94.86
    depthwise = [layer for layer in whole.layers if layer.groups > 1]
    assert round(100 * sum(layer.macs for layer in depthwise) / whole.macs, 2) == 3.06
    assert {(layer.reduction, layer.columns) for layer in depthwise} == {(9, 1)}
    assert len(WORKLOADS["mobilenet-v2-pointwise"]().layers) == 34


def test_attention_scores_complete_the_published_macs_of_a_vision_transformer():
    """17.56 billion with the two products of activations in each block (torchvision's figure)."""
    scores = 12 * 2 * 197 * 197 * 768
    assert round((WORKLOADS["vit-b16"]().macs + scores) / 1e9, 2) == 17.56


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet18", 11_678_912),  # torchvision's 11,689,512 less 9,600 of norms and 1,000 biases
        ("resnet50", 25_502_912),  # 25,557,032 less 53,120 and 1,000
        ("bert-base", 84_934_656),
        ("gpt2-small", 84_934_656 + 768 * 50257),
    ],
)
def test_weights_are_the_published_ones(name, weights):
    layers = WORKLOADS[name]().layers
    assert sum(layer.groups * layer.reduction * layer.columns for layer in layers) == weights


def test_only_first_and_last_layers_keep_their_bits():
    for name in ("resnet20", "resnet18", "resnet50", "mobilenet-v1", "mobilenet-v2", "vit-b16"):
        layers = WORKLOADS[name]().layers
        assert [layer.name for layer in layers if layer.bits] == [layers[0].name, layers[-1].name]
        assert [layer.name for layer in layers if layer.raw] == [layers[-1].name]


@pytest.mark.parametrize(
    ("name", "count"), [("resnet20", 9), ("resnet18", 8), ("resnet50", 16), ("mobilenet-v2", 10)]
)
def test_each_block_with_a_residual_has_one_layer_that_adds_it(name, count):
    assert sum(layer.residual for layer in WORKLOADS[name]().layers) == count
