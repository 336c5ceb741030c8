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

    Parameters
    ----------
    width : int
        Bits of the bus.
    size : int
        Bytes that are given at once, at most those of a beat.

    Members
    -------
    data : In, stream of `axi_stream_layout(width)`, the beats of a row; none is taken after the
        last until `clear`
    oldest : In, signed, the first byte that is still needed, from the first beat's first
    position : In, signed, the first byte that is given; the same
    read : In
    answer : Out, size x 8 bits, those of the last read, from the cycle after it on
    arrived : Out, bytes of the beats that are here
    whole : Out, the row's last beat is here
    clear : In, for one cycle: the row is done with
    """

    def __init__(self, width, size):
        self.width = width
        self.size = size
        super().__init__(
            {
                "data": In(stream.Signature(axi_stream_layout(width))),
                "oldest": In(signed(POSITION_BITS)),
                "position": In(signed(POSITION_BITS)),
                "read": In(1),
                "answer": Out(8 * size),
                "arrived": Out(POSITION_BITS),
                "whole": Out(1),
                "clear": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shift, half = exact_log2(self.width // 8), exact_log2(ROW_BEATS // 2)
        beats, kept = Signal(POSITION_BITS), Signal(signed(POSITION_BITS + 1))
        taken = Signal()
        m.d.comb += [
            self.arrived.eq(beats << shift),
            kept.eq(beats - (Mux(self.oldest < 0, 0, self.oldest) >> shift)),
            self.data.ready.eq(~self.whole & (kept < ROW_BEATS)),
            taken.eq(self.data.valid & self.data.ready),
        ]
        with m.If(self.clear):
            m.d.sync += [beats.eq(0), self.whole.eq(0)]
        with m.Elif(taken):
            m.d.sync += [beats.eq(beats + 1), self.whole.eq(self.data.p.last)]

        first, answers = self.position >> shift, []
        for odd in range(2):
            m.submodules[f"half_{odd}"] = memory = Memory(
                shape=self.width, depth=ROW_BEATS // 2, init=[]
            )
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(beats[1:][:half]),
                write.data.eq(self.data.p.data),
                write.en.eq(taken & (beats[0] == odd)),
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
