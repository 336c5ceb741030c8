"""Quantisers with a straight-through backward: the forward is golden's, exactly.

Source: TruncQuant, arXiv 2506.11431; DoReFa-Net, arXiv 1606.06160 (the tanh map).
"""

from typing import Any

import torch
from torch import Tensor

from truncmac.golden import check_bits

__all__ = ["FLOAT_BITS", "quantise_activations", "quantise_mean", "truncquant_weights"]

FLOAT_BITS = 32  # the bit-width that means: not quantised


class _TruncQuant(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, bits: int) -> Tensor:
        squashed = torch.tanh(weights.double())
        largest = squashed.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
        scale = weights.double().abs().mean()
        normalised = squashed / largest
        ctx.save_for_backward((scale / largest * (1 - squashed**2)).to(weights.dtype))
        if bits == FLOAT_BITS:
            return (scale * normalised).to(weights.dtype)
        # c8 as golden.weight_codes gives it, then truncation to its top bits
        x = squashed / (2 * largest) + 0.5
        codes = torch.clamp(torch.floor(256 * x), max=255).to(torch.int64) >> (8 - bits)
        levels = (1 << bits) - 1
        return (scale / levels * (2 * codes - levels)).to(weights.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None


class _Activation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, bits: int) -> Tensor:
        ctx.save_for_backward((values >= 0) & (values <= 1))
        largest = (1 << bits) - 1
        return torch.floor(largest * values.clamp(0, 1) + 0.5) / largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None


def truncquant_weights(weights: Tensor, bits: int) -> Tensor:
    """E/N * (2 ck - N): what the integer weights at `bits` are worth.

    Parameters
    ----------
    weights : float tensor V of one layer, any shape
    bits : int in 1..8; or `FLOAT_BITS`: E * tanh(V) / max|tanh V|

    Returns
    -------
    float tensor of the same shape and dtype. E = mean|V|, N = 2**bits - 1; ck are the top
    `bits` of golden.weight_codes(V), computed in float64. The gradient is that of the unquantised
    form, with E and max|tanh V| held constant.
    """
    if bits != FLOAT_BITS:
        check_bits(bits)
    result: Tensor = _TruncQuant.apply(weights, bits)  # type: ignore[no-untyped-call]
    return result


def quantise_activations(values: Tensor, bits: int) -> Tensor:
    """Return floor(A * clamp(y, 0, 1) + 1/2) / A, A = 2**bits - 1; gradient 1 where 0 <= y <= 1."""
    check_bits(bits)
    result: Tensor = _Activation.apply(values, bits)  # type: ignore[no-untyped-call]
    return result


def quantise_mean(activations: Tensor, bits: int) -> Tensor:
    """Mean over height and width of quantised activations, rounded half up to a code's value.

    Takes (B, C, H, W) and gives (B, C). Sums of codes are exact, so ties round as in golden.
    """
    largest = (1 << bits) - 1
    count = activations.shape[2] * activations.shape[3]
    mean = activations.mean(dim=(2, 3))
    with torch.no_grad():
        total = torch.round(activations * largest).sum(dim=(2, 3))
        rounded = torch.floor((2 * total + count) / (2 * count)) / largest
    return mean + (rounded - mean).detach()
