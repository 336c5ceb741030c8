"""The products of a network's layers, at k that it has and that it has not."""

from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network
from tests.golden.reference import plain_outputs, plain_weights
from truncmac.golden import each_gemm, network_gemms

NETWORK = small_network()  # with parameters for k = 8 and 2; its first layer keeps k = 8
IMAGES = np.random.default_rng(5).integers(0, 64, (3, 2, 7, 6), np.uint8)


def outputs_of(gemms):
    return {gemm.name: gemm.outputs() for gemm in gemms}


@pytest.mark.parametrize("bits", [8, 2])
def test_products_give_the_layers_outputs(bits):
    gemms = network_gemms(NETWORK, IMAGES, bits)
    assert [gemm.name for gemm in gemms] == ["first", "second", "third", "logits"]
    expected = plain_outputs(NETWORK, IMAGES, bits)
    for name, found in outputs_of(gemms[:3]).items():
        rows = np.moveaxis(expected[name], 1, 3).reshape(len(found), -1)
        np.testing.assert_array_equal(found, rows, err_msg=name)
    tensors = NETWORK.tensors
    logits = gemms[3].sums() * tensors[f"logits.b{bits}.multiplier"]
    np.testing.assert_array_equal(logits + tensors[f"logits.b{bits}.bias"], expected["logits"])


@pytest.mark.parametrize(("bits", "known"), [(8, 8), (5, 8), (3, 8), (2, 2), (1, 2)])
def test_at_a_k_without_parameters_those_of_the_next_larger_are_taken(bits, known):
    found = []
    each_gemm(NETWORK, IMAGES, bits, found.append)
    for own, other in zip(found, network_gemms(NETWORK, IMAGES, known), strict=True):
        assert own.name == other.name
        np.testing.assert_array_equal(own.activations, other.activations)
        assert own.bits == (8 if own.name == "first" else bits)
        offset = "twos_complement" if own.name == "third" else "bipolar"
        weights = plain_weights(own.codes, own.bits, offset)
        np.testing.assert_array_equal(own.sums(), own.activations.astype(int) @ weights)


def test_above_the_largest_k_its_parameters_are_taken():
    tensors = NETWORK.tensors | {
        name.replace(".b8.", ".b4."): tensor for name, tensor in NETWORK.tensors.items()
    }
    for widths, own in (((2,), "b2"), ((2, 4), "b8"), ((4, 2), "b8")):
        small = replace(NETWORK, bit_widths=widths, tensors=tensors)
        found = []
        each_gemm(small, IMAGES, 6, found.append)
        assert [gemm.bits for gemm in found] == [8, 6, 6, 6]
        expected = NETWORK.tensors[f"second.{own}.multiplier"]
        assert found[1].requant.multiplier.tolist() == expected.tolist()
