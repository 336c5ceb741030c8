"""Stores a map in memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from .loader import transfer_layout
from .memory import place_layout
from .place import SIZE_BITS, word_place
from .regions import bytes_layout
from .writer import write_layout

__all__ = ["Storer"]


class Storer(wiring.Component):
    """Reads the map's words in order, and gives a code in each cycle.

    Parameters
    ----------
    config : ArrayConfig
    width : int
        Bits of the bus.

    Members
    -------
    stores : In, stream of `transfer_layout()`; taken with the last beat
    requests : Out, stream of `bytes_layout()`, one for each row
    beats : Out, stream of `write_layout(width)`
    read, read_place, read_answer : of the activation memory
    """

    def __init__(self, config, width):
        self.config = config
        self.width = width
        super().__init__(
            {
                "stores": In(stream.Signature(transfer_layout())),
                "requests": Out(stream.Signature(bytes_layout())),
                "beats": Out(stream.Signature(write_layout(width))),
                "read": Out(1),
                "read_place": Out(place_layout(config)),
                "read_answer": In(config.pe_activation_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        store, lanes = self.stores.p, self.config.lanes
        lane_bits = exact_log2(lanes)
        x, y, channel = (Signal(SIZE_BITS, name=name) for name in ("x", "y", "channel"))
        place = Signal(32)  # of the row in memory, from the first
        asked, here = Signal(), Signal()  # the row is asked for; the word at hand is read
        word = word_place(m, self.config, store.where, x, y, channel >> lane_bits, name="word")
        m.d.comb += [
            self.requests.valid.eq(self.stores.valid & ~asked),
            self.requests.p.address.eq(store.address + place),
            self.requests.p.bytes.eq(store.width * store.channels),
            self.read_place.eq(word),
            self.read.eq(self.stores.valid & asked & ~here),
        ]
        ends_pixel, ends_row = channel == store.channels - 1, x == store.width - 1
        row, final, step = Signal(), Signal(), Signal()
        m.d.comb += row.eq(ends_pixel & ends_row)
        m.d.comb += final.eq(row & (y == store.height - 1))
        lane = channel[:lane_bits] if lane_bits else 0
        code = (self.read_answer >> (lane * ACTIVATION_BITS))[:ACTIVATION_BITS]
        self._pack(m, here, code, row, step)
        with m.If(self.requests.valid & self.requests.ready):
            m.d.sync += asked.eq(1)
        with m.If(self.read):
            m.d.sync += here.eq(1)
        with m.If(step):
            ends_word = ends_pixel | (lane == lanes - 1)
            m.d.sync += here.eq(~ends_word)
            m.d.sync += channel.eq(Mux(ends_pixel, 0, channel + 1))
            with m.If(ends_pixel):
                m.d.sync += x.eq(Mux(ends_row, 0, x + 1))
            with m.If(row):
                m.d.sync += asked.eq(0)
                m.d.sync += y.eq(Mux(final, 0, y + 1))
                m.d.sync += place.eq(Mux(final, 0, place + store.pitch))
        m.d.comb += self.stores.ready.eq(step & final)
        return m

    def _pack(self, m, valid, code, row, step):
        """Join codes to beats; a row begins at the byte that its address says."""
        size = self.width // 8
        held = Signal(write_layout(self.width))
        position, begun = Signal(range(size)), Signal()
        first = self.requests.p.address[: exact_log2(size)]
        byte = Mux(begun, position, first)
        full = Signal()
        m.d.comb += [
            full.eq(row | (byte == size - 1)),
            self.beats.p.eq(held),
            self.beats.p.data.word_select(byte, ACTIVATION_BITS).eq(code),
            self.beats.p.strobe.bit_select(byte, 1).eq(1),
            self.beats.valid.eq(valid & full),
            step.eq(valid & (~full | self.beats.ready)),
        ]
        with m.If(step):
            m.d.sync += position.eq(byte + 1)
            m.d.sync += begun.eq(~row)
            m.d.sync += held.eq(self.beats.p)
            with m.If(full):
                m.d.sync += held.strobe.eq(0)
