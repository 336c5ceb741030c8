"""Layers whose weights are truncated to the bit-width at hand."""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import Tensor, nn

from .quantisers import FLOAT_BITS, quantise_activations, truncquant_weights

__all__ = [
    "QuantActivation",
    "SwitchableBatchNorm2d",
    "TruncConv2d",
    "TruncLinear",
    "set_bits",
]


class TruncConv2d(nn.Conv2d):
    """Convolution with TruncQuant weights, without bias.

    `fixed_bits` is the layer's own bit-width, which does not follow the network's; at
    `FLOAT_BITS` no layer is quantised.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        fixed_bits: int | None = None,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.fixed_bits = fixed_bits
        self.bits = FLOAT_BITS

    def forward(self, images: Tensor) -> Tensor:
        """Convolve with the weights at the layer's present bit-width."""
        weights = truncquant_weights(self.weight, layer_bits(self))
        return F.conv2d(images, weights, None, self.stride, self.padding)


class TruncLinear(nn.Linear):
    """Fully connected layer with TruncQuant weights; its bias is not quantised."""

    def __init__(self, inputs: int, outputs: int, *, fixed_bits: int | None = None) -> None:
        super().__init__(inputs, outputs)
        self.fixed_bits = fixed_bits
        self.bits = FLOAT_BITS

    def forward(self, activations: Tensor) -> Tensor:
        """Multiply by the weights at the layer's present bit-width."""
        return F.linear(activations, truncquant_weights(self.weight, layer_bits(self)), self.bias)


def layer_bits(layer: TruncConv2d | TruncLinear) -> int:
    """Bit-width of the layer's weights now: its own, or the network's."""
    return layer.bits if layer.fixed_bits is None or layer.bits == FLOAT_BITS else layer.fixed_bits


class SwitchableBatchNorm2d(nn.Module):
    """A batch-norm for each bit-width, `FLOAT_BITS` included."""

    def __init__(self, channels: int, bit_widths: Sequence[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleDict(
            {str(bits): nn.BatchNorm2d(channels) for bits in (*bit_widths, FLOAT_BITS)}
        )
        self.bits = FLOAT_BITS

    def forward(self, values: Tensor) -> Tensor:
        """Normalise with the present bit-width's statistics."""
        result: Tensor = self.norms[str(self.bits)](values)
        return result


class QuantActivation(nn.Module):
    """Clamp to [0, 1] and round to codes of `bits` bits."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits_out = bits

    def forward(self, values: Tensor) -> Tensor:
        """Quantise; see `quantise_activations`."""
        return quantise_activations(values, self.bits_out)


def set_bits(model: nn.Module, bits: int) -> None:
    """Switch every layer of `model` to `bits`: weights truncated, batch-norms switched."""
    for module in model.modules():
        if isinstance(module, TruncConv2d | TruncLinear | SwitchableBatchNorm2d):
            module.bits = bits
