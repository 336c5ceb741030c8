"""Layers that make codes of codes, and convolutions with groups, against plain loops."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network, wide_network
from tests.golden.reference import plain_outputs
from truncmac.golden import (
    Concat,
    Conv2d,
    DepthToSpace,
    Lookup,
    NetworkFileError,
    Recalibration,
    Scale,
    check_dense,
    code_bits,
    execute,
    load,
    save,
    shapes,
)
from truncmac.golden.description import description_of

NETWORK = wide_network()
IMAGES = np.random.default_rng(1).integers(0, 64, (3, 4, 6, 5), np.uint8)


@pytest.mark.parametrize("bits", [8, 2])
def test_every_layer_equals_plain_loops(bits):
    outputs = execute(NETWORK, IMAGES, bits).outputs
    for name, expected in plain_outputs(NETWORK, IMAGES, bits).items():
        if name != "image":
            np.testing.assert_array_equal(
                outputs[name], expected.reshape(outputs[name].shape), name
            )
            assert len(np.unique(expected)) > 2, name


def test_each_groups_product_is_told():
    gemms = []
    outputs = execute(NETWORK, IMAGES, 8, on_gemm=gemms.append).outputs
    found = [(gemm.name, gemm.first) for gemm in gemms]
    assert found[:3] == [("grouped", 0), ("grouped", 3), ("depthwise", 0)]
    assert found[3:8] == [("depthwise", channel) for channel in range(1, 6)]
    for gemm in gemms[:8]:
        whole = outputs[gemm.name].transpose(0, 2, 3, 1).reshape(gemm.rows, -1)
        expected = whole[:, gemm.first : gemm.first + gemm.columns]
        np.testing.assert_array_equal(gemm.outputs(), expected)


def test_a_file_keeps_all_of_it(tmp_path):
    save(NETWORK, tmp_path / "wide.safetensors")
    again = load(tmp_path / "wide.safetensors")
    assert again.layers == NETWORK.layers
    np.testing.assert_array_equal(
        execute(again, IMAGES, 2).logits, execute(NETWORK, IMAGES, 2).logits
    )


def test_a_network_is_written_in_the_oldest_version_that_will_do():
    assert description_of(NETWORK)["version"] == 2
    assert description_of(small_network())["version"] == 1
    for change in ({"dilation": (1, 2)}, {"groups": 2}, {"padding": (1, 1, 1, 1)}):
        small = small_network()
        layers = (replace(small.layers[0], **change), *small.layers[1:])
        assert description_of(replace(small, layers=layers))["version"] == 2, change


def test_codes_have_the_bits_of_tables_and_of_what_is_joined():
    bits = code_bits(NETWORK)
    assert [bits[name] for name in ("table", "tables", "up", "join", "scaled")] == [6, 7, 7, 8, 7]


def test_a_mix_of_bit_widths_keeps_tables_and_groups():
    following = [layer.name for layer in NETWORK.products]
    mixed = Recalibration.of(NETWORK, IMAGES).at(dict.fromkeys(following, 2))
    assert execute(mixed, IMAGES, 8).logits.shape == (3, 3)
    same = Recalibration.of(NETWORK, IMAGES).at(dict.fromkeys(following, 8))
    np.testing.assert_array_equal(
        execute(same, IMAGES, 8).logits, execute(NETWORK, IMAGES, 8).logits
    )


def test_groups_are_refused_where_they_do_not_run():
    check_dense(small_network(), "it")
    message = (
        "Layer 'grouped' is a convolution of 2 groups, which it does not run; run it on golden"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_dense(NETWORK, "it")
    small = small_network()
    layers = (replace(small.layers[0], offset=90), *small.layers[1:])
    message = "Layer 'first' has weights of which the code 90 stands for 0; it does not run them"
    with pytest.raises(ValueError, match=message):
        check_dense(replace(small, layers=layers), "it")
    assert description_of(replace(small, layers=layers))["version"] == 2


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Lookup("table", "grouped"),
            "Layer 'table' must have a table of 256 codes, or one for each of 6 channels, "
            "not one of shape (3, 256)",
        ),
        (
            Concat("c", "grouped", ("apart",)),
            "Layer 'c' joins 'grouped', which gives (6, 7, 5), and 'apart', which gives (3, 3, 3)",
        ),
        (
            DepthToSpace("d", "grouped", (2, 2)),
            "Layer 'd' takes a multiple of 4 channels, but its input 'grouped' gives (6, 7, 5)",
        ),
        (
            DepthToSpace("d", "flat", (2, 2)),
            "Layer 'd' takes (channels, height, width), but its input 'flat' gives (18,)",
        ),
        (
            Scale("s", "grouped", by="apart"),
            "Layer 's' multiplies 'grouped', which gives (6, 7, 5), by 'apart', which gives "
            "(3, 3, 3)",
        ),
        (
            Conv2d("grouped", "image", groups=4),
            "Layer 'grouped' takes 8 channels, but its input 'image' gives (4, 6, 5)",
        ),
        (
            Conv2d("apart", "image", padding=(0, 0, 2, 0)),
            "Layer 'apart' must have a padding narrower than its window (2, 2), not (0, 0, 2, 0)",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(layer, message):
    network = replace(
        NETWORK,
        layers=(*NETWORK.layers[:-1], layer),
        tensors={**NETWORK.tensors, "table.table": np.zeros((3, 256), np.uint8)},
    )
    if layer.name in ("grouped", "apart"):
        network = replace(network, layers=(layer,))
    if layer.name == "table":
        network = replace(network, layers=(NETWORK.layers[0], layer))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        shapes(network)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("table.table", np.full(256, 64, np.uint8), "'table.table' must be codes of 6 bits"),
        ("table.table", np.zeros(255, np.uint8), "'table.table' must be codes of 6 bits"),
        ("table.table", np.zeros(256, np.int64), "'table.table' must be codes of 6 bits"),
        ("scaled.shift", np.array([64]), "tensor 'scaled.shift' must be in 0..63"),
        ("scaled.shift", np.array([1, 2]), "'scaled.shift' must be int64 with shape (1,)"),
        ("scaled.multiplier", np.array([1 << 50]), "layer 'scaled' can overflow 64 bits"),
    ],
)
def test_tensors_that_are_not_as_they_must_be_are_refused(name, value, message, tmp_path):
    network = replace(NETWORK, tensors={**NETWORK.tensors, name: value})
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        save(network, tmp_path / "n")
