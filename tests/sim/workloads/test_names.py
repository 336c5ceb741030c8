"""Workloads by name and of networks, against published figures and against PyTorch's modules."""

import re
from dataclasses import replace

import pytest

from tests.golden.networks import small_network
from truncmac.golden import EXAMPLES, builtin_network, example_network, inspect_network, save
from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.rivals import bound_cycles, convolutions, scale_sim_cycles
from truncmac.sim.workloads.names import network_workload, workload_by_name
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload
from truncmac.sim.workloads.zoo import WORKLOADS


@pytest.mark.parametrize("network", [small_network(), builtin_network()], ids=lambda n: n.name)
def test_a_network_has_the_layers_that_its_inspection_shows(network):
    workload = network_workload(network)
    assert workload.name == network.name
    assert [
        (layer.name, layer.macs, layer.reduction, layer.columns, layer.bits)
        for layer in workload.layers
    ] == [
        (layer.name, layer.macs, layer.reduction, layer.columns, layer.bits)
        for layer in inspect_network(network)
    ]


def test_a_networks_layers_know_their_windows_and_outputs():
    first, second, third, logits = network_workload(small_network()).layers
    assert first.window == Window(2, 7, 6, (3, 3), (1, 1), (1, 1))
    assert second.window == Window(5, 7, 6, (3, 3), (1, 1), (1, 1))
    assert third.window == Window(5, 3, 3, (2, 2), (2, 1), (0, 0))
    assert (first.rows, third.rows, logits.rows) == (42, 2, 1)
    assert [layer.residual for layer in (first, second, third, logits)] == [
        False,
        True,
        False,
        False,
    ]
    assert [layer.raw for layer in (first, second, third, logits)] == [False, False, False, True]
    assert (first.input_codes, third.input_codes, logits.input_codes) == (84, 45, 4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_golden_is_the_workload_of_its_name(name):
    """But for the layers' names: the workloads have those of the PyTorch models."""
    found, known = network_workload(example_network(name)).layers, WORKLOADS[name]().layers
    assert [replace(layer, name="") for layer in found] == [
        replace(layer, name="") for layer in known
    ]


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


def test_scale_sim_cycles_of_the_residual_networks_convolutions():
    """As SCALE-Sim reports them: projections included, without the fully connected layers."""
    for name, figures in {
        "resnet20": (206_817, 83_423),
        "resnet18": (9_131_676, 2_806_392),
    }.items():
        layers = convolutions(WORKLOADS[name]())
        assert (scale_sim_cycles(layers, 16, 16), scale_sim_cycles(layers, 32, 32)) == figures


def test_the_bound_is_rounded_up_once():
    layers = (LayerShape("a", 3, 5, 7, bits=8), LayerShape("b", 2, 5, 7, groups=3))
    config = ArrayConfig(rows=4, cols=4, lanes=8, planes=2)
    assert bound_cycles(layers, config, 3) == -(-(105 * 4 + 210 * 2) // 128)
    assert bound_cycles(layers[:1], config, 1) == 4
    assert bound_cycles([LayerShape("c", 16, 8, 1)], config, 2) == 1


def test_groups_are_products_of_their_own():
    one = LayerShape.conv2d("a", Window(2, 5, 5, (3, 3)), 4)
    many = replace(one, groups=3)
    assert (many.macs, many.input_codes) == (3 * one.macs, 3 * one.input_codes)
    assert scale_sim_cycles([many], 4, 4) == 3 * scale_sim_cycles([one], 4, 4)


def test_rows_of_groups_are_codes_of_their_own():
    assert LayerShape("a", 2, 3, 4, groups=5).input_codes == 2 * 3 * 5


@pytest.mark.parametrize(
    ("name", "count"), [("resnet20", 9), ("resnet18", 8), ("resnet50", 16), ("mobilenet-v2", 10)]
)
def test_each_block_with_a_residual_has_one_layer_that_adds_it(name, count):
    assert sum(layer.residual for layer in WORKLOADS[name]().layers) == count


def test_a_layer_without_groups_is_refused():
    with pytest.raises(ValueError, match="^Layer 'a' must have groups of at least 1, not 0$"):
        LayerShape("a", 1, 1, 1, groups=0)


def test_a_workload_is_found_by_name_and_by_file(tmp_path):
    assert workload_by_name("resnet20").macs == 40_551_040
    assert workload_by_name("digits") == network_workload(builtin_network())
    network, topology = tmp_path / "my.safetensors", tmp_path / "my.CSV"
    save(small_network(), network)
    topology.write_text("Layer, M, N, K,\na, 4, 3, 2,\n")
    assert workload_by_name(str(network)) == network_workload(small_network())
    assert workload_by_name(str(topology)) == Workload("my", (LayerShape("a", 4, 2, 3),))


def test_a_transformer_takes_its_sequence_length():
    rows = {layer.rows for layer in workload_by_name("bert-base@17").layers}
    assert rows == {17}
    assert workload_by_name("bert-base@128") == workload_by_name("bert-base")
    assert workload_by_name("gpt2-small").layers[0] == LayerShape("block1_qkv", 1024, 768, 2304)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "resnet19",
            "Workload must be one of resnet20, resnet18, resnet50, mobilenet-v1, "
            "mobilenet-v1-pointwise, mobilenet-v2, mobilenet-v2-pointwise, vit-b16, bert-base, "
            "gpt2-small, digits, NAME@TOKENS of bert-base or gpt2-small, a .csv topology or an "
            "exported network, not 'resnet19'",
        ),
        (
            "bert-base@0",
            "Sequence length of bert-base must be a whole number in 1..1048576, not '0'",
        ),
        (
            "bert-base@1048577",
            "Sequence length of bert-base must be a whole number in 1..1048576, not '1048577'",
        ),
        (
            "gpt2-small@1e3",
            "Sequence length of gpt2-small must be a whole number in 1..1048576, not '1e3'",
        ),
    ],
)
def test_an_unknown_workload_is_answered_with_the_known_ones(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        workload_by_name(text)
