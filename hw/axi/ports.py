# amaranth: UnusedElaboratable=no
"""Ports of the AXI top and the distances of its words in memory, for whoever connects it.

Everything here follows from `AxiTop`'s signature; nothing is built.
"""

from truncmac.hw.config import ACTIVATION_BITS
from truncmac.hw.ports import component_ports
from truncmac.hw.requantiser import parameters_layout

from .stream import word_stride
from .top import AxiTop, BusWidths

__all__ = ["axi_ports", "input_words", "word_strides"]


def axi_ports(config, widths=None):
    """Ports of the AXI top of `config`, with buses of `widths`."""
    return component_ports(AxiTop(config, widths))


def input_words(config):
    """Bits of a word of each input stream, by stream."""
    return {
        "activations": config.rows * config.lanes * ACTIVATION_BITS,
        "weights": config.cols * config.lanes * config.planes,
        "parameters": parameters_layout(config).size,
        "residuals": config.cols * ACTIVATION_BITS,
    }


def word_strides(config, widths=None):
    """Bytes from one word to the next in memory, of each input stream, by stream."""
    widths = widths or BusWidths()
    words = input_words(config)
    return {name: word_stride(bits, getattr(widths, name)) for name, bits in words.items()}
