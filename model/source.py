"""What a network is imported from, and what its files do not say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is imported, and what its file does not say.

    Attributes
    ----------
    path : a folder, or a file whose ending says what it is
    bits : the network's k
    data : images to calibrate on, and to try the network with
    network, image, classes : for tensors: the network that they are of, one of truncmac's
    act_bits, percentile : for tensors: bits and range of the activations
    edge_bits : k of the first and last layers, or None: they follow the network's
    centred : the network was trained with centred weights
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
