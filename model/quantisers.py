"""Quantisers for training: forward they are golden's exactly, backward they are straight-through.

Source: TruncQuant, arXiv 2506.11431; DoReFa-Net, arXiv 1606.06160 (the tanh map).
"""

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from truncmac.golden import check_bits

__all__ = [
    "FLOAT_BITS",
    "SCHEMES",
    "Scheme",
    "quantise_activations",
    "quantise_mean",
    "quantise_weights",
    "weight_levels",
]

FLOAT_BITS = 32  # as a bit-width this means "not quantised"

# truncquant: codes are rounded down to 8 bits, and the top k bits are kept
# dorefa: codes are rounded to k bits, for each k anew
# dorefa_truncated: codes are rounded to 8 bits, and the top k bits are kept
Scheme = Literal["truncquant", "dorefa", "dorefa_truncated"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


def weight_levels(x: Tensor, bits: int, scheme: Scheme) -> Tensor:
    """The codes ck in 0..2**bits - 1 of normalised weights x in [0, 1], as float64."""
    if scheme == "truncquant":
        codes = torch.floor(256 * x).clamp(max=255)
    elif scheme == "dorefa_truncated":
        codes = torch.round(255 * x)
    else:
        return torch.round(((1 << bits) - 1) * x)
    return torch.floor(codes * 2.0 ** (bits - 8))


class _Weights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, bits: int, scheme: Scheme) -> Tensor:
        squashed = torch.tanh(weights.double())
        largest = squashed.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
        scale = weights.double().abs().mean()
        ctx.save_for_backward((scale / largest * (1 - squashed**2)).to(weights.dtype))
        if bits == FLOAT_BITS:
            return (scale * (squashed / largest)).to(weights.dtype)
        levels = (1 << bits) - 1
        codes = weight_levels(squashed / (2 * largest) + 0.5, bits, scheme)
        return (scale / levels * (2 * codes - levels)).to(weights.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None, None


class _Activation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, largest: int) -> Tensor:
        ctx.save_for_backward(values)
        codes = values.clamp(0, 1).float()  # in place from here on: memory is what this costs
        return codes.mul_(largest).add_(0.5).floor_().div_(largest).to(values.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (values,) = ctx.saved_tensors
        # One pass: the gradient where 0 < values < 1, else 0
        return torch.ops.aten.hardtanh_backward(gradients[0], values, 0.0, 1.0), None


def quantise_weights(weights: Tensor, bits: int, scheme: Scheme = "truncquant") -> Tensor:
    """What the integer weights at `bits` are worth: E / N * (2 ck - N), with N = 2**bits - 1.

    E = mean|V|, and ck are the codes of x = tanh(V) / (2 max|tanh V|) + 1/2. The gradient is that
    of the weights without quantisation, with E and max|tanh V| held constant.

    Parameters
    ----------
    weights : float tensor V of one layer, of any shape
    bits : in 1..8; or `FLOAT_BITS`, which gives E * tanh(V) / max|tanh V|
    scheme : how ck is made of x, see `Scheme`. With "truncquant" ck is the top `bits` of
        golden.weight_codes(V)

    Returns
    -------
    float tensor of the same shape and dtype; the computation is in float64

    Raises
    ------
    ValueError
        If `bits` or `scheme` is none of these.
    """
    if bits != FLOAT_BITS:
        check_bits(bits)
    if scheme not in SCHEMES:
        raise ValueError(f"Scheme must be one of {', '.join(SCHEMES)}, not {scheme!r}")
    result: Tensor = _Weights.apply(weights, bits, scheme)  # type: ignore[no-untyped-call]
    return result


def quantise_activations(values: Tensor, bits: int) -> Tensor:
    """What the codes of activations are worth: floor(A * clamp(y, 0, 1) + 1/2) / A.

    A = 2**bits - 1, and ties round up. The gradient is 1 where 0 < y < 1, and 0 elsewhere.

    Parameters
    ----------
    values : float tensor y, of any shape
    bits : in 1..8; or `FLOAT_BITS`, which gives clamp(y, 0, 1)

    Returns
    -------
    float tensor of the same shape and dtype; the computation is in float32
    """
    if bits == FLOAT_BITS:
        return values.clamp(0, 1)
    check_bits(bits)
    result: Tensor = _Activation.apply(values, (1 << bits) - 1)  # type: ignore[no-untyped-call]
    return result


def quantise_mean(activations: Tensor, bits: int) -> Tensor:
    """The mean over height and width of quantised activations, rounded half up to a code.

    The sums of codes are exact, so that ties round as in golden. The gradient is that of the mean.

    Parameters
    ----------
    activations : float tensor (B, C, H, W) of codes of `bits`, as `quantise_activations` gives

    Returns
    -------
    float tensor (B, C, 1, 1) of the same dtype
    """
    largest = (1 << bits) - 1
    count = activations.shape[2] * activations.shape[3]
    mean = activations.mean(dim=(2, 3), keepdim=True)
    with torch.no_grad():
        codes = torch.round(activations.float() * largest)
        total = codes.sum(dim=(2, 3), keepdim=True)
        rounded = torch.floor((2 * total + count) / (2 * count)) / largest
    return mean + (rounded.to(mean.dtype) - mean).detach()
