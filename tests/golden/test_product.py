from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.networks import WIDTHS, small_network
from tests.golden.reference import plain_outputs
from truncmac.golden import Executor, example_images, example_network, execute

NETWORK = small_network()


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 64, (count, 2, 7, 6), np.uint8)


def check(network, codes, bits, **outputs):
    found = outputs or execute(network, codes, bits).outputs
    expected = plain_outputs(network, codes, bits)
    for name, values in found.items():
        assert values.dtype == expected[name].dtype
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


@given(st.integers(0, 999), st.integers(1, 9), st.sampled_from(WIDTHS))
@settings(max_examples=40, deadline=None)
def test_each_layer_equals_int64(seed, count, bits):
    check(small_network(seed), images(count, seed), bits)


@given(
    st.integers(-(2**17), 2**17 - 1),
    st.integers(-(2**45), 2**45),
    st.integers(0, 63),
    st.integers(-(2**25), 2**25 - 1),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_any_parameters_give_what_int64_gives(multiplier, bias, shift, extra, seed):
    tensors = dict(NETWORK.tensors)
    rng = np.random.default_rng(seed)
    for name, value in (
        ("multiplier", multiplier),
        ("bias", bias),
        ("shift", shift),
        ("residual_multiplier", extra),
    ):
        values = tensors[f"second.b8.{name}"].copy()
        values[rng.integers(len(values))] = value
        tensors[f"second.b8.{name}"] = values
    check(replace(NETWORK, tensors=tensors), images(2, seed), 8)


@pytest.mark.parametrize("multiplier", [2**40 - 1, 2**44 - 1, -(2**40) + 1])
def test_values_past_float64_go_through_integers(multiplier):
    """M * S has more bits than float64 holds, so that a float would round it across a step."""
    tensors = dict(NETWORK.tensors)
    tensors["third.b8.multiplier"] = np.full(4, multiplier)
    tensors["third.b8.bias"] = np.array([-1, 0, 1, 2])
    tensors["third.b8.shift"] = np.full(4, multiplier.bit_length() + 4)
    network = replace(NETWORK, tensors=tensors)
    check(network, images(20), 8)
    assert Executor(network, 8)._products["third"].affine is None
    assert Executor(NETWORK, 8)._products["third"].affine is not None


@pytest.mark.parametrize("name", ["resnet20"])
@pytest.mark.parametrize("bits", [8, 1])
def test_a_whole_example_equals_int64(name, bits):
    check(example_network(name), example_images(name, 2), bits)
