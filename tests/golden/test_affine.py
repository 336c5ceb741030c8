import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truncmac.golden import (
    AffineProduct,
    AvgPool,
    Conv2d,
    Linear,
    Stream,
    code_parameters,
    exact_codes,
    integer_weights,
    least_multiplier_bits,
    logit_parameters,
    mean_pool,
    requantise,
    weight_offset,
)
from truncmac.golden.affine import requantisation_tensors


def product(rng, kind="twos_complement", bits=None, width=8, zero=0, residual=False):
    codes = rng.integers(0, 256, (5, 7), np.uint8)
    return AffineProduct(
        layer=Linear("layer", "before", offset=kind, bits=bits),
        codes=codes,
        source=Stream("before", 6, scale=0.25, zero=zero),
        unit=rng.normal(0, 1, 5),
        offset=rng.normal(0, 9, 5),
        width=width,
        residual=Stream("other", 4, scale=0.5, zero=3) if residual else None,
        residual_scale=np.full(5, 0.5) if residual else None,
    )


def reals(p, a, r, k):
    """The layer in reals: weights at k bits span what they span at their own width."""
    used = p.layer.bits or k
    weights = integer_weights(p.codes, used, p.layer.offset).astype(float)
    span = [weight_offset(bits, p.layer.offset) for bits in (p.width, used)]
    weights *= p.unit[:, None] * span[0] / span[1]
    values = weights @ (p.source.scale * (a.astype(float) - p.source.zero)) + p.offset
    if p.residual is None:
        return values
    return values + p.residual_scale * (r.astype(float) - p.residual.zero)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_codes_are_the_rounded_reals_at_each_k(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    kind = data.draw(st.sampled_from(["twos_complement", "bipolar"]))
    p = product(
        rng,
        kind,
        bits=data.draw(st.sampled_from([None, 8, 3])),
        width=data.draw(st.integers(1, 8)),
        zero=data.draw(st.integers(0, 63)),
        residual=data.draw(st.booleans()),
    )
    output = Stream("layer", 8, scale=4.0, zero=data.draw(st.integers(0, 255)))
    half = data.draw(st.sampled_from([0.5, 0.0]))
    tensors = code_parameters(p, output, [k for k in (8, 5, 2, 1)], rounding=half)
    a, r = rng.integers(0, 64, 7), rng.integers(0, 16, 5)
    for k in (8, 5, 2, 1):
        exact = reals(p, a, r, k) / 4 + output.zero
        sums = integer_weights(p.codes, p.layer.bits or k, kind) @ a
        t = {name.rpartition(".")[2]: v for name, v in tensors.items() if f".b{k}." in name}
        found = t["multiplier"] * sums + t["bias"] + t.get("residual_multiplier", 0) * r
        assert np.abs(sums).max() <= p.largest_sum(k)
        # A multiplier of 18 bits is off by at most 1 in 2**17
        allowed = 1e-3 + np.abs(exact - output.zero).max() * 2e-5
        allowed += np.abs(t["multiplier"] * sums).max() / 2.0 ** t["shift"].min() * 2e-5
        assert np.abs(found / 2.0 ** t["shift"] - half - exact).max() <= allowed


@pytest.mark.parametrize("kind", ["twos_complement", "bipolar"])
def test_channels_keep_their_means_where_weights_are_truncated(kind):
    rng = np.random.default_rng(8)
    batch = rng.integers(0, 64, (500, 7)) // np.arange(1, 8)
    p = product(rng, kind, zero=9, residual=True)
    kept = AffineProduct(**(vars(p) | {"means": batch.mean(axis=0)}))
    values = {}
    for k in (8, 4, 2, 1):
        scale, offset = kept.affine(k)
        sums = batch @ integer_weights(p.codes, k, kind).T
        values[k] = (scale * sums + offset).mean(axis=0)
        np.testing.assert_allclose(values[k], values[8], rtol=1e-9)
    np.testing.assert_array_equal(kept.affine(8), p.affine(8))
    assert not np.allclose(kept.affine(4)[1], p.affine(4)[1])


def test_channels_are_certified_unless_the_proof_is_long():
    rng = np.random.default_rng(0)
    small = code_parameters(product(rng, residual=True), Stream("layer", 4), [8])
    assert small["layer.b8.exact"].dtype == np.uint8
    large = AffineProduct(
        **(vars(product(rng)) | {"residual": Stream("r", 8), "residual_scale": np.ones(5)})
    )
    assert "layer.b8.exact" not in code_parameters(large, Stream("layer", 8), [8])


def test_logits_share_one_unit():
    rng = np.random.default_rng(1)
    p = product(rng, zero=5)
    tensors = logit_parameters(p, [8, 3])
    a = rng.integers(0, 64, 7)
    for k in (8, 3):
        exact = reals(p, a, None, k)
        sums = integer_weights(p.codes, k, "twos_complement") @ a
        found = tensors[f"layer.b{k}.multiplier"] * sums + tensors[f"layer.b{k}.bias"]
        unit = exact[0] / found[0]
        np.testing.assert_allclose(found * unit, exact, rtol=1e-3)
        assert np.abs(tensors[f"layer.b{k}.multiplier"]).max() == (1 << 17) - 1


def test_logits_of_one_scale_keep_it_and_whole_numbers_stay():
    p = product(np.random.default_rng(1))
    same = AffineProduct(**(vars(p) | {"unit": np.full(5, 0.3)}))
    tensors = logit_parameters(same, [8])
    assert (tensors["layer.b8.multiplier"] == 1).all()
    source = Stream("before", 6)
    whole = vars(p) | {"unit": np.arange(5.0), "offset": np.arange(5.0) - 9, "source": source}
    tensors = logit_parameters(AffineProduct(**whole), [8])
    assert tensors["layer.b8.multiplier"].tolist() == [0, 1, 2, 3, 4]
    assert tensors["layer.b8.bias"].tolist() == [-9, -8, -7, -6, -5]


@pytest.mark.parametrize(
    ("change", "make", "message"),
    [
        (
            {"unit": np.full(5, np.nan)},
            lambda p: code_parameters(p, Stream("layer", 4), [8]),
            "Layer 'layer' at k = 8: Requantisation scale must be finite, not NaN or infinite",
        ),
        (
            {"unit": np.zeros(5)},
            lambda p: logit_parameters(p, [4]),
            "Layer 'layer' at k = 4: the scales of logits must be finite and not all zero",
        ),
        (
            {"offset": np.full(5, 1e30)},
            lambda p: logit_parameters(p, [4]),
            "Layer 'layer' at k = 4: bias must fit 46 bits, not reach ",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_refused_by_layer(change, make, message):
    p = AffineProduct(**(vars(product(np.random.default_rng(2))) | change))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make(p)


@pytest.mark.parametrize(
    ("out_bits", "largest_residual", "certified"),
    [
        (8, 15, True),
        (8, 16, False),
        (4, 255, True),
        (1, 4095, True),
        (1, 4096, False),
        (8, 0, True),
    ],
)
def test_4096_comparisons_a_channel_are_the_most(out_bits, largest_residual, certified):
    """One for each code but 0, and each code of the residual: 255 x 16 are 4080."""
    tensors = requantisation_tensors(
        *("p", np.ones(2), np.zeros(2)),
        out_bits=out_bits,
        largest_sum=5,
        residual_scale=np.ones(2),
        largest_residual=largest_residual,
    )
    names = {"p.multiplier", "p.bias", "p.shift", "p.residual_multiplier"}
    assert set(tensors) == names | ({"p.exact"} if certified else set())


def whole(**changes):
    """A layer of whole numbers, which logits keep."""
    rng = np.random.default_rng(1)
    numbers = {"unit": np.ones(5), "offset": np.zeros(5), "source": Stream("before", 6)}
    return AffineProduct(**(vars(product(rng)) | numbers | changes))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", ["bias", "residual_multiplier", "multiplier"])
def test_logits_have_numbers_of_46_bits(name, sign):
    most = float((1 << 46) - 1)
    value = np.array([0.0, 1.0, -2.0, 3.0, -most])

    def at(value):
        if name == "bias":
            return whole(offset=value)
        if name == "multiplier":
            return whole(unit=value)
        return whole(residual=Stream("other", 4), residual_scale=value)

    assert logit_parameters(at(value), [8])[f"layer.b8.{name}"].tolist() == value.tolist()
    value[2] = sign * (1 << 46)
    message = f"Layer 'layer' at k = 8: {name} must fit 46 bits, not reach 7.03687e+13"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        logit_parameters(at(value), [8])


@pytest.mark.parametrize(
    ("unit", "offset"),
    [
        ([1, 1, 1, 1, np.nan], [0] * 5),
        ([1] * 5, [0, 0, 0, np.nan, 0]),
        ([1] * 5, [0, 0, 0, 0, -np.inf]),
        ([0] * 5, [1] * 5),
        ([-0.0] * 5, [0] * 5),
    ],
)
def test_one_number_that_is_none_spoils_the_logits(unit, offset):
    message = "Layer 'layer' at k = 8: the scales of logits must be finite and not all zero"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        logit_parameters(whole(unit=np.array(unit, float), offset=np.array(offset, float)), [8])


def test_logits_of_negative_scales_have_a_unit_too():
    """Of -0.3 and 0.1 the unit is 0.3 / (2**17 - 1): the first is -131071, the second a third."""
    layer = whole(unit=np.array([-0.3, 0.1, 0.0, 0.2, 0.1]))
    found = logit_parameters(layer, [8])["layer.b8.multiplier"].tolist()
    assert found == [-131071, 43690, 0, 87381, 43690]


def test_bounds_of_sums_hold_for_padding_and_the_layers_own_k():
    """|S| is at most the largest sum of a row's weights times the largest code, or what pads."""
    codes = np.array([[[[255]], [[0]]], [[[128]], [[127]]]], np.uint8)
    for pad_code, bits, code in ((0, None, 15), (15, None, 15), (200, 1, 200)):
        layer = AffineProduct(
            layer=Conv2d("c", "x", bits=bits, pad_code=pad_code),
            codes=codes,
            source=Stream("x", 4),
            unit=np.ones(2),
            offset=np.zeros(2),
        )
        weights = {None: 255 + 255, 1: 1 + 1}[bits]  # 2 x 255 - 255 and 2 x 0 - 255; at k = 1 +-1
        assert layer.largest_sum(8) == weights * code


def test_codes_of_a_stream():
    assert [Stream("x", bits).largest for bits in (1, 4, 8)] == [1, 15, 255]
    assert (Stream("x", 4).scale, Stream("x", 4).zero) == (1.0, 0)


@pytest.mark.parametrize("rounding", [0.5, 0.0])
@pytest.mark.parametrize(
    ("count", "scale", "zero", "factor"),
    [
        (24, 1.0, 0, 1.0),
        (49, 0.37, 4, 1.0),
        (16, 0.0067123, 100, 0.1),
        (7, 1.0, 0, 1.0),
        (9, 3.0, 0, 9.0),
    ],
)
def test_means_of_every_sum_are_those_of_fractions(count, scale, zero, factor, rounding):
    """Halves go up, and whole codes stay whole where means are rounded down."""
    source, output = Stream("a", 4, 1.0, zero=2), Stream("m", 8, scale, zero)
    pool, exact = mean_pool(
        AvgPool("m", "a"), source, output, count, factor=factor, rounding=rounding
    )
    assert exact
    assert pool.multiplier < 1 << 31
    sums = np.arange(15 * count + 1)[:, None]
    found = requantise(sums, pool.requant).ravel().tolist()
    ratio = Fraction(factor * source.scale / scale)
    for total, code in enumerate(found):
        value = ratio * (Fraction(total, count) - 2) + zero + Fraction(rounding)
        assert code == min(max(value.numerator // value.denominator, 0), 255), total


def test_a_mean_that_no_multiplier_makes_exact_is_told():
    """A step so small that 31 bits do not tell its sums apart, each of which has a code."""
    source, output = Stream("a", 8, 1.0, zero=0), Stream("m", 8, 255.0 / 128 * (1 + 1e-9), 0)
    _, exact = mean_pool(AvgPool("m", "a"), source, output, 1 << 22)
    assert not exact


@pytest.mark.parametrize("kind", ["half_up", "half_even"])
def test_the_least_bits_are_those_with_which_all_channels_are_certified(kind):
    rng = np.random.default_rng(3)
    made = product(rng)
    made = replace(made, layer=replace(made.layer, rounding=kind), unit=np.abs(made.unit) / 99)
    output = Stream("layer", 4, 0.9)
    least = least_multiplier_bits(made, output, 4)
    assert 4 < least < 32

    def certified(bits):
        tensors = code_parameters(made, output, [4], multiplier_bits=bits)
        return bool(tensors["layer.b4.exact"].all())

    assert certified(least)
    assert not any(certified(bits) for bits in range(4, least))
    wide = replace(made, residual=Stream("other", 8), residual_scale=np.ones(5))
    assert least_multiplier_bits(wide, Stream("layer", 8, 0.9), 4) is None


def test_codes_of_real_arithmetic():
    """Steps of 1/2 at code 3: halves go to the even code, or all down."""
    layer = Linear("layer", "before", bits=8, offset="twos_complement")
    made = AffineProduct(
        layer=layer,
        codes=np.array([[129]], np.uint8),
        source=Stream("before", 8),
        unit=np.array([0.125]),
        offset=np.zeros(1),
    )
    sums = np.array([[-20], [-2], [0], [2], [6], [7], [90]])  # W = 2: S / 4 + 3
    nearest, reals = exact_codes(made, Stream("layer", 4, 0.5, 3), 8, sums)
    assert reals.ravel().tolist() == [-2, 2.5, 3, 3.5, 4.5, 4.75, 25.5]
    assert nearest.ravel().tolist() == [0, 2, 3, 4, 4, 5, 15]
    down, _ = exact_codes(made, Stream("layer", 4, 0.5, 3), 8, sums, rounding=0.0)
    assert down.ravel().tolist() == [0, 2, 3, 3, 4, 4, 15]
    more, _ = exact_codes(
        replace(made, residual=Stream("other", 4), residual_scale=np.array([1.5])),
        Stream("layer", 4, 0.5, 3),
        8,
        sums[:3],
        np.ones((3, 1), np.uint8),
    )
    assert more.ravel().tolist() == [1, 6, 6]
