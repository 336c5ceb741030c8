import numpy as np
import pytest

from truncmac.golden import Gemm, Requantisation, matmul, truncate, weight_offset


def exact(a, b):
    return a.astype(object) @ b.astype(object)


@pytest.mark.parametrize(
    "bound",
    [
        1 << 10,
        (1 << 24) - 1,
        1 << 24,
        (1 << 24) + 1,
        (1 << 53) - 1,
        1 << 53,
        (1 << 53) + 1,
        1 << 62,
    ],
)
def test_products_are_exact_on_both_sides_of_each_bound(bound):
    # One column sums to the bound itself, in steps that the next narrower float cannot hold
    for reduction in (1, 3, 7):
        large = bound // reduction
        activations = np.full((2, reduction), 1, np.int64)
        activations[1] = [1, -1, 1, -1, 1, -1, 1][:reduction]
        weights = np.full((reduction, 3), large, np.int64)
        weights[:, 1] -= 1
        weights[0, 2] = -large + 1
        result = matmul(activations, weights)
        assert result.dtype == np.int64
        assert result.tolist() == exact(activations, weights).tolist()


def test_odd_sums_just_above_float32_survive():
    activations = np.full((1, 66_053), 255, np.uint8)
    weights = np.ones((66_053, 1), np.int32)
    assert matmul(activations, weights)[0, 0] == 66_053 * 255
    assert 66_053 * 255 > 1 << 24


@pytest.mark.parametrize("sign", [1, -1])
def test_the_magnitude_of_negative_operands_counts(sign):
    """(2**12 + 1)**2 is no float32, and the most negative alone tells so."""
    odd = (1 << 12) + 1
    activations = np.array([[-odd, 1]], np.int64)
    weights = np.array([[sign * odd], [0]], np.int64)
    assert matmul(activations, weights).tolist() == [[-sign * odd * odd]]
    assert matmul(weights.T, activations.T).tolist() == [[-sign * odd * odd]]


def test_outputs_are_requantised_with_their_residual():
    """S = 1 x (2 x 200 - 255) = 145 at k = 8: (3 x 145 + 5 x 2 + 1) / 4 = 111.5."""
    gemm = Gemm(
        "layer",
        np.array([[1]], np.uint8),
        np.array([[200]], np.uint8),
        8,
        255,
        requant=Requantisation(
            multiplier=np.array([3], np.int32),
            bias=np.array([1]),
            shift=np.array([2], np.uint8),
            out_bits=8,
            residual_multiplier=np.array([5]),
        ),
        residual=np.array([[2]], np.uint8),
    )
    assert gemm.sums().tolist() == [[145]]
    assert gemm.outputs().tolist() == [[111]]


def test_a_product_past_64_bits_is_refused():
    big = np.full((1, 2), 1 << 31, np.int64)
    message = rf"^Matrix product must fit 64 bits, not reach {1 << 63}$"
    with pytest.raises(ValueError, match=message):
        matmul(big, big.T)


def test_empty_reductions_give_zero():
    assert matmul(np.zeros((2, 0), np.uint8), np.zeros((0, 3), np.int32)).tolist() == [[0] * 3] * 2


@pytest.mark.parametrize("kind", ["bipolar", "twos_complement"])
@pytest.mark.parametrize("bits", range(1, 9))
def test_sums_are_2d_minus_zq(bits, kind):
    rng = np.random.default_rng(bits)
    activations = rng.integers(0, 256, (5, 30), np.uint8)
    codes = rng.integers(0, 256, (30, 4), np.uint8)
    gemm = Gemm("layer", activations, codes, bits, weight_offset(bits, kind))
    d = exact(activations, truncate(codes, bits))
    q = activations.astype(object).sum(axis=1, keepdims=True)
    assert gemm.sums().tolist() == (2 * d - gemm.offset * q).tolist()
    assert gemm.outputs().tolist() == gemm.sums().tolist()
    assert (gemm.rows, gemm.reduction, gemm.columns, gemm.macs) == (5, 30, 4, 600)
