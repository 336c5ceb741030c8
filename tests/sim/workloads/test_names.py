import re
from dataclasses import replace

import pytest

from tests.golden.networks import small_network
from truncmac.golden import EXAMPLES, builtin_network, example_network, inspect_network, save
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


LARGE = ("resnet18",)  # its weights take longest to make up


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long if n in LARGE else ()) for n in EXAMPLES]
)
def test_an_example_of_golden_is_the_workload_of_its_name(name):
    """But for the layers' names: the workloads have those of the PyTorch models."""
    found, known = network_workload(example_network(name)).layers, WORKLOADS[name]().layers
    assert [replace(layer, name="") for layer in found] == [
        replace(layer, name="") for layer in known
    ]


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
