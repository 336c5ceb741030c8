"""Quantisers with gradients: forward equal to golden, backward straight through the rounding.

Source: TruncQuant, arXiv 2506.11431; Any-Precision DNNs, arXiv 1911.07346; DoReFa-Net,
arXiv 1606.06160.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from truncmac.golden import WEIGHT_BITS, check_bits

__all__ = ["FLOAT", "quantise_activations", "truncate_weights"]

FLOAT = 32  # the "bit-width" of the pass without quantisation


def truncate_weights(weights: Tensor, bits: int) -> Tensor:
    """Real weights that the hardware has at `bits`: E/N * W.

    W = 2 ck - N, N = 2**bits - 1, ck = c8 >> (8 - bits), with the codes c8 of
    `golden.weight_codes`, computed in float64; E = mean|V|. At `FLOAT` it is the limit of
    many bits, E * tanh(V) / max|tanh V|.

    Parameters
    ----------
    weights : real tensor V of one layer, any shape
    bits : in 1..8, or `FLOAT`

    Returns
    -------
    tensor of the same shape and type

    Backward, at every width: the quantised ck/N passes the gradient of x = tanh(V) /
    (2 max|tanh V|) + 1/2 unchanged, with E and the maximum taken as constants, so that
    dL/dV = dL/dw * E * (1 - tanh(V)**2) / max|tanh V|.
    """
    if bits != FLOAT:
        check_bits(bits)
    result: Tensor = _WeightTruncation.apply(weights, bits)  # type: ignore[no-untyped-call]
    return result


def quantise_activations(values: Tensor, bits: int) -> Tensor:
    """Real value a/A of the codes a = floor(A * clamp(y, 0, 1) + 1/2), A = 2**bits - 1.

    Rounded half up, as `golden.activation_codes`; at `FLOAT` clamped only. Backward: the
    gradient passes unchanged where 0 <= y <= 1, and is zero elsewhere.
    """
    if bits == FLOAT:
        return values.clamp(0, 1)
    check_bits(bits)
    result: Tensor = _ActivationRounding.apply(values, bits)  # type: ignore[no-untyped-call]
    return result


class _WeightTruncation(Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, bits: int) -> Tensor:
        squashed = weights.double().tanh()
        largest = squashed.abs().max()
        largest = torch.where(largest > 0, largest, 1)  # all weights zero: x = 1/2
        scale = weights.double().abs().mean()
        ctx.save_for_backward(((1 - squashed**2) * scale / largest).to(weights.dtype))
        if bits == FLOAT:
            return (scale * squashed / largest).to(weights.dtype)
        codes = (256 * (squashed / (2 * largest) + 0.5)).floor().clamp(max=255)
        kept = (codes / (1 << (WEIGHT_BITS - bits))).floor()
        steps = (1 << bits) - 1
        return (scale / steps * (2 * kept - steps)).to(weights.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None


class _ActivationRounding(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, bits: int) -> Tensor:
        ctx.save_for_backward((values >= 0) & (values <= 1))
        steps = (1 << bits) - 1
        return (steps * values.clamp(0, 1) + 0.5).floor() / steps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None
