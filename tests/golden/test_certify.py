from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from truncmac.golden import Requantisation, certify, from_affine, requantise

LARGEST = 400


def by_enumeration(params, scale, offset, residual_scale, largest_residual, largest=LARGEST):
    """The definition: every S and every r, in exact rationals."""
    sums = np.arange(-largest, largest + 1)
    limit = (1 << params.out_bits) - 1
    equal = np.ones(len(scale), bool)
    for r in range(largest_residual + 1):
        residual = None
        if params.residual_multiplier is not None:
            residual = np.full((len(sums), len(scale)), r, np.uint8)
        codes = requantise(np.repeat(sums[:, None], len(scale), 1), params, residual)
        for channel in range(len(scale)):
            a, b = Fraction(scale[channel]), Fraction(offset[channel])
            extra = Fraction(residual_scale[channel]) * r + b
            nearest = round if params.half_even else lambda value: floor(value + Fraction(1, 2))
            exact = [min(max(nearest(a * int(s) + extra), 0), limit) for s in sums]
            equal[channel] &= codes[:, channel].tolist() == exact
    return equal


@pytest.mark.parametrize("with_residual", [False, True])
@pytest.mark.parametrize("out_bits", [1, 4])
@pytest.mark.parametrize("multiplier_bits", [5, 8, 11, 18])
def test_agrees_with_trying_every_sum(multiplier_bits, out_bits, with_residual):
    rng = np.random.default_rng(multiplier_bits)
    scale = rng.normal(0, (1 << out_bits) / LARGEST, 24)
    scale[:3] = [0.0, 0.125, -0.5]
    offset = rng.normal(2, 3, 24)
    residual = rng.choice([0.5, 1.0, 1.0625], 24) if with_residual else np.zeros(24)
    params = from_affine(
        scale,
        offset,
        out_bits=out_bits,
        residual_scale=residual if with_residual else None,
        multiplier_bits=multiplier_bits,
    )
    most = 5 if with_residual else 0
    exact = certify(
        params,
        scale,
        offset,
        largest_sum=LARGEST,
        residual_scale=residual,
        largest_residual=most,
    )
    np.testing.assert_array_equal(exact, by_enumeration(params, scale, offset, residual, most))
    if out_bits == 4 and multiplier_bits == 8:
        assert exact.any()
        assert not exact.all()


@pytest.mark.parametrize("out_bits", [1, 2])
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_integers_near_reals_agree_as_trying_says(shift, out_bits):
    """Slopes of nothing, of either sign, and constants beside the thresholds of each code."""
    near = (0, Fraction(1, 16), Fraction(-1, 2), Fraction(1, 2), 1)
    cases = [
        (m, bias, Fraction(m, 1 << shift) + slope, Fraction(bias, 1 << shift) - Fraction(1, 2) + c)
        for m in (-3, -1, 0, 1, 2)
        for bias in range(-9, 10)
        for slope in (0, Fraction(1, 16), Fraction(-1, 4))
        for c in near
    ]
    multiplier, bias, scale, offset = (np.array(values) for values in zip(*cases, strict=True))
    scale, offset = scale.astype(float), offset.astype(float)
    shifts = np.full(len(cases), shift, np.uint8)
    params = Requantisation(
        multiplier=multiplier.astype(np.int32), bias=bias, shift=shifts, out_bits=out_bits
    )
    found = certify(params, scale, offset, largest_sum=3)
    expected = by_enumeration(params, scale, offset, np.zeros(len(cases)), 0, largest=3)
    opposite = multiplier * scale < 0  # not looked into: no such integers are wanted
    assert not found[opposite].any()
    np.testing.assert_array_equal(found[~opposite], expected[~opposite])
    flat = (multiplier == 0) | (scale == 0)
    for some in (flat, ~flat & ~opposite):
        assert found[some].any() and not found[some].all()


def test_residuals_above_their_largest_do_not_matter():
    """S + 2 r against floor(S + 2.25 r + 0.25): the same up to r = 2; at r = 3, 6 against 7."""
    params = from_affine([1.0], [-0.25], out_bits=3, residual_scale=[2.0])
    given = {"scale": [1.0], "offset": [-0.25], "largest_sum": 9, "residual_scale": [2.25]}
    found = [certify(params, **given, largest_residual=r).tolist() for r in range(4)]
    expected = [
        by_enumeration(params, [1.0], [-0.25], [2.25], r, largest=9).tolist() for r in range(4)
    ]
    assert found == expected == [[True], [True], [True], [False]]


def test_one_wrong_step_is_found():
    params = from_affine([0.25], [0.0], out_bits=4)
    assert certify(params, [0.25], [0.0], largest_sum=1000).all()
    wrong = replace(params, bias=params.bias - 1)
    assert not certify(wrong, [0.25], [0.0], largest_sum=1000).any()


def test_a_multiplier_of_the_wrong_sign_is_found():
    params = from_affine([0.25], [0.0], out_bits=4)
    assert not certify(params, [-0.25], [0.0], largest_sum=9).any()


def test_sums_out_of_range_do_not_matter():
    params = from_affine([0.01], [0.0], out_bits=4, multiplier_bits=3)
    assert not certify(params, [0.01], [0.0], largest_sum=10_000).any()
    assert certify(params, [0.01], [0.0], largest_sum=30).all()


@pytest.mark.parametrize("multiplier_bits", [3, 5, 8, 18])
def test_halves_that_go_to_the_even_code_are_certified_as_such(multiplier_bits):
    """Scales of eighths have halves at every fourth sum; some channels have a shift of 0."""
    rng = np.random.default_rng(multiplier_bits)
    scale = np.concatenate([rng.integers(-3, 4, 12) / 8, [0.0, 3.0, -2.0], rng.normal(0, 0.1, 9)])
    offset = rng.integers(-8, 40, 24) / 4
    found = {}
    for even in (True, False):
        params = from_affine(
            scale, offset, out_bits=4, multiplier_bits=multiplier_bits, half_even=even
        )
        exact = certify(params, scale, offset, largest_sum=LARGEST)
        expected = by_enumeration(params, scale, offset, np.zeros(24), 0)
        np.testing.assert_array_equal(exact, expected)
        found[even] = exact
    assert found[True].any()
    up = replace(params, half_even=True)  # as many halves as there are tell the two apart
    ties = certify(up, scale, offset, largest_sum=LARGEST)
    np.testing.assert_array_equal(ties, by_enumeration(up, scale, offset, np.zeros(24), 0))


def test_a_shift_of_0_rounds_nothing():
    """The reals have halves, which go to the even code; the integers have none."""
    params = Requantisation(
        multiplier=np.array([1]),
        bias=np.array([1]),
        shift=np.array([0]),
        out_bits=4,
        half_even=True,
    )
    for offset, exact in ((0.5, False), (1.5, False), (1.0, True)):
        found = certify(params, [1.0], [offset], largest_sum=20)
        expected = by_enumeration(params, [1.0], [offset], [0.0], 0, 20)
        assert found.tolist() == expected.tolist() == [exact]
