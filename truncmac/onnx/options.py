"""What a user may choose when an ONNX file is imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from truncmac.golden import ALL_WIDTHS, MULTIPLIER_BITS, CodeRounding, ImageSpec
from truncmac.golden.types import Codes

__all__ = ["GivenImages", "Options"]


class GivenImages(Protocol):
    """Images that become codes once it is known what the network takes."""

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest real number; None of pixels and codes."""

    def codes(self, image: ImageSpec) -> Codes:
        """The codes, uint8 (n, C, H, W)."""


@dataclass(frozen=True)
class Options:
    """What the file does not say.

    Attributes
    ----------
    widths : the network's bit-widths k
    edge_bits : k of the first and last layers, or None: they follow the network's
    multiplier_bits : width of the multipliers M of requantisation
    halves : "half_up", as hardware rounds, or "half_even", as the graph does
    images : images, or None. With images each channel keeps its mean on them where weights are
        truncated, and an input that the graph does not quantise gets the range of theirs
    mean, deviation : a pixel p stands for (p / 255 - mean) / deviation in the graph's input; one
        number, or one for each channel; none: for p, if the graph's codes reach so far, or p / 255
    compared : layers are compared with real arithmetic, see `Imported`
    """

    widths: Sequence[int] = ALL_WIDTHS
    edge_bits: int | None = 8
    multiplier_bits: int = MULTIPLIER_BITS
    halves: CodeRounding = "half_up"
    images: GivenImages | None = None
    mean: Sequence[float] = ()
    deviation: Sequence[float] = ()
    compared: bool = False
