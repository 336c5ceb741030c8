"""Asks for a convolution's weights and parameters, and hands them to buffer and core."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import PARAMETER_BYTES, PARAMETER_FIELDS

from ..axi.stream import Unpacker, axi_stream_layout
from ..requantiser import parameters_layout
from ..truncation import TruncationUnit
from ..weight_buffer import TILE_COUNT_BITS, block_layout
from .place import SIZE_BITS
from .regions import bytes_layout

__all__ = ["OperandLoader", "operands_layout"]


def operands_layout(config):
    """What must be known of a layer's weights and parameters.

    bits, beats : k, and beats of the reduction
    channels : of the output
    row_tiles : tiles that use a column tile's weights
    weights, pitch : address of the first column tile's, and bytes to the next
    parameters : address of the first channel's
    raw : there are no parameters
    """
    return data.StructLayout(
        {
            "bits": 4,
            "beats": config.beats_width,
            "channels": SIZE_BITS,
            "row_tiles": TILE_COUNT_BITS,
            **dict.fromkeys(("weights", "pitch", "parameters"), 32),
            "raw": 1,
        }
    )


class OperandLoader(wiring.Component):
    """For each column tile: its parameters, and the chunks of its weights that k bits need.

    Both are asked for as soon as there is room for all of them, so that they never wait on the bus
    or hold up what others read. Columns beyond the layer's channels get parameters of zero; nothing
    is read for them.

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
    parameters : Out, stream of `parameters_layout(config)`; when it is ready for the first column
        of a tile it has room for all of them
    blocks : Out, stream of `block_layout(config)`; what is taken has room
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
                "blocks": Out(stream.Signature(block_layout(config))),
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
        asked = self._ask_weights(m)
        column = Signal(SIZE_BITS + 1)  # whose parameters are handed on next
        self._ask_parameters(m, column)
        handed = self._hand_on(m, records, column)
        m.d.comb += self.layers.ready.eq(asked & handed)
        return m

    def _walk(self, m, asks, name):
        """The first channel of the column tile that is asked for next."""
        first = Signal(SIZE_BITS + 1, name=name)
        with m.If(asks.valid & asks.ready):
            m.d.sync += first.eq(first + self.config.cols)
        with m.If(self.layers.valid & self.layers.ready):
            m.d.sync += first.eq(0)
        return first

    def _ask_weights(self, m):
        """Ask for the weights of a column tile after the other; whether all are asked for."""
        layer, config, asks = self.layers.p, self.config, self.weights_requests
        m.submodules.truncation = truncation = TruncationUnit(config)
        first = self._walk(m, asks, "first_of_weights")
        place = Signal(32)  # bytes from the first column tile's
        over = first >= layer.channels
        words = (truncation.last_index + 1) * layer.beats
        m.d.comb += [
            truncation.bits.eq(layer.bits),
            asks.valid.eq(self.layers.valid & ~over & self.blocks.ready),
            asks.p.address.eq(layer.weights + place),
            asks.p.bytes.eq(words * config.weight_word_bytes),
            self.blocks.valid.eq(asks.valid & asks.ready),
            self.blocks.p.last_chunk.eq(truncation.last_index),
            self.blocks.p.beats.eq(layer.beats),
            self.blocks.p.tiles.eq(layer.row_tiles),
        ]
        with m.If(self.blocks.valid):
            m.d.sync += place.eq(place + layer.pitch)
        with m.If(self.layers.valid & self.layers.ready):
            m.d.sync += place.eq(0)
        return over

    def _ask_parameters(self, m, column):
        """Ask for the parameters of a column tile once those before are handed on."""
        layer, config, asks = self.layers.p, self.config, self.parameters_requests
        first = self._walk(m, asks, "first_of_parameters")
        left = Signal(SIZE_BITS + 1)
        wanted = self.layers.valid & ~layer.raw & (first < layer.channels)
        m.d.comb += [
            left.eq(layer.channels - first),
            asks.valid.eq(wanted & (first == column) & self.parameters.ready),
            asks.p.address.eq(layer.parameters + first * PARAMETER_BYTES),
            asks.p.bytes.eq(Mux(left < config.cols, left, config.cols) * PARAMETER_BYTES),
        ]

    def _hand_on(self, m, records, column):
        """Give the core the parameters of whole column tiles; whether all are given."""
        layer, given = self.layers.p, self.parameters
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
