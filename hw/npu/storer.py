"""Stores a map in memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..delays import register
from .memory import place_layout
from .place import SIZE_BITS, least, map_layout, word_place
from .regions import bytes_layout
from .writer import write_layout

__all__ = ["Storer", "store_layout"]


def store_layout():
    """A STORE: sizes, the map's place, and where the first pixel goes in memory."""
    return data.StructLayout(
        {
            **dict.fromkeys(("width", "height", "channels"), SIZE_BITS),
            "where": map_layout(),
            "address": 32,
            "pitch": 32,
        }
    )


class Storer(wiring.Component):
    """Reads the map's words in order, one a cycle, and joins their codes to beats.

    Parameters
    ----------
    config : ArrayConfig
    width : int
        Bits of the bus.

    Members
    -------
    stores : In, stream of `store_layout()`; taken when its last beat is
    requests : Out, stream of `bytes_layout()`, one for each row
    beats : Out, stream of `write_layout(width)`
    read, read_place, read_answer, read_ready : of the activation memory
    """

    def __init__(self, config, width):
        self.config = config
        self.width = width
        self.size = min(config.lanes, width // 8)  # codes that are read at once
        super().__init__(
            {
                "stores": In(stream.Signature(store_layout())),
                "requests": Out(stream.Signature(bytes_layout())),
                "beats": Out(stream.Signature(write_layout(width))),
                "read": Out(1),
                "read_place": Out(place_layout(config)),
                "read_answer": In(config.pe_activation_bits),
                "read_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        store = self.stores.p
        place = Signal(32)  # of the row in memory, from the first
        asked, over = Signal(), Signal()  # the row is asked for; all words are read
        step = Signal()
        part, final = self._part(m, step)
        held, free = Signal(), Signal()  # an answer is here; the next may come
        m.d.comb += [
            self.requests.valid.eq(self.stores.valid & ~asked & ~over),
            self.requests.p.address.eq(store.address + place),
            self.requests.p.bytes.eq(store.width * store.channels),
            self.read.eq(self.stores.valid & asked & ~over & free),
            step.eq(self.read & self.read_ready),
        ]
        with m.If(self.requests.valid & self.requests.ready):
            m.d.sync += asked.eq(1)
        with m.If(step & part.ends_row):
            m.d.sync += asked.eq(0)
            m.d.sync += over.eq(final)
            m.d.sync += place.eq(Mux(final, 0, place + store.pitch))
        flush = self._join(m, register(m, part, step, name="part"), held, free)
        m.d.sync += held.eq(step | (held & ~free))
        m.d.comb += self.stores.ready.eq(over & ~held & ~flush)
        with m.If(self.stores.ready):
            m.d.sync += over.eq(0)
        return m

    def _part(self, m, step):
        """The codes of a word that are read next, and whether they are the map's last."""
        store, lanes = self.stores.p, self.config.lanes
        lane_bits = exact_log2(lanes)
        layout = data.StructLayout(
            {
                "lane": range(max(lanes, 2)),
                "take": range(self.size + 1),
                "skip": range(self.width // 8),  # bytes of the row's first beat before it
                **dict.fromkeys(("begins_row", "ends_row"), 1),
            }
        )
        part = Signal(layout)
        x, y, channel = (Signal(SIZE_BITS, name=name) for name in ("x", "y", "channel"))
        left, room = Signal(SIZE_BITS), Signal(range(lanes + 1))
        ends_pixel = part.take == left
        m.d.comb += [
            part.lane.eq(channel & (lanes - 1)),
            left.eq(store.channels - channel),
            room.eq(lanes - part.lane),
            part.take.eq(least(left, room, self.size)),
            part.skip.eq(self.requests.p.address),
            part.begins_row.eq((x == 0) & (channel == 0)),
            part.ends_row.eq(ends_pixel & (x == store.width - 1)),
            self.read_place.eq(
                word_place(m, self.config, store.where, x, y, channel >> lane_bits, name="word")
            ),
        ]
        final = part.ends_row & (y == store.height - 1)
        with m.If(step):
            m.d.sync += channel.eq(Mux(ends_pixel, 0, channel + part.take))
        with m.If(step & ends_pixel):
            m.d.sync += x.eq(Mux(part.ends_row, 0, x + 1))
        with m.If(step & part.ends_row):
            m.d.sync += y.eq(Mux(final, 0, y + 1))
        return part, final

    def _join(self, m, part, held, free):
        """Join codes to beats; whether a row's last codes still wait for a beat of their own."""
        size = self.width // 8
        rest = Signal(8 * size)  # bytes of the beat at hand
        fill, first = Signal(range(size)), Signal(range(size))  # its end, and its first byte
        begin, end, low = Signal(range(size)), Signal(range(2 * size + 1)), Signal(range(size))
        codes, joined = Signal(8 * self.size), Signal(8 * (size + self.size))
        full, gives, flush = Signal(), Signal(), Signal()
        answer = (self.read_answer >> (part.lane << 3))[: 8 * self.size]
        m.d.comb += [
            *(
                codes.word_select(index, 8).eq(
                    Mux(part.take > index, answer.word_select(index, 8), 0)
                )
                for index in range(self.size)
            ),
            begin.eq(Mux(part.begins_row, part.skip, fill)),
            low.eq(Mux(part.begins_row, part.skip, first)),
            end.eq(begin + part.take),
            joined.eq(Mux(part.begins_row, 0, rest) | (codes << (begin << 3))),
            full.eq(end >= size),
            gives.eq(held & (full | part.ends_row)),
            self.beats.valid.eq(gives | flush),
            self.beats.p.data.eq(Mux(flush, rest, joined)),
            self.beats.p.strobe.eq(
                Mux(flush, (1 << fill) - 1, ((1 << end) - 1) & ~((1 << low) - 1))
            ),
            free.eq(~flush & (~gives | self.beats.ready)),
        ]
        with m.If(held & free):
            m.d.sync += rest.eq(Mux(full, joined >> (8 * size), joined))
            m.d.sync += fill.eq(Mux(full, end - size, end))
            m.d.sync += first.eq(Mux(gives, 0, low))
            m.d.sync += flush.eq(part.ends_row & (end > size))
        with m.Elif(self.beats.ready):
            m.d.sync += flush.eq(0)
        return flush
