"""Writes bytes of the regions: rows of maps, and raw sums."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from truncmac.descriptors import OFFSET_BITS, SUM_BYTES, Region

from .bursts import request_layout
from .regions import bytes_layout, located, regions_layout
from .results import sum_layout
from .writer import write_layout

__all__ = ["Spiller", "SumStorer"]


class SumStorer(wiring.Component):
    """Makes of each raw sum a request for its four bytes, and their beat.

    Parameters
    ----------
    width : int
        Bits of the bus.

    Members
    -------
    address : In, of sum 0, a multiple of four
    sums : In, stream of `sum_layout()`
    requests : Out, stream of `bytes_layout()`
    beats : Out, stream of `write_layout(width)`
    """

    def __init__(self, width):
        self.width = width
        super().__init__(
            {
                "address": In(32),
                "sums": In(stream.Signature(sum_layout())),
                "requests": Out(stream.Signature(bytes_layout())),
                "beats": Out(stream.Signature(write_layout(width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        asked = Signal()
        slots = self.width // 8 // SUM_BYTES
        slot = self.requests.p.address[exact_log2(SUM_BYTES) :][: exact_log2(slots)]
        m.d.comb += [
            self.requests.p.address.eq(self.address + self.sums.p.number * SUM_BYTES),
            self.requests.p.bytes.eq(SUM_BYTES),
            self.requests.valid.eq(self.sums.valid & ~asked),
            self.beats.valid.eq(self.sums.valid & asked),
            self.beats.p.strobe.eq(((1 << SUM_BYTES) - 1) << (slot * SUM_BYTES)),
            self.sums.ready.eq(self.beats.valid & self.beats.ready),
        ]
        for index in range(slots):
            part = self.beats.p.data.word_select(index, 8 * SUM_BYTES)
            m.d.comb += part.eq(self.sums.p.value)
        with m.If(self.requests.valid & self.requests.ready):
            m.d.sync += asked.eq(1)
        with m.If(self.sums.ready):
            m.d.sync += asked.eq(0)
        return m


class Spiller(wiring.Component):
    """Turns requests for bytes of a region into those of the bus; their beats pass beside it.

    Only output and scratch may be written. A request outside them is dropped.

    Parameters
    ----------
    width : int
        Bits of the bus.

    Members
    -------
    regions : In, `regions_layout()`
    requests : In, stream of `bytes_layout()`, at least 1 byte
    writes : Out, stream of `request_layout()`
    outside : Out, for one cycle: a request is outside its region
    """

    def __init__(self, width):
        self.width = width
        super().__init__(
            {
                "regions": In(regions_layout()),
                "requests": In(stream.Signature(bytes_layout())),
                "writes": Out(stream.Signature(request_layout())),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        request, size = self.requests.p, self.width // 8
        shift = exact_log2(size)
        address, within = located(m, self.regions, request, name="request")
        number, inside = request.address[OFFSET_BITS:], Signal()
        skip = address[:shift]
        m.d.comb += [
            inside.eq(within & ((number == Region.OUTPUT) | (number == Region.SCRATCH))),
            self.writes.p.address.eq((address >> shift) << shift),
            self.writes.p.beats.eq((request.bytes + skip + (size - 1)) >> shift),
            self.writes.valid.eq(self.requests.valid & inside),
            self.outside.eq(self.requests.valid & ~inside),
            self.requests.ready.eq(Mux(inside, self.writes.ready, 1)),
        ]
        return m
