"""Loads an image into a map."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..axi.stream import axi_stream_layout
from ..config import ACTIVATION_BITS
from .memory import place_layout
from .place import SIZE_BITS, map_layout, word_place
from .regions import bytes_layout

__all__ = ["Loader", "transfer_layout"]


def transfer_layout():
    """What LOAD and STORE move: sizes, the map's place, and where the first pixel is in memory."""
    return data.StructLayout(
        {
            **dict.fromkeys(("width", "height", "channels"), SIZE_BITS),
            "where": map_layout(),
            "address": 32,
            "pitch": 32,
        }
    )


class Loader(wiring.Component):
    """Asks for the image's rows, and writes a code in each cycle.

    Parameters
    ----------
    config : ArrayConfig
    width : int
        Bits of the bus.

    Members
    -------
    loads : In, stream of `transfer_layout()`; taken with the last code
    requests : Out, stream of `bytes_layout()`
    data : In, stream of `axi_stream_layout(width)`
    write, write_place, write_given, write_ready : to the activation memory
    """

    def __init__(self, config, width):
        self.config = config
        self.width = width
        super().__init__(
            {
                "loads": In(stream.Signature(transfer_layout())),
                "requests": Out(stream.Signature(bytes_layout())),
                "data": In(stream.Signature(axi_stream_layout(width))),
                "write": Out(config.lanes),
                "write_place": Out(place_layout(config)),
                "write_given": Out(config.pe_activation_bits),
                "write_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        load = self.loads.p
        last_asked = self._ask(m, load)
        x, y, channel = (Signal(SIZE_BITS, name=name) for name in ("x", "y", "channel"))
        byte = Signal(range(self.width // 8))
        kept, step, final = Signal(), Signal(), Signal()
        lane_bits = exact_log2(self.config.lanes)
        place = word_place(m, self.config, load.where, x, y, channel >> lane_bits, name="word")
        m.d.comb += [
            kept.eq(self.data.valid & self.data.p.keep.bit_select(byte, 1)),
            self.write.eq(Mux(kept, 1 << channel[:lane_bits], 0)),
            self.write_place.eq(place),
            step.eq(self.data.valid & (~kept | self.write_ready)),
            self.data.ready.eq(step & (byte == self.width // 8 - 1)),
        ]
        code = self.data.p.data.word_select(byte, ACTIVATION_BITS)
        for lane in range(self.config.lanes):
            m.d.comb += self.write_given.word_select(lane, ACTIVATION_BITS).eq(code)
        ends_pixel, ends_row = channel == load.channels - 1, x == load.width - 1
        m.d.comb += final.eq(ends_pixel & ends_row & (y == load.height - 1))
        with m.If(step):
            m.d.sync += byte.eq(byte + 1)
        with m.If(step & kept):
            m.d.sync += channel.eq(Mux(ends_pixel, 0, channel + 1))
            with m.If(ends_pixel):
                m.d.sync += x.eq(Mux(ends_row, 0, x + 1))
            with m.If(ends_pixel & ends_row):
                m.d.sync += y.eq(Mux(final, 0, y + 1))
        # The rest of the last beat holds nothing, and is taken before the load is
        ended = Signal()
        with m.If(step & kept & final):
            m.d.sync += ended.eq(1)
        done = (ended | (kept & final)) & self.data.ready
        m.d.comb += self.loads.ready.eq(done & last_asked)
        with m.If(self.loads.ready):
            m.d.sync += ended.eq(0)
        return m

    def _ask(self, m, load):
        """Ask for row after row; whether all are asked for."""
        row, place = Signal(SIZE_BITS), Signal(32)  # rows asked for, and how far they are
        m.d.comb += [
            self.requests.valid.eq(self.loads.valid & (row != load.height)),
            self.requests.p.address.eq(load.address + place),
            self.requests.p.bytes.eq(load.width * load.channels),
        ]
        with m.If(self.requests.valid & self.requests.ready):
            m.d.sync += row.eq(row + 1)
            m.d.sync += place.eq(place + load.pitch)
        with m.If(self.loads.ready):
            m.d.sync += row.eq(0)
            m.d.sync += place.eq(0)
        return row == load.height
