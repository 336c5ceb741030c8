from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from truncmac.golden import certify, from_affine, requantise

LARGEST = 400


def by_enumeration(params, scale, offset, residual_scale, largest_residual):
    """The definition: every S and every r, in exact rationals."""
    sums = np.arange(-LARGEST, LARGEST + 1)
    limit = (1 << params.out_bits) - 1
    equal = np.ones(len(scale), bool)
    for r in range(largest_residual + 1):
        residual = None
        if params.residual_multiplier is not None:
            residual = np.full((len(sums), len(scale)), r, np.uint8)
        codes = requantise(np.repeat(sums[:, None], len(scale), 1), params, residual)
        for channel in range(len(scale)):
            a, b = Fraction(scale[channel]), Fraction(offset[channel])
            extra = Fraction(residual_scale[channel]) * r + b + Fraction(1, 2)
            exact = [min(max(floor(a * int(s) + extra), 0), limit) for s in sums]
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
