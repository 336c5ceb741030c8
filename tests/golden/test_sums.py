import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.reference import plain_sums
from truncmac.golden import Conv2d, Linear, integer_weights, sums
from truncmac.golden.exact import EXACT_FLOAT32
from truncmac.golden.sums import exact_sums

KINDS = st.sampled_from(["bipolar", "twos_complement"])
SIDES = st.tuples(st.integers(1, 3), st.integers(1, 3))
FILLS = {
    "random": lambda rng, shape, most: rng.integers(0, most + 1, shape, np.uint8),
    "most": lambda rng, shape, most: np.full(shape, most, np.uint8),
    "least": lambda rng, shape, most: np.zeros(shape, np.uint8),
}
FILL = st.sampled_from(list(FILLS))


def result(layer, codes, inputs, bits, largest):
    found = exact_sums(layer, codes, bits, largest).whole(inputs)
    return found.reshape(-1, found.shape[-1])


@given(st.data(), SIDES, SIDES, SIDES, KINDS, FILL, FILL, st.integers(1, 8), st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_convolutions_equal_int64(data, kernel, stride, padding, kind, weights, values, bits, m):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = [data.draw(st.integers(1, most)) for most in (3, 5, 7, 7)]
    shape[2:] = [max(size, k) for size, k in zip(shape[2:], kernel, strict=True)]
    inputs = FILLS[values](rng, shape, 2**m - 1)
    codes = FILLS[weights](rng, (4, shape[1], *kernel), 255)
    pad_code = data.draw(st.sampled_from([0, 1, 255]))
    layer = Conv2d(
        "c", "image", offset=kind, stride=stride, padding=padding, pad_code=pad_code, out_bits=4
    )
    expected = plain_sums(layer, codes, inputs, bits)
    np.testing.assert_array_equal(result(layer, codes, inputs, bits, 2**m - 1), expected)


@pytest.mark.parametrize("kind", ["bipolar", "twos_complement"])
@pytest.mark.parametrize("fill", [0, 255])
@pytest.mark.parametrize("reduction", [1, 257, 258, 259, 517, 4608, 66_053])
def test_the_longest_sums_of_the_largest_values_are_exact(reduction, fill, kind):
    layer = Linear("l", "image", offset=kind, out_bits=8)
    inputs = np.full((3, reduction), 255, np.uint8)
    inputs[1, ::2] = 254  # odd sums, which a float that is too narrow cannot hold
    inputs[2, -1] = 254
    codes = np.full((2, reduction), fill, np.uint8)
    codes[1, : reduction // 2] = 255 - fill
    prepared = exact_sums(layer, codes, 8, 255)
    expected = plain_sums(layer, codes, inputs, 8)
    np.testing.assert_array_equal(prepared.whole(inputs)[:, 0, 0], expected)
    assert prepared.largest >= np.abs(expected).max()
    assert sum(map(len, prepared.weights)) == reduction
    for part in prepared.weights:
        assert (
            255 * max(np.maximum(part, 0).sum(0).max(), -np.minimum(part, 0).sum(0).min())
            < EXACT_FLOAT32
        )


def test_a_reduction_is_cut_only_where_float32_is_too_narrow():
    layer = Linear("l", "image", out_bits=8)
    codes = np.full((1, 258), 255, np.uint8)
    assert 258 * 255 * 255 < EXACT_FLOAT32 <= 259 * 255 * 255
    assert len(exact_sums(layer, codes, 8, 255).weights) == 1
    longer = np.full((1, 259), 255, np.uint8)
    assert [len(w) for w in exact_sums(layer, longer, 8, 255).weights] == [258, 1]
    assert len(exact_sums(layer, longer, 7, 255).weights) == 1
    mixed = np.tile(np.array([[0, 255]], np.uint8), 200)  # positive and negative: half of it each
    assert len(exact_sums(layer, mixed, 8, 255).weights) == 1
    assert np.abs(integer_weights(mixed, 8)).sum() * 255 >= EXACT_FLOAT32


def test_a_sum_that_is_small_only_in_the_end_is_cut_as_well():
    layer = Linear("l", "image", out_bits=8)
    codes = np.repeat(np.array([[255, 0]], np.uint8), 1000)[None]
    inputs = np.full((1, 2000), 255, np.uint8)
    inputs[0, ::7] = 254
    prepared = exact_sums(layer, codes, 8, 255)
    assert len(prepared.weights) > 1
    expected = plain_sums(layer, codes, inputs, 8)
    np.testing.assert_array_equal(prepared.whole(inputs)[:, 0, 0], expected)


def test_a_padding_code_may_be_the_largest_activation():
    layer = Conv2d("c", "image", padding=(1, 1), pad_code=255, out_bits=8)
    inputs, codes = np.ones((1, 60, 1, 1), np.uint8), np.full((1, 60, 3, 3), 255, np.uint8)
    prepared = exact_sums(layer, codes, 8, 1)
    assert len(prepared.weights) > 1
    expected = plain_sums(layer, codes, inputs, 8)
    assert expected.max() >= EXACT_FLOAT32
    np.testing.assert_array_equal(prepared.whole(inputs)[0, 0], expected)


@pytest.mark.parametrize("channels", [3, 40])
@pytest.mark.parametrize("patches", [1, 2000, 8000, 1 << 18])
def test_the_size_of_the_parts_changes_nothing(monkeypatch, patches, channels):
    rng = np.random.default_rng(0)
    layer = Conv2d("c", "image", padding=(1, 0), pad_code=7, out_bits=4)
    inputs = rng.integers(0, 256, (5, channels, 7, 6), np.uint8)
    codes = rng.integers(200, 256, (4, channels, 3, 3), np.uint8)
    monkeypatch.setattr(sums, "PATCHES", patches)
    expected = plain_sums(layer, codes, inputs, 8)
    assert (len(exact_sums(layer, codes, 8, 255).weights) > 1) == (channels == 40)
    np.testing.assert_array_equal(result(layer, codes, inputs, 8, 255), expected)
