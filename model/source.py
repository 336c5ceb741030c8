"""What a network is imported from, and what the user must say because its files do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is imported, and what its files do not say.

    Attributes
    ----------
    path : a folder, or a file whose ending says what it is
    bits : the network's bit-widths k
    data : a file of images, or a folder of pictures, to calibrate the network on, and to try it
        with
    network, image, classes : for tensors alone: the name of the network that they belong to, the
        (channels, height, width) of its images, and its number of classes
    act_bits : for tensors alone: bits of the activations' codes
    percentile : for a float network: activations are clamped at this percentile of theirs
    edge_bits : k of the first and last layers; None: they follow the network's
    multiplier_bits : for ONNX: width of the multipliers M of requantisation
    centred : for tensors alone: the network was trained with centred weights
    exact_means : for tensors alone: means over the image are not rounded to activation codes
    halves : for ONNX: halves between codes go "up", or to the "even" one as in the graph
    mean, deviation : for ONNX: a pixel p stands for (p / 255 - mean) / deviation; one number, or
        one for each channel; none: the importer chooses
    """

    path: Path
    bits: Sequence[int]
    data: Path | None = None
    network: str | None = None
    image: tuple[int, int, int] | None = None
    classes: int | None = None
    act_bits: int = 4
    percentile: float = 99.9
    edge_bits: int | None = 8
    multiplier_bits: int = 18
    centred: bool = False
    exact_means: bool = True
    halves: Literal["up", "even"] = "up"
    mean: Sequence[float] = ()
    deviation: Sequence[float] = ()
