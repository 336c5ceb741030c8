"""Layers whose weights are truncated to the bit-width at hand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import Tensor, nn

from .quantisers import (
    FLOAT_BITS,
    SCHEMES,
    Scheme,
    quantise_activations,
    quantise_mean,
    quantise_weights,
)

__all__ = [
    "PadShortcut",
    "QuantActivation",
    "QuantAvgPool2d",
    "SwitchableBatchNorm",
    "TruncConv2d",
    "TruncLinear",
    "at_bits",
    "bit_widths",
    "real_weights",
    "set_bits",
    "set_scheme",
]


class TruncConv2d(nn.Conv2d):
    """Convolution with truncated weights; its bias, if any, is not quantised.

    `fixed_bits` is the layer's own bit-width, which does not follow the network's; at
    `FLOAT_BITS` no layer is quantised.
    """

    fixed_bits: int | None = None
    bits: int = FLOAT_BITS
    scheme: Scheme = "truncquant"
    centred: bool = False

    def forward(self, images: Tensor) -> Tensor:
        """Convolve with the weights at the layer's present bit-width."""
        weights = quantise_weights(real_weights(self), weight_bits(self), self.scheme)
        return self._conv_forward(images, weights, self.bias)


class TruncLinear(nn.Linear):
    """Fully connected layer with truncated weights; see `TruncConv2d`."""

    fixed_bits: int | None = None
    bits: int = FLOAT_BITS
    scheme: Scheme = "truncquant"
    centred: bool = False

    def forward(self, activations: Tensor) -> Tensor:
        """Multiply by the weights at the layer's present bit-width."""
        weights = quantise_weights(real_weights(self), weight_bits(self), self.scheme)
        return F.linear(activations, weights, self.bias)


def real_weights(layer: TruncConv2d | TruncLinear) -> Tensor:
    """V: the parameters, and where the layer is `centred` less each output channel's mean.

    So each channel has as many weights on either side of the 1-bit threshold, nearly.
    """
    weights = layer.weight
    if not layer.centred:
        return weights
    return weights - weights.mean(dim=tuple(range(1, weights.dim())), keepdim=True)


def weight_bits(layer: TruncConv2d | TruncLinear) -> int:
    """Bit-width of the layer's weights now: its own, or the network's."""
    return layer.bits if layer.fixed_bits is None or layer.bits == FLOAT_BITS else layer.fixed_bits


class SwitchableBatchNorm(nn.Module):
    """A batch-norm for each bit-width, `FLOAT_BITS` included, all copies of `norm` at first."""

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, widths: Sequence[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleDict()
        for bits in (*widths, FLOAT_BITS):
            self.add_width(bits, norm)
        self.bits = FLOAT_BITS

    def add_width(self, bits: int, like: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        """Add a batch-norm for `bits` that begins as a copy of `like`."""
        copy = type(like)(like.num_features, like.eps, like.momentum)
        copy.load_state_dict(like.state_dict())
        self.norms[str(bits)] = copy

    def forward(self, values: Tensor) -> Tensor:
        """Normalise with the present bit-width's statistics."""
        result: Tensor = self.norms[str(self.bits)](values)
        return result


class QuantActivation(nn.Module):
    """Clamp to [0, 1] and round to codes of `act_bits` bits; at `FLOAT_BITS` only clamp."""

    def __init__(self, act_bits: int) -> None:
        super().__init__()
        self.act_bits = act_bits

    def forward(self, values: Tensor) -> Tensor:
        """Quantise; see `quantise_activations`."""
        return quantise_activations(values, self.act_bits)


class QuantAvgPool2d(nn.Module):
    """Mean of each image's codes, rounded to a code: shape (B, C, 1, 1)."""

    def __init__(self, act_bits: int) -> None:
        super().__init__()
        self.act_bits = act_bits

    def forward(self, activations: Tensor) -> Tensor:
        """Average; see `quantise_mean`."""
        if self.act_bits == FLOAT_BITS:
            return activations.mean(dim=(2, 3), keepdim=True)
        return quantise_mean(activations, self.act_bits)


class PadShortcut(nn.Module):
    """A residual's way without parameters: every `stride`-th pixel, zeros for new channels.

    Source: option A of Deep Residual Learning, arXiv 1512.03385, section 4.2.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels = channels
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        """Give (B, channels, ceil(H / stride), ceil(W / stride)) of (B, C, H, W)."""
        kept = images[:, :, :: self.stride, :: self.stride]
        return F.pad(kept, (0, 0, 0, 0, 0, self.channels - kept.shape[1]))


def set_bits(model: nn.Module, bits: int) -> None:
    """Switch every layer of `model` to `bits`: weights truncated, batch-norms switched.

    Raises
    ------
    ValueError
        If a batch-norm has no statistics for `bits`: names it, and those that it has.
    """
    modules = list(model.named_modules())
    for name, module in modules:
        if isinstance(module, SwitchableBatchNorm) and str(bits) not in module.norms:
            raise ValueError(
                f"Batch-norm {name!r} has statistics for k = {', '.join(module.norms)}, not "
                f"{bits}: train at {bits}, or calibrate"
            )
    for _, module in modules:
        if isinstance(module, TruncConv2d | TruncLinear | SwitchableBatchNorm):
            module.bits = bits


@contextmanager
def at_bits(model: nn.Module, bits: int) -> Iterator[nn.Module]:
    """Within, `model` is at `bits`; afterwards it is as before."""
    kinds = (TruncConv2d, TruncLinear, SwitchableBatchNorm)
    before = {module: module.bits for module in model.modules() if isinstance(module, kinds)}
    set_bits(model, bits)
    try:
        yield model
    finally:
        for module, was in before.items():
            module.bits = was


def set_scheme(model: nn.Module, scheme: Scheme) -> None:
    """Quantise every layer's weights by `scheme` from now on."""
    if scheme not in SCHEMES:
        raise ValueError(f"Scheme must be one of {', '.join(SCHEMES)}, not {scheme!r}")
    for module in model.modules():
        if isinstance(module, TruncConv2d | TruncLinear):
            module.scheme = scheme


def bit_widths(model: nn.Module) -> tuple[int, ...]:
    """The k that every batch-norm of `model` has statistics for, highest first."""
    found = [
        {int(bits) for bits in module.norms}
        for module in model.modules()
        if isinstance(module, SwitchableBatchNorm)
    ]
    widths = set.intersection(*found) if found else {*range(1, 9)}
    return tuple(sorted(widths - {FLOAT_BITS}, reverse=True))
