import re
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truncmac.golden import (
    ALL_WIDTHS,
    activation_codes,
    check_bits,
    integer_weights,
    truncate,
    weight_codes,
    weight_offset,
    weight_scale,
)

CODES = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("bits", range(1, 9))
def test_truncating_the_stored_code_is_quantising_at_k_bits(bits):
    # Every edge between two 8-bit codes, its neighbours in float64, and a grid between
    edges = np.arange(257) / 256
    x = np.concatenate([edges, np.nextafter(edges, 2), np.nextafter(edges, -1)])
    x = np.concatenate([x, np.linspace(0, 1, 100_001)]).clip(0, 1)
    c8 = np.minimum(np.floor(256 * x), 255).astype(np.uint8)
    ck = np.minimum(np.floor(2**bits * x), 2**bits - 1)
    np.testing.assert_array_equal(truncate(c8, bits), ck)
    assert len(np.unique(c8)) == 256


@given(first=st.integers(1, 8), second=st.integers(1, 8))
def test_truncation_composes(first, second):
    most, least = max(first, second), min(first, second)
    twice = truncate(truncate(CODES, most), least, from_bits=most)
    np.testing.assert_array_equal(twice, truncate(CODES, least))


@pytest.mark.parametrize("bits", range(1, 9))
def test_integer_weights_are_sums_of_signed_planes(bits):
    weights = integer_weights(CODES, bits)
    planes = [(CODES >> (7 - plane) & 1).astype(int) * 2 - 1 for plane in range(bits)]
    signed = sum(sign << (bits - 1 - plane) for plane, sign in enumerate(planes))
    np.testing.assert_array_equal(weights, signed)
    assert (weights % 2 == 1).all()
    assert (weights.min(), weights.max()) == (1 - 2**bits, 2**bits - 1)


@pytest.mark.parametrize("bits", range(1, 9))
def test_twos_complement_codes_have_their_top_bit_inverted(bits):
    values = np.arange(-128, 128)
    codes = (values + 128).astype(np.uint8)
    expected = 2 * (values >> (8 - bits))
    np.testing.assert_array_equal(integer_weights(codes, bits, "twos_complement"), expected)


def test_codes_of_worked_values():
    """tanh 0.1 = 0.0996680 and tanh 2 = 0.9640276: x = 1/2 - 0.0516935, and 256 x = 114.77."""
    weights = np.array([[-2.0, -0.1], [0.0, 2.0]])
    assert weight_codes(weights).tolist() == [[0, 114], [128, 255]]
    assert weight_codes(np.zeros((2, 3))).tolist() == [[128] * 3] * 2
    assert weight_scale(weights) == pytest.approx(4.1 / 4)


@pytest.mark.parametrize("scale", [1e-6, 0.01, 1.0, 30.0])
def test_codes_are_those_of_the_definition_in_more_digits(scale):
    """By Python's decimals, with 50 digits: tanh v = (e - 1/e) / (e + 1/e)."""
    weights = np.random.default_rng(0).normal(0, scale, 200)
    with localcontext() as context:
        context.prec = 50
        exps = [Decimal(float(v)).exp() for v in weights]
        squashed = [(e - 1 / e) / (e + 1 / e) for e in exps]
        largest = max(map(abs, squashed))
        x = [s / (2 * largest) + Decimal("0.5") for s in squashed]
        near = Decimal("1e-9")  # float64 may fall on either side of an edge that is so near
        least, most = ([max(0, min(int(256 * v + d), 255)) for v in x] for d in (-near, near))
    found = weight_codes(weights)
    assert found.dtype == np.uint8
    assert all(a <= code <= b for a, code, b in zip(least, found.tolist(), most, strict=True))
    assert np.mean(np.array(least) == most) > 0.9 or scale > 5


@pytest.mark.parametrize("bits", range(1, 9))
def test_offsets_are_those_of_the_documents(bits):
    largest = {1: 1, 2: 3, 3: 7, 4: 15, 5: 31, 6: 63, 7: 127, 8: 255}[bits]
    assert weight_offset(bits) == weight_offset(bits, "bipolar") == largest
    assert weight_offset(bits, "twos_complement") == largest + 1


@pytest.mark.parametrize("bits", [0, 9, -1, 2.0, True])
def test_widths_out_of_range_are_refused_wherever_they_are_given(bits):
    message = rf"^Bit-width k must be in 1\.\.8, not {bits!r}$"
    for use in (
        lambda: truncate(CODES, bits),
        lambda: truncate(CODES, 1, from_bits=bits),
        lambda: weight_offset(bits),
        lambda: integer_weights(CODES, bits),
        lambda: activation_codes([0.5], bits),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    with pytest.raises(ValueError, match=r"^Bit-width k must be in 1\.\.3, not 4$"):
        truncate(CODES, 4, from_bits=3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(value):
    message = "^Weights must be finite, not NaN or infinite$"
    with pytest.raises(ValueError, match=message):
        weight_codes([1.0, value])
    with pytest.raises(ValueError, match=message):
        weight_scale([1.0, value])


def test_no_weights_are_refused():
    with pytest.raises(ValueError, match="^Weights must not be empty$"):
        weight_codes([])


@pytest.mark.parametrize("bits", range(1, 9))
def test_activations_round_half_up(bits):
    largest = 2**bits - 1
    codes = np.arange(largest + 1)
    np.testing.assert_array_equal(activation_codes(codes / largest, bits), codes)
    assert activation_codes([0.5], bits)[0] == 2 ** (bits - 1)  # A/2 lies between two codes
    ends = activation_codes([-5.0, -np.inf, 5.0, np.inf], bits)
    assert ends.tolist() == [0, 0, largest, largest]


def test_activations_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="^Activations must be numbers, not NaN$"):
        activation_codes([0.5, np.nan], 4)


@pytest.mark.parametrize("bits", [0, 9, -1, 2.0, True, "8", None])
def test_bit_widths_out_of_range_are_refused(bits):
    message = re.escape(f"Bit-width k must be in 1..8, not {bits!r}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_bits(bits)


def test_an_unknown_offset_is_refused():
    message = "^Offset must be bipolar, twos_complement or in 0..255, not 'sign'$"
    with pytest.raises(ValueError, match=message):
        weight_offset(8, "sign")


def test_all_widths_are_all():
    assert ALL_WIDTHS == (8, 7, 6, 5, 4, 3, 2, 1)


def test_an_offset_may_be_the_code_that_stands_for_0():
    assert [weight_offset(k, 171) for k in (8, 7, 4, 1)] == [342, 171, 21, 2]
    np.testing.assert_array_equal(integer_weights([0, 171, 255], 8, 171), [-342, 0, 168])
    np.testing.assert_array_equal(integer_weights([0, 171, 255], 2, 128), [-4, 0, 2])
    for wrong in (-1, 256, True):
        with pytest.raises(ValueError, match="Offset must be bipolar, twos_complement or in 0"):
            weight_offset(8, wrong)
