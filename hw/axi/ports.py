# amaranth: UnusedElaboratable=no
"""Ports of the AXI top and the distances of its words in memory, for whoever connects it.

Everything here follows from `AxiTop`'s signature; nothing is built.
"""

from truncmac.hw.ports import component_ports
from truncmac.hw.streams import word_bits

from .stream import word_stride
from .top import INPUTS, AxiTop, BusWidths

__all__ = ["axi_ports", "input_words", "word_strides"]


def axi_ports(config, widths=None):
    """Ports of the AXI top of `config`, with buses of `widths`."""
    return component_ports(AxiTop(config, widths))


def input_words(config):
    """Bits of a word of each input stream, by stream."""
    words = word_bits(config)
    return {name: words[name] for name in INPUTS}


def word_strides(config, widths=None):
    """Bytes from one word to the next in memory, of each input stream, by stream."""
    widths = widths or BusWidths()
    words = input_words(config)
    return {name: word_stride(bits, getattr(widths, name)) for name, bits in words.items()}
