import numpy as np
import pytest
import torch

from truncmac.golden import (
    activation_codes,
    avg_pool,
    integer_weights,
    truncate,
    weight_codes,
    weight_scale,
)
from truncmac.model.quantisers import (
    FLOAT_BITS,
    SCHEMES,
    quantise_activations,
    quantise_mean,
    quantise_weights,
)


def weights(seed=0, shape=(7, 5, 3, 3)):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32))


def levels(v, bits, scheme):
    """The integers 2 ck - N behind quantised weights."""
    unit = weight_scale(v.numpy()) / (2**bits - 1)
    result = quantise_weights(v, bits, scheme).double().numpy()
    integers = np.rint(result / unit)
    np.testing.assert_allclose(result, unit * integers, rtol=1e-6)
    return integers


@pytest.mark.parametrize("bits", range(1, 9))
def test_truncquant_weights_are_goldens_integers(bits):
    v = weights()
    expected = integer_weights(weight_codes(v.numpy()), bits)
    np.testing.assert_array_equal(levels(v, bits, "truncquant"), expected)


@pytest.mark.parametrize("bits", range(1, 9))
def test_dorefa_weights_are_rounded_at_each_width(bits):
    v = weights()
    squashed = np.tanh(v.double().numpy())
    x = squashed / (2 * np.abs(squashed).max()) + 0.5
    n = 2**bits - 1
    np.testing.assert_array_equal(levels(v, bits, "dorefa"), 2 * np.rint(n * x) - n)
    codes = np.rint(255 * x).astype(np.uint8)
    expected = 2 * truncate(codes, bits).astype(int) - n
    np.testing.assert_array_equal(levels(v, bits, "dorefa_truncated"), expected)


def test_at_8_bits_rounding_and_truncating_differ_by_less_than_a_level():
    v = weights()
    difference = levels(v, 8, "dorefa") - levels(v, 8, "truncquant")
    assert 0 < np.abs(difference).max() <= 2


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("bits", [1, 3, 8, FLOAT_BITS])
def test_gradient_is_that_of_the_unquantised_form(bits, scheme):
    v = weights(1).requires_grad_()
    upstream = weights(2)
    quantise_weights(v, bits, scheme).backward(upstream)
    with torch.no_grad():
        tanh = torch.tanh(v)
        slope = v.abs().mean() / tanh.abs().max() * (1 - tanh**2)
    torch.testing.assert_close(v.grad, upstream * slope)


def test_all_zero_weights_stay_finite():
    assert torch.isfinite(quantise_weights(torch.zeros(3, 3), 4)).all()


@pytest.mark.parametrize("bits", [0, 9])
def test_other_bit_widths_are_refused(bits):
    with pytest.raises(ValueError, match=rf"^Bit-width k must be in 1\.\.8, not {bits}$"):
        quantise_weights(weights(), bits)


def test_other_schemes_are_refused():
    message = "^Scheme must be one of truncquant, dorefa, dorefa_truncated, not 'x'$"
    with pytest.raises(ValueError, match=message):
        quantise_weights(weights(), 8, "x")


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
    assert values.grad.tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_mean_rounds_as_golden_does(bits):
    codes = np.random.default_rng(bits).integers(0, 2**bits, (50, 6, 4, 4), np.uint8)
    mean = quantise_mean(torch.from_numpy(codes.astype(np.float32)) / (2**bits - 1), bits)
    result = np.rint(mean.numpy() * (2**bits - 1)).astype(np.uint8)
    np.testing.assert_array_equal(result, avg_pool(codes))


# PyTorch's own compiler makes one
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_compiled_functions_give_the_same(bits):
    def both(v, x):
        return quantise_weights(v, bits).sum() + quantise_activations(x, bits).sum()

    compiled = torch.compile(both, backend="aot_eager", fullgraph=True)
    grads = []
    for function in (both, compiled):
        v, x = weights(3).requires_grad_(), weights(4).requires_grad_()
        value = function(v, x)
        value.backward()
        grads.append((value.detach(), v.grad, x.grad))
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


def test_autocast_keeps_the_codes():
    model = torch.nn.Linear(8, 8)
    x = torch.rand(64, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(x)
        assert half.dtype == torch.bfloat16
        codes = quantise_activations(half, 4) * 15
    expected = activation_codes(half.float().detach().numpy(), 4)
    np.testing.assert_array_equal(np.rint(codes.float().detach().numpy()).astype(int), expected)


@pytest.mark.parametrize("bits", [1, 8])
def test_autocast_leaves_the_weights_codes_alone(bits):
    v = weights(5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = quantise_weights(v, bits)
    assert torch.equal(inside, quantise_weights(v, bits))
