"""PyTorch layers whose weights are truncated to a bit-width that can be switched."""

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
    """A convolution with truncated weights; its bias, if it has one, is not quantised.

    Attributes
    ----------
    fixed_bits : the layer's own k; None: it follows the network's
    bits : the network's k now; at `FLOAT_BITS` no layer is quantised
    scheme : how weights are quantised, see `Scheme`
    centred : each output channel's mean is taken off its weights before
    """

    fixed_bits: int | None = None
    bits: int = FLOAT_BITS
    scheme: Scheme = "truncquant"
    centred: bool = False

    def forward(self, images: Tensor) -> Tensor:
        """Convolve images (B, C, H, W) with the weights at the layer's present bit-width."""
        weights = quantise_weights(real_weights(self), weight_bits(self), self.scheme)
        return self._conv_forward(images, weights, self.bias)


class TruncLinear(nn.Linear):
    """A fully connected layer with truncated weights; for its attributes see `TruncConv2d`."""

    fixed_bits: int | None = None
    bits: int = FLOAT_BITS
    scheme: Scheme = "truncquant"
    centred: bool = False

    def forward(self, activations: Tensor) -> Tensor:
        """Multiply activations (B, K) by the weights at the layer's present bit-width."""
        weights = quantise_weights(real_weights(self), weight_bits(self), self.scheme)
        return F.linear(activations, weights, self.bias)


def real_weights(layer: TruncConv2d | TruncLinear) -> Tensor:
    """The weights V that are quantised: the parameters, less each channel's mean if `centred`.

    Centred weights lie in nearly equal numbers on both sides of the threshold of 1 bit.
    """
    weights = layer.weight
    if not layer.centred:
        return weights
    return weights - weights.mean(dim=tuple(range(1, weights.dim())), keepdim=True)


def weight_bits(layer: TruncConv2d | TruncLinear) -> int:
    """The bit-width of the layer's weights now: its own if it has one, else the network's."""
    return layer.bits if layer.fixed_bits is None or layer.bits == FLOAT_BITS else layer.fixed_bits


class SwitchableBatchNorm(nn.Module):
    """A batch-norm for each bit-width and for `FLOAT_BITS`; all begin as copies of `norm`."""

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
    """Clamps to [0, 1] and rounds to codes of `act_bits` bits; at `FLOAT_BITS` it only clamps."""

    def __init__(self, act_bits: int) -> None:
        super().__init__()
        self.act_bits = act_bits

    def forward(self, values: Tensor) -> Tensor:
        """Quantise activations of any shape; see `quantise_activations`."""
        return quantise_activations(values, self.act_bits)


class QuantAvgPool2d(nn.Module):
    """The mean of each channel's codes over the image: (B, C, 1, 1).

    Attributes
    ----------
    exact : the mean is not rounded; else it is rounded to a code of `act_bits`
    """

    def __init__(self, act_bits: int, *, exact: bool = True) -> None:
        super().__init__()
        self.act_bits = act_bits
        self.exact = exact

    def forward(self, activations: Tensor) -> Tensor:
        """Average activations (B, C, H, W); see `quantise_mean`."""
        if self.exact or self.act_bits == FLOAT_BITS:
            return activations.mean(dim=(2, 3), keepdim=True)
        return quantise_mean(activations, self.act_bits)


class PadShortcut(nn.Module):
    """A residual's way without parameters: every `stride`-th pixel, and zeros for new channels.

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
    """Switch every layer and every batch-norm of a model to `bits`.

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
    """Switch a model to `bits` for the statements within; afterwards it is as before."""
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
    """The bit-widths that every batch-norm of a model has statistics for, the highest first.

    They are all of 8 to 1 if the model has no batch-norm.
    """
    found = [
        {int(bits) for bits in module.norms}
        for module in model.modules()
        if isinstance(module, SwitchableBatchNorm)
    ]
    widths = set.intersection(*found) if found else {*range(1, 9)}
    return tuple(sorted(widths - {FLOAT_BITS}, reverse=True))
