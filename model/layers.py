"""Layers whose bit-width is chosen at run time."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from truncmac.golden import check_bits

from .quantisers import FLOAT, quantise_activations, truncate_weights

__all__ = [
    "QuantActivation",
    "QuantAvgPool",
    "SwitchableBatchNorm2d",
    "Switched",
    "TruncConv2d",
    "TruncLinear",
    "set_bits",
]

Pair = tuple[int, int]


class Switched(nn.Module):
    """A layer that knows the network's bit-width, `network_bits`: 1..8, or `FLOAT`."""

    def __init__(self) -> None:
        super().__init__()
        self.network_bits = FLOAT


def set_bits(model: nn.Module, bits: int) -> None:
    """Run `model` at `bits` from now on: 1..8, or `FLOAT`, the pass without quantisation."""
    if bits != FLOAT:
        check_bits(bits)
    for module in model.modules():
        if isinstance(module, Switched):
            module.network_bits = bits


class _Truncated(Switched):
    """Weights at the network's bit-width, or at `own_bits` where the layer has its own."""

    def __init__(self, shape: Sequence[int], own_bits: int | None) -> None:
        super().__init__()
        if own_bits is not None:
            check_bits(own_bits)
        self.own_bits = own_bits
        self.weight = nn.Parameter(torch.empty(*shape))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    @property
    def bits(self) -> int:
        """Bits of the weights now; `FLOAT` in the float pass, whatever the layer's own."""
        if self.own_bits is None or self.network_bits == FLOAT:
            return self.network_bits
        return self.own_bits

    def truncated(self) -> Tensor:
        """Real weights at the present bits."""
        return truncate_weights(self.weight, self.bits)


class TruncConv2d(_Truncated):
    """Convolution without bias, zero-padded.

    Parameters
    ----------
    shape : (O, I, KH, KW) of the weights
    own_bits : bits of its weights; None: the network's
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        *,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        own_bits: int | None = None,
    ) -> None:
        super().__init__(shape, own_bits)
        self.stride = stride
        self.padding = padding

    def forward(self, values: Tensor) -> Tensor:
        """Sums (B, O, OH, OW) of values (B, I, H, W)."""
        weights = self.truncated()
        return functional.conv2d(values, weights, stride=self.stride, padding=self.padding)


class TruncLinear(_Truncated):
    """Fully connected layer with a bias.

    Parameters
    ----------
    shape : (O, I) of the weights
    own_bits : bits of its weights; None: the network's
    """

    def __init__(self, shape: tuple[int, int], *, own_bits: int | None = None) -> None:
        super().__init__(shape, own_bits)
        self.bias = nn.Parameter(torch.zeros(shape[0]))

    def forward(self, values: Tensor) -> Tensor:
        """Sums (B, O) of values (B, I)."""
        return functional.linear(values, self.truncated(), self.bias)


class SwitchableBatchNorm2d(Switched):
    """A batch-norm for each bit-width, and one for the float pass.

    Parameters
    ----------
    channels : of the values (B, C, H, W)
    bit_widths : those that the network is trained for, without `FLOAT`
    """

    def __init__(self, channels: int, bit_widths: Sequence[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleDict(
            {f"b{bits}": nn.BatchNorm2d(channels) for bits in (*bit_widths, FLOAT)}
        )

    def at(self, bits: int) -> nn.BatchNorm2d:
        """The batch-norm of one bit-width."""
        if f"b{bits}" not in self.norms:
            known = ", ".join(name[1:] for name in self.norms)
            raise ValueError(f"Bit-width must be one of {known}, not {bits}")
        norm = self.norms[f"b{bits}"]
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 (for the type checker)
        return norm

    def forward(self, values: Tensor) -> Tensor:
        """Values (B, C, H, W), normalised for the present bit-width."""
        result: Tensor = self.at(self.network_bits)(values)
        return result


class QuantActivation(Switched):
    """Clamp to [0, 1] and round to codes of `bits`, at every bit-width but `FLOAT`."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        check_bits(bits)
        self.bits = bits

    def forward(self, values: Tensor) -> Tensor:
        """Real values a/A of the codes."""
        width = FLOAT if self.network_bits == FLOAT else self.bits
        return quantise_activations(values, width)


class QuantAvgPool(Switched):
    """Mean of each window, rounded half up to a code of `bits`; of the whole image without one.

    In the float pass nothing is rounded. Source: `golden.avg_pool`.
    """

    def __init__(self, bits: int, kernel: Pair | None = None, stride: Pair | None = None) -> None:
        super().__init__()
        check_bits(bits)
        self.bits = bits
        self.kernel = kernel
        self.stride = stride

    def forward(self, values: Tensor) -> Tensor:
        """Real values a/A (B, C, OH, OW) of values a/A (B, C, H, W)."""
        kernel = self.kernel or (values.shape[2], values.shape[3])
        mean = functional.avg_pool2d(values, kernel, self.stride or kernel)
        if self.network_bits == FLOAT:
            return mean
        steps = (1 << self.bits) - 1
        count = kernel[0] * kernel[1]
        # Sums of codes are whole numbers: rounded here, ties are decided exactly.
        total = (mean.detach() * (steps * count)).round()
        rounded = ((2 * total + count) / (2 * count)).floor() / steps
        return mean + (rounded - mean).detach()  # the gradient of the mean
