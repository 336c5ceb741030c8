import numpy as np
import pytest
import torch

from truncmac.golden import activation_codes, avg_pool, integer_weights, weight_codes, weight_scale
from truncmac.model.quantisers import (
    FLOAT_BITS,
    quantise_activations,
    quantise_mean,
    truncquant_weights,
)


def weights(seed=0, shape=(7, 5, 3, 3)):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32))


@pytest.mark.parametrize("bits", range(1, 9))
def test_weights_are_goldens_integers_times_one_scale(bits):
    v = weights()
    expected = integer_weights(weight_codes(v.numpy()), bits)
    unit = weight_scale(v.numpy()) / (2**bits - 1)
    result = truncquant_weights(v, bits).double().numpy()
    np.testing.assert_array_equal(np.rint(result / unit).astype(int), expected)
    np.testing.assert_allclose(result, unit * expected, rtol=1e-6)


@pytest.mark.parametrize("bits", [1, 3, 8, FLOAT_BITS])
def test_gradient_is_that_of_the_unquantised_form(bits):
    v = weights(1).requires_grad_()
    upstream = weights(2)
    truncquant_weights(v, bits).backward(upstream)
    with torch.no_grad():
        tanh = torch.tanh(v)
        slope = v.abs().mean() / tanh.abs().max() * (1 - tanh**2)
    torch.testing.assert_close(v.grad, upstream * slope)


def test_all_zero_weights_stay_finite():
    assert torch.isfinite(truncquant_weights(torch.zeros(3, 3), 4)).all()


@pytest.mark.parametrize("bits", [0, 9])
def test_other_bit_widths_are_refused(bits):
    with pytest.raises(ValueError, match=rf"^Bit-width k must be in 1\.\.8, not {bits}$"):
        truncquant_weights(weights(), bits)


@pytest.mark.parametrize("bits", range(1, 9))
def test_activations_are_goldens_codes(bits):
    largest = 2**bits - 1
    ties = (np.arange(largest) + 0.5) / largest
    values = np.concatenate([np.linspace(-0.5, 1.5, 1001), ties]).astype(np.float32)
    result = quantise_activations(torch.from_numpy(values), bits).numpy() * largest
    # The forward is computed in float32: so is what golden is given
    scaled = (np.float32(largest) * values.clip(0, 1)).astype(np.float64) / largest
    np.testing.assert_array_equal(np.rint(result).astype(int), activation_codes(scaled, bits))


def test_activation_gradient_passes_between_the_clamps():
    values = torch.tensor([-0.1, 0.0, 0.3, 1.0, 1.1], requires_grad=True)
    quantise_activations(values, 2).sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_mean_rounds_as_golden_does(bits):
    codes = np.random.default_rng(bits).integers(0, 2**bits, (50, 6, 4, 4), np.uint8)
    mean = quantise_mean(torch.from_numpy(codes.astype(np.float32)) / (2**bits - 1), bits)
    result = np.rint(mean.numpy() * (2**bits - 1)).astype(np.uint8)
    np.testing.assert_array_equal(result, avg_pool(codes)[:, :, 0, 0])
