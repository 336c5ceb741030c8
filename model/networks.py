"""Networks built of truncation-ready layers."""

from collections.abc import Sequence

from torch import Tensor, nn

from .layers import QuantActivation, SwitchableBatchNorm2d, TruncConv2d, TruncLinear
from .quantisers import quantise_mean

__all__ = ["BIT_WIDTHS", "DigitsNet"]

BIT_WIDTHS = (8, 4, 2, 1)


class DigitsNet(nn.Module):
    """Four convolutions with one residual add, for 8 x 8 images of one channel.

    Every value between layers is a code of `act_bits` bits; the first and last layers keep
    8-bit weights.
    """

    def __init__(
        self,
        bit_widths: Sequence[int] = BIT_WIDTHS,
        *,
        act_bits: int = 4,
        channels: int = 32,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.bit_widths = tuple(bit_widths)
        self.act_bits = act_bits
        self.conv1 = TruncConv2d(1, channels // 2, 3, padding=1, fixed_bits=8)
        self.norm1 = SwitchableBatchNorm2d(channels // 2, bit_widths)
        self.conv2 = TruncConv2d(channels // 2, channels, 3, padding=1)
        self.norm2 = SwitchableBatchNorm2d(channels, bit_widths)
        self.conv3 = TruncConv2d(channels, channels, 3, padding=1)
        self.norm3 = SwitchableBatchNorm2d(channels, bit_widths)
        self.pool = nn.MaxPool2d(2)
        self.conv4 = TruncConv2d(channels, 2 * channels, 3, padding=1)
        self.norm4 = SwitchableBatchNorm2d(2 * channels, bit_widths)
        self.act = QuantActivation(act_bits)
        self.linear = TruncLinear(2 * channels, classes, fixed_bits=8)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 1, 8, 8) in [0, 1]."""
        x = self.act(self.norm1(self.conv1(images)))  # (B, 16, 8, 8)
        x = self.act(self.norm2(self.conv2(x)))  # (B, 32, 8, 8)
        x = self.act(self.norm3(self.conv3(x)) + x)
        x = self.pool(x)  # (B, 32, 4, 4)
        x = self.act(self.norm4(self.conv4(x)))  # (B, 64, 4, 4)
        logits: Tensor = self.linear(quantise_mean(x, self.act_bits))
        return logits
