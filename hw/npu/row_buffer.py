"""Holds the latest bytes of a row of the image, and gives several of them from any byte on."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from truncmac.descriptors import ROW_BEATS

from ..axi.stream import axi_stream_layout

__all__ = ["POSITION_BITS", "RowBuffer"]

POSITION_BITS = 26  # of a byte's place in a row, signed


class RowBuffer(wiring.Component):
    """A ring of `ROW_BEATS` beats, in two memories, so that any bytes are in one word of each.

    Behind the row at hand it takes beats of the next rows. There is room for so many beats as are
    asked for: `room` says how many may be.

    Parameters
    ----------
    width : int
        Bits of the bus.
    size : int
        Bytes that are given at once, at most those of a beat.

    Members
    -------
    data : In, stream of `axi_stream_layout(width)`, the beats of all rows; ready at any time
    asks : In, beats that are asked for in this cycle
    room : Out, beats that may be asked for
    waits : Out, none of those that were asked for is on its way
    oldest : In, signed, the first byte that is still needed, from the row's first beat's first; at
        most the row's end
    position : In, signed, the first byte that is given; the same
    read : In
    answer : Out, size x 8 bits, those of the last read, from the cycle after it on
    arrived : Out, bytes of the beats that are here, from the row's first on
    row : In, beats of the row at hand
    clear : In, for one cycle: the row is done with; all of it must be here
    """

    def __init__(self, width, size):
        self.width = width
        self.size = size
        super().__init__(
            {
                "data": In(stream.Signature(axi_stream_layout(width))),
                "asks": In(range(ROW_BEATS + 1)),
                "room": Out(range(ROW_BEATS + 1)),
                "waits": Out(1),
                "oldest": In(signed(POSITION_BITS)),
                "position": In(signed(POSITION_BITS)),
                "read": In(1),
                "answer": Out(8 * size),
                "arrived": Out(POSITION_BITS),
                "row": In(POSITION_BITS),
                "clear": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shift, half = exact_log2(self.width // 8), exact_log2(ROW_BEATS // 2)
        index = range(ROW_BEATS)
        base = Signal(index)  # beats of the ring: the row's first
        last = Signal(index)  # and the next one that comes
        asked = Signal(POSITION_BITS)  # beats, from the row's first on
        here = Signal(POSITION_BITS)
        passed = Signal(POSITION_BITS)  # of these, no longer needed
        done = Mux(self.clear, self.row, 0)
        m.d.comb += [
            passed.eq(Mux(self.oldest < 0, 0, self.oldest >> shift)),
            # Where more is passed over than was asked for, the ring is free
            self.room.eq(Mux(passed > asked, ROW_BEATS, ROW_BEATS - (asked - passed))),
            self.waits.eq(asked == here),
            self.arrived.eq(here << shift),
            self.data.ready.eq(1),
        ]
        m.d.sync += [
            asked.eq(asked + self.asks - done),
            here.eq(here + self.data.valid - done),
            base.eq(base + done),
            last.eq(last + self.data.valid),
        ]

        first, answers = base + (self.position >> shift), []
        for odd in range(2):
            m.submodules[f"half_{odd}"] = memory = Memory(
                shape=self.width, depth=ROW_BEATS // 2, init=[]
            )
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(last[1:][:half]),
                write.data.eq(self.data.p.data),
                write.en.eq(self.data.valid & (last[0] == odd)),
                read.addr.eq((first + (1 - odd))[1:][:half]),
                read.en.eq(self.read),
            ]
            answers.append(read.data)
        turned, byte = Signal(), Signal(shift)
        with m.If(self.read):
            m.d.sync += [turned.eq(first[0]), byte.eq(self.position[:shift])]
        even, odd = answers
        both = Mux(turned, Cat(odd, even), Cat(even, odd))
        m.d.comb += self.answer.eq((both >> (byte << 3))[: 8 * self.size])
        return m
