import re
from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truncmac.golden import Requantisation, from_affine, requantise


def params(multiplier, bias, shift, out_bits=8, residual=None):
    def channel(value):
        return None if value is None else np.array([value], np.int64)

    return Requantisation(
        multiplier=channel(multiplier),
        bias=channel(bias),
        shift=channel(shift),
        out_bits=out_bits,
        residual_multiplier=channel(residual),
    )


def one(value):
    return np.array([[value]])


@given(
    total=st.integers(-(2**31), 2**31),
    multiplier=st.integers(-(2**17), 2**17 - 1),
    bias=st.integers(-(2**45), 2**45),
    shift=st.integers(0, 63),
    bits=st.integers(1, 8),
    residual=st.none() | st.tuples(st.integers(-(2**25), 2**25 - 1), st.integers(0, 255)),
)
@settings(max_examples=200, deadline=None)
def test_equals_the_definition_in_unbounded_integers(
    total, multiplier, bias, shift, bits, residual
):
    value = multiplier * total + bias + (residual[0] * residual[1] if residual else 0)
    expected = min(max(floor(Fraction(value, 2**shift)), 0), 2**bits - 1)
    p = params(multiplier, bias, shift, bits, residual and residual[0])
    r = None if residual is None else one(residual[1]).astype(np.uint8)
    result = requantise(one(total), p, r)
    assert result.dtype == np.uint8
    assert result[0, 0] == expected


def test_the_shift_rounds_towards_minus_infinity():
    assert requantise(np.array([[-1], [-2], [1], [3]]), params(1, 2, 1)).ravel().tolist() == [
        *(0, 0, 1, 2)
    ]


MOST = 2**62 // 255 * 255  # of Mr * r, and the rest up to 2**62


@pytest.mark.parametrize(
    ("total", "more"),
    [
        (2**32, {"multiplier": 2**31}),
        (-(2**32), {"multiplier": 2**31}),
        (2**32, {"multiplier": -(2**31)}),
        (2**31, {"multiplier": 2**31, "bias": 2**62}),
        (2**31, {"multiplier": -(2**31), "bias": -(2**62)}),
        (2**30, {"multiplier": 2**32 - 2, "bias": 2**31 + 2**62 - MOST, "residual": MOST // 255}),
    ],
)
def test_what_could_overflow_is_refused_and_a_step_less_is_not(total, more):
    residual = one(0).astype(np.uint8) if "residual" in more else None
    bias = more.pop("bias", 0)
    with pytest.raises(ValueError, match=rf"^Requantisation must fit 64 bits, not reach {2**63}$"):
        requantise(one(total), params(**more, bias=bias, shift=0), residual)
    less = params(**more, bias=bias - int(np.sign(bias)), shift=0)
    if bias:
        assert requantise(one(0), less, residual).tolist() == [[255 if bias > 0 else 0]]
        requantise(one(total), less, residual)


def test_residual_codes_and_multipliers_come_together():
    message = "^Residual codes and residual multipliers must come together$"
    with pytest.raises(ValueError, match=message):
        requantise(one(1), params(1, 0, 0), one(1).astype(np.uint8))
    with pytest.raises(ValueError, match=message):
        requantise(one(1), params(1, 0, 0, residual=1))


@pytest.mark.parametrize("out_bits", [1, 4, 8])
def test_from_affine_rounds_half_up_but_for_its_own_precision(out_bits):
    rng = np.random.default_rng(out_bits)
    channels, largest = 300, 2**out_bits - 1
    reach = 10_000
    scale = rng.normal(0, largest / reach, channels)
    offset = rng.uniform(-largest, 2 * largest, channels)
    residual = rng.uniform(0, 2, channels)
    sums = rng.integers(-reach, reach, (200, channels))
    codes = rng.integers(0, largest + 1, (200, channels)).astype(np.uint8)
    p = from_affine(scale, offset, out_bits=out_bits, residual_scale=residual)
    assert np.abs(p.multiplier).max() < 2**17
    assert np.abs(p.residual_multiplier).max() < 2**25
    exact = scale * sums + offset + residual * codes
    expected = np.clip(np.floor(exact + 0.5), 0, largest)
    result = requantise(sums, p, codes).astype(int)
    assert np.abs(result - expected).max() <= 1
    assert (result != expected).mean() < 1e-3
    # Where they differ, the exact value is next to a tie
    ties = np.abs(exact + 0.5 - np.rint(exact + 0.5))[result != expected]
    assert ties.max(initial=0) < 0.01


@pytest.mark.parametrize("shift", range(1, 41))
@pytest.mark.parametrize("sign", [1, -1])
def test_a_half_rounds_up_at_every_shift(shift, sign):
    """M is 2**17 - 1, which fits 18 bits at this shift alone; 2.5 and its half make 3."""
    p = from_affine([sign * (2**17 - 1) / 2**shift], [2.5], out_bits=4)
    assert (p.multiplier[0], p.shift[0]) == (sign * (2**17 - 1), shift)
    assert p.bias[0] == 3 << shift
    assert requantise(one(0), p)[0, 0] == 3
    below = from_affine([(2**17 - 1) / 2**shift], [2.5 - 2.0**-shift], out_bits=4)
    assert requantise(one(0), below)[0, 0] == 2


def test_without_a_shift_the_offset_itself_is_rounded():
    p = from_affine([2.0**17 - 1], [-3.75], out_bits=8)
    assert (p.multiplier[0], p.bias[0], p.shift[0]) == (2**17 - 1, -4, 0)


def test_each_channel_has_the_largest_shift_that_its_widths_allow():
    """By trying all: M has 18 bits, Mr 26, B 46, and no shift is above 40."""
    rng = np.random.default_rng(4)
    scale = rng.choice([-1, 1], 400) * np.exp2(rng.uniform(-60, 17, 400))
    residual = np.exp2(rng.uniform(-40, 25, 400))
    offset = rng.choice([-1, 1], 400) * np.exp2(rng.uniform(-20, 44, 400))
    found = from_affine(scale, offset, out_bits=8, residual_scale=residual)
    for index, shift in enumerate(found.shift.tolist()):
        values = scale[index], residual[index], offset[index]
        fits = [
            s
            for s in range(41)
            if all(
                abs(round(value * 2.0**s)) < 2 ** (bits - 1)
                for value, bits in zip(values, (18, 26, 46), strict=True)
            )
        ]
        # An offset near a power of two may leave one bit unused
        assert shift in (max(fits), max(fits) - (abs(values[2]) * 2.0**shift >= 2**43))
        assert found.multiplier[index] == round(values[0] * 2.0**shift)
        assert found.residual_multiplier[index] == round(values[1] * 2.0**shift)
        half = 2 ** (shift - 1) if shift else 0
        assert found.bias[index] == round(values[2] * 2.0**shift) + half
    assert {0, 40} < set(found.shift.tolist())


@pytest.mark.parametrize("scale", [1.0, -1.0, 0.5, 131071.0, -131071.0, 2.0**-30, 0.999999])
def test_from_affine_fits_its_widths_at_the_ends(scale):
    p = from_affine([scale], [0.0], out_bits=8, residual_scale=[scale])
    assert -(2**17) <= p.multiplier[0] < 2**17
    assert -(2**25) <= p.residual_multiplier[0] < 2**25
    assert 0 <= p.shift[0] <= 63


def test_a_channel_without_scale_is_its_offset():
    p = from_affine([0.0, 0.0], [2.5, 3.4999], out_bits=4)
    assert requantise(np.array([[12345, -999]]), p).tolist() == [[3, 3]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"scale": [np.nan]},
            "Requantisation scale must be finite, not NaN or infinite",
        ),
        (
            {"offset": [np.inf]},
            "Requantisation offset must be finite, not NaN or infinite",
        ),
        (
            {"residual_scale": [np.nan]},
            "Requantisation residual_scale must be finite, not NaN or infinite",
        ),
        (
            {"scale": [2e5]},
            "Requantisation scale must be at most 131071 for 18-bit multipliers, not 200000",
        ),
        (
            {"scale": [-2e5]},
            "Requantisation scale must be at most 131071 for 18-bit multipliers, not 200000",
        ),
        (
            {"scale": [8.0], "multiplier_bits": 4},
            "Requantisation scale must be at most 7 for 4-bit multipliers, not 8",
        ),
        (
            {"residual_scale": [4e7]},
            "Requantisation residual_scale must be at most 33554431 for 26-bit multipliers, "
            "not 4e+07",
        ),
        ({"out_bits": 9}, "Bit-width k must be in 1..8, not 9"),
    ],
)
def test_values_that_cannot_be_are_refused(arguments, message):
    fields = {"scale": [1.0], "offset": [0.0], "out_bits": 8} | arguments
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_affine(fields.pop("scale"), fields.pop("offset"), **fields)


@pytest.mark.parametrize("shift", [0, 1, 5])
def test_halves_may_go_to_the_even_code(shift):
    """Every sum, with B of half a code, as Python's round of a fraction has it."""
    half = 1 << shift - 1 if shift else 0
    even = replace(params(3, half + 7, shift, out_bits=6), half_even=True)
    sums = np.arange(-300, 700)[:, None]
    found = requantise(sums, even).ravel().tolist()
    for total, code in zip(sums.ravel().tolist(), found, strict=True):
        value = round(Fraction(3 * total + 7, 1 << shift))
        assert code == min(max(value, 0), 63), total
    up = requantise(sums, params(3, half + 7, shift, out_bits=6)).ravel().tolist()
    assert (up != found) == (shift > 0)
