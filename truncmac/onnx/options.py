"""What a user may choose when an ONNX file is imported."""

from collections.abc import Sequence
from dataclasses import dataclass

from truncmac.golden import ALL_WIDTHS, MULTIPLIER_BITS
from truncmac.golden.types import Codes

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """What the file does not say.

    Attributes
    ----------
    widths : the network's bit-widths k
    edge_bits : k of the first and last layers, or None: they follow the network's
    multiplier_bits : width of the multipliers M of requantisation
    images : uint8 (n, C, H, W), codes of images, or None. With images each channel keeps its mean
        on them where weights are truncated
    """

    widths: Sequence[int] = ALL_WIDTHS
    edge_bits: int | None = 8
    multiplier_bits: int = MULTIPLIER_BITS
    images: Codes | None = None
