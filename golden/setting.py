"""Bit-widths that a network runs at, under a name."""

from typing import NamedTuple

from .types import BitWidths

__all__ = ["Setting"]


class Setting(NamedTuple):
    """Bit-widths that a network runs at: its k, or k by layer name; and what to call them."""

    name: str
    bits: BitWidths
