"""Asks for a convolution's weights and parameters, and hands them to buffer and core."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import PARAMETER_BYTES, PARAMETER_FIELDS

from ..axi.stream import Unpacker, axi_stream_layout
from ..requantiser import parameters_layout
from ..truncation import TruncationUnit
from .place import SIZE_BITS
from .regions import bytes_layout

__all__ = ["OperandLoader", "operands_layout"]


def operands_layout(config):
    """What must be known of a layer's weights and parameters.

    bits, beats : k, and beats of the reduction
    channels : of the output
    weights, pitch : address of the first column tile's, and bytes to the next
    parameters : address of the first channel's
    raw : there are no parameters
    """
    return data.StructLayout(
        {
            "bits": 4,
            "beats": config.beats_width,
            "channels": SIZE_BITS,
            **dict.fromkeys(("weights", "pitch", "parameters"), 32),
            "raw": 1,
        }
    )


class OperandLoader(wiring.Component):
    """For each column tile: its parameters, then the chunks of its weights that k bits need.

    Columns beyond the layer's channels get parameters of zero; nothing is read for them.

    Parameters
    ----------
    config : ArrayConfig, whose columns, lanes and planes are powers of two
    width : int
        Bits of the bus; addresses are multiples of its bytes.

    Members
    -------
    layers : In, stream of `operands_layout(config)`; taken when all is asked for and handed on
    parameters_requests, weights_requests : Out, streams of `bytes_layout()`
    parameters_data, weights_data : In, streams of `axi_stream_layout(width)`
    parameters : Out, stream of `parameters_layout(config)`
    loads : Out, stream of cols x lanes x planes bits
    """

    def __init__(self, config, width):
        self.config = config
        self.width = width
        beats = stream.Signature(axi_stream_layout(width))
        super().__init__(
            {
                "layers": In(stream.Signature(operands_layout(config))),
                "parameters_requests": Out(stream.Signature(bytes_layout())),
                "weights_requests": Out(stream.Signature(bytes_layout())),
                "parameters_data": In(beats),
                "weights_data": In(beats),
                "parameters": Out(stream.Signature(parameters_layout(config))),
                "loads": Out(stream.Signature(config.weight_word_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.weights = weights = Unpacker(self.config.weight_word_bits, self.width)
        m.submodules.records = records = Unpacker(8 * PARAMETER_BYTES, self.width)
        wiring.connect(m, wiring.flipped(self.weights_data), weights.transfers)
        wiring.connect(m, wiring.flipped(self.parameters_data), records.transfers)
        wiring.connect(m, weights.words, wiring.flipped(self.loads))
        asked = self._ask(m)
        handed = self._hand_on(m, records)
        m.d.comb += self.layers.ready.eq(asked & handed)
        return m

    def _ask(self, m):
        """Ask for the operands of a column tile after the other; whether all are asked for."""
        layer, config = self.layers.p, self.config
        m.submodules.truncation = truncation = TruncationUnit(config)
        first, place = Signal(SIZE_BITS + 1), Signal(32)  # channel, and bytes from the first tile's
        half = Signal()  # the tile's parameters are asked for
        left = Signal(SIZE_BITS + 1)
        over = first >= layer.channels
        count = Mux(left < config.cols, left, config.cols)
        words = (truncation.last_index + 1) * layer.beats
        weights, parameters = self.weights_requests, self.parameters_requests
        m.d.comb += [
            truncation.bits.eq(layer.bits),
            left.eq(layer.channels - first),
            parameters.valid.eq(self.layers.valid & ~over & ~layer.raw & ~half),
            parameters.p.address.eq(layer.parameters + first * PARAMETER_BYTES),
            parameters.p.bytes.eq(count * PARAMETER_BYTES),
            weights.valid.eq(self.layers.valid & ~over & (layer.raw | half)),
            weights.p.address.eq(layer.weights + place),
            weights.p.bytes.eq(words * config.weight_word_bytes),
        ]
        with m.If(parameters.valid & parameters.ready):
            m.d.sync += half.eq(1)
        with m.If(weights.valid & weights.ready):
            m.d.sync += half.eq(0)
            m.d.sync += first.eq(first + config.cols)
            m.d.sync += place.eq(place + layer.pitch)
        with m.If(self.layers.valid & self.layers.ready):
            m.d.sync += first.eq(0)
            m.d.sync += place.eq(0)
        return over

    def _hand_on(self, m, records):
        """Give the core the parameters of whole column tiles; whether all are given."""
        layer, given = self.layers.p, self.parameters
        column = Signal(SIZE_BITS + 1)  # of all column tiles
        known, over = column < layer.channels, Signal()
        whole = column & (self.config.cols - 1) == 0
        m.d.comb += [
            over.eq(layer.raw | (~known & whole)),
            given.valid.eq(self.layers.valid & ~over & (~known | records.words.valid)),
            records.words.ready.eq(self.layers.valid & ~over & known & given.ready),
        ]
        for field in PARAMETER_FIELDS:
            value = records.words.payload[field.low : field.low + field.width]
            m.d.comb += given.p[field.name].eq(Mux(known, value, 0))
        with m.If(given.valid & given.ready):
            m.d.sync += column.eq(column + 1)
        with m.If(self.layers.valid & self.layers.ready):
            m.d.sync += column.eq(0)
        return over
