import re
from itertools import product

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.golden import (
    Flatten,
    Gemm,
    ImageSpec,
    Linear,
    Network,
    Recalibration,
    accuracy,
    builtin_images,
    builtin_network,
    execute,
    layer_bits,
    load,
    save,
    with_layer_bits,
)
from truncmac.golden.mixed import IMAGES_AT_ONCE

SMALL = small_network()
FOLLOWING = ("second", "third", "logits")
MIXES = [dict(zip(FOLLOWING, bits, strict=True)) for bits in product((8, 2), repeat=3)]
IMAGES = np.random.default_rng(1).integers(0, 64, (40, 2, 7, 6), np.uint8)


@pytest.mark.parametrize("bits", [8, 2, *MIXES], ids=str)
def test_a_mixed_network_gives_what_execute_gives_for_the_mapping(bits, tmp_path):
    expected = execute(SMALL, IMAGES, bits).outputs
    save(with_layer_bits(SMALL, bits), tmp_path / "mixed")
    mixed = load(tmp_path / "mixed")
    found = execute(mixed, IMAGES, 8).outputs
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_each_layer_has_its_k_and_there_is_one_parameter_set():
    mixed = with_layer_bits(SMALL, {"second": 2, "third": 8, "logits": 2})
    assert mixed.bit_widths == (8,)
    assert [layer.bits for layer in mixed.products] == [8, 2, 8, 2]
    assert not [name for name in mixed.tensors if ".b2." in name]
    assert [layer.bits for layer in with_layer_bits(SMALL, 2).products] == [8, 2, 2, 2]


def test_certificates_stay_with_their_parameters():
    network = builtin_network()
    mixed = with_layer_bits(network, {"conv2": 1, "conv3": 8, "conv4": 2})
    for name, bits in {"conv1": 8, "conv2": 1, "conv3": 8, "conv4": 2}.items():
        exact = network.tensors[f"{name}.b{bits}.exact"]
        np.testing.assert_array_equal(mixed.tensors[f"{name}.b8.exact"], exact)


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        ({}, "Bit-widths must be given for the layers without a k of their own, "),
        (
            {"second": 2, "third": 4, "logits": 8},
            "Layer 'third' has no parameters for k = 4, only for 2, 8",
        ),
        (4, "The network has no parameters for k = 4, only for 2, 8"),
    ],
)
def test_a_mix_without_parameters_is_refused(bits, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        with_layer_bits(SMALL, bits)


def channel_means(network, bits, images=IMAGES):
    """Mean of M*S + Mr*r + B of each layer (N,), and its k's parameter set, in rationals."""
    gemms: list[Gemm] = []
    execute(network, images, bits, on_gemm=gemms.append)
    means = {}
    for gemm in gemms:
        prefix = f"{gemm.name}.b{layer_bits(network, bits)[gemm.name][1]}"
        tensors = network.tensors
        values = gemm.sums() * tensors[f"{prefix}.multiplier"] + tensors[f"{prefix}.bias"]
        if gemm.residual is not None:
            values = values + gemm.residual * tensors[f"{prefix}.residual_multiplier"]
        means[gemm.name] = values.mean(axis=0)
    return means


@pytest.mark.parametrize("bits", MIXES, ids=str)
def test_recalibrated_channels_have_the_means_of_their_own_width(bits):
    recalibration = Recalibration.of(SMALL, IMAGES)
    found = channel_means(recalibration.at(bits), 8)
    for name, mean in found.items():
        wanted = channel_means(SMALL, bits.get(name, 8))[name]
        np.testing.assert_allclose(mean, wanted, rtol=1e-9, atol=0.51, err_msg=name)


def test_means_are_those_of_all_images():
    """More than run at once, without a bias and in rationals."""
    images = np.random.default_rng(2).integers(0, 64, (2 * IMAGES_AT_ONCE + 3, 2, 7, 6), np.uint8)
    found = Recalibration.of(SMALL, images).means
    assert set(found) == {8, 2}
    for bits, means in found.items():
        expected = channel_means(SMALL, bits, images)
        assert set(means) == set(expected)
        for name, mean in means.items():
            k = layer_bits(SMALL, bits)[name][1]
            exact = expected[name] - SMALL.tensors[f"{name}.b{k}.bias"]
            np.testing.assert_allclose(mean, exact, rtol=1e-11, err_msg=name)


@pytest.mark.parametrize(("count", "code_bits"), [(300, 8), (65_796, 1)])
def test_layers_of_sums_past_float32_are_run_exactly(count, code_bits):
    """300 products of 255 x 255 are past 2**24 and odd: a code of 8 would be 7 or 9 otherwise.

    So are 65,795 products of 255 x 1. At k = 4 the layer gives 3, so that the logits' bias moves by
    (3 - 8) times their weights.
    """
    most = (1 << code_bits) - 1
    images = np.full((5, count, 1, 1), most, np.uint8)
    images[:, 0] -= 1
    total = count * most - 1
    tensors = {
        "a.codes": np.full((1, count), 255, np.uint8),
        "b.codes": np.array([[160]], np.uint8),
    }
    for k, weight, code in ((8, 255, 8), (4, 15, 3)):
        assert (k == 4) == (weight * total < 1 << 24)
        tensors[f"a.b{k}.multiplier"] = np.array([1])
        tensors[f"a.b{k}.bias"] = np.array([code - weight * total])
        tensors[f"a.b{k}.shift"] = np.array([0])
        tensors[f"b.b{k}.multiplier"] = np.array([7])
        tensors[f"b.b{k}.bias"] = np.array([100])
    assert 255 * total % 2 == 1
    layers = (Flatten("flat", "image"), Linear("a", "flat", out_bits=4), Linear("b", "a"))
    network = Network("long", ImageSpec(count, 1, 1, code_bits), (8, 4), layers, tensors)
    moved = Recalibration.of(network, images).at({"a": 8, "b": 4})
    weight = 2 * (160 >> 4) - 15
    assert moved.tensors["b.b8.bias"].tolist() == [100 + 7 * weight * (3 - 8)]


@pytest.mark.parametrize("bits", [8, 2, MIXES[0]], ids=str)
def test_recalibration_leaves_a_network_of_one_width_alone(bits):
    moved, plain = Recalibration.of(SMALL, IMAGES).at(bits), with_layer_bits(SMALL, bits)
    assert moved.layers == plain.layers
    for name, tensor in plain.tensors.items():
        np.testing.assert_array_equal(moved.tensors[name], tensor, err_msg=name)


def test_recalibration_moves_biases_only_and_drops_their_certificates():
    network, (images, _) = builtin_network(), builtin_images()
    bits = {"conv2": 4, "conv3": 1, "conv4": 8}
    moved = Recalibration.of(network, images[:64]).at(bits)
    plain = with_layer_bits(network, bits)
    changed = {
        name
        for name, tensor in plain.tensors.items()
        if not np.array_equal(moved.tensors[name], tensor)
    }
    layers = ("conv3", "conv4")
    assert changed >= {f"{name}.b8.bias" for name in (*layers, "linear")}
    assert {name.rpartition(".")[2] for name in changed} == {"bias", "exact"}
    for name in layers:
        still = moved.tensors[f"{name}.b8.bias"] == plain.tensors[f"{name}.b8.bias"]
        expected = plain.tensors[f"{name}.b8.exact"] * still
        np.testing.assert_array_equal(moved.tensors[f"{name}.b8.exact"], expected)


def test_recalibration_mends_a_bad_mix_on_other_images():
    network, (images, labels) = builtin_network(), builtin_images()
    bits = {"conv2": 4, "conv3": 1, "conv4": 8}
    assert labels is not None
    before = accuracy(execute(network, images[:322], bits).logits, labels[:322])
    moved = Recalibration.of(network, images[322:]).at(bits)
    after = accuracy(execute(moved, images[:322], 8).logits, labels[:322])
    assert before < 0.93
    assert after > 0.98
