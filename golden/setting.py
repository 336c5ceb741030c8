"""The bit-widths that a network runs at, under a name."""

from typing import NamedTuple

from .types import BitWidths

__all__ = ["Setting"]


class Setting(NamedTuple):
    """What a network runs at: a name for it, and k, or k by layer name."""

    name: str
    bits: BitWidths
