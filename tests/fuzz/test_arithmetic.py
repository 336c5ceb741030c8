"""What must hold of the integer arithmetic for any operands."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.golden.networks import small_network
from truncmac.golden import (
    Gemm,
    Requantisation,
    integer_weights,
    load,
    matmul,
    requantise,
    save,
    truncate,
    weight_offset,
)

BITS = st.integers(1, 8)
SIZES = st.integers(1, 12)
CODES = st.integers(0, 255)


@st.composite
def gemms(draw):
    rows, reduction, columns = draw(SIZES), draw(SIZES), draw(SIZES)
    bits = draw(BITS)
    kind = draw(st.sampled_from(["bipolar", "twos_complement"]))
    return Gemm(
        "any",
        draw(arrays(np.uint8, (rows, reduction), elements=CODES)),
        draw(arrays(np.uint8, (reduction, columns), elements=CODES)),
        bits,
        weight_offset(bits, kind),
    )


@st.composite
def requantisations(draw, channels):
    def values(low, high):
        return draw(arrays(np.int64, channels, elements=st.integers(low, high)))

    return Requantisation(
        multiplier=values(-(2**17), 2**17 - 1),
        bias=values(-(2**45), 2**45),
        shift=values(0, 63),
        out_bits=draw(BITS),
        residual_multiplier=values(-(2**25), 2**25 - 1),
    )


@given(arrays(np.uint8, SIZES, elements=CODES), st.tuples(BITS, BITS))
def test_truncation_composes(codes, widths):
    few, more = sorted(widths)
    again = truncate(truncate(codes, more), few, from_bits=more)
    np.testing.assert_array_equal(again, truncate(codes, few))


@given(arrays(np.uint8, SIZES, elements=CODES), BITS)
def test_bipolar_weights_are_odd_and_change_sign_with_the_code(codes, bits):
    weights = integer_weights(codes, bits)
    assert (weights % 2 == 1).all() and (np.abs(weights) < 1 << bits).all()
    np.testing.assert_array_equal(integer_weights(255 - codes, bits), -weights)


@given(st.data(), st.sampled_from([23, 24, 25, 52, 53, 54, 62]), SIZES)
def test_every_way_through_blas_equals_int64(data, width, reduction):
    """Magnitudes on both sides of what float32 and float64 hold."""
    most = max(1, int(np.sqrt((1 << width) / reduction)))
    elements = st.sampled_from([-most, most, most - 1, 1, 0]) | st.integers(-most, most)
    a = data.draw(arrays(np.int64, (3, reduction), elements=elements))
    b = data.draw(arrays(np.int64, (reduction, 2), elements=elements))
    np.testing.assert_array_equal(matmul(a, b), a @ b)


@given(gemms(), st.randoms(use_true_random=False))
def test_order_changes_nothing_but_the_order(gemm, random):
    """Of the reduction; and of rows and columns, whose outputs move along."""
    rows, inner, columns = (
        np.array(random.sample(range(n), n)) for n in (gemm.rows, gemm.reduction, gemm.columns)
    )
    moved = Gemm(
        "moved",
        gemm.activations[np.ix_(rows, inner)],
        gemm.codes[np.ix_(inner, columns)],
        gemm.bits,
        gemm.offset,
    )
    np.testing.assert_array_equal(moved.sums(), gemm.sums()[np.ix_(rows, columns)])


@given(gemms(), SIZES, SIZES, SIZES)
def test_tiles_of_any_size_give_the_whole(gemm, rows, inner, columns):
    """Along the reduction they add up; along rows and columns they stand side by side."""
    whole = np.zeros((gemm.rows, gemm.columns), np.int64)
    for top in range(0, gemm.rows, rows):
        for left in range(0, gemm.columns, columns):
            for first in range(0, gemm.reduction, inner):
                part = Gemm(
                    "tile",
                    gemm.activations[top : top + rows, first : first + inner],
                    gemm.codes[first : first + inner, left : left + columns],
                    gemm.bits,
                    gemm.offset,
                )
                whole[top : top + rows, left : left + columns] += part.sums()
    np.testing.assert_array_equal(whole, gemm.sums())


@given(st.data(), st.integers(1, 4))
def test_codes_are_in_range_and_follow_the_sum(data, channels):
    """Up with it where M is positive, down where it is negative."""
    params = data.draw(requantisations(channels))
    sums = data.draw(arrays(np.int64, (8, channels), elements=st.integers(-(2**31), 2**31)))
    residual = data.draw(arrays(np.uint8, (1, channels), elements=CODES))
    ordered = np.sort(sums, axis=0)
    codes = requantise(ordered, params, np.repeat(residual, 8, axis=0)).astype(int)
    assert codes.min() >= 0 and codes.max() < 1 << params.out_bits
    assert (np.diff(codes, axis=0) * np.sign(params.multiplier) >= 0).all()


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_a_network_is_read_as_it_was_written(seed):
    network = small_network(seed)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        save(network, first)
        again = load(first)
        save(again, second)
        assert second.read_bytes() == first.read_bytes()
    assert (again.name, again.layers, again.image) == (network.name, network.layers, network.image)
    assert again.tensors.keys() == network.tensors.keys()
    for name, tensor in network.tensors.items():
        assert again.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(again.tensors[name], tensor)
