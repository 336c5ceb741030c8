"""Reads bytes of the regions for all who need them, and hands each its own."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..axi.stream import axi_stream_layout
from .bursts import request_layout
from .regions import COUNT_BITS, bytes_layout, located, regions_layout

__all__ = ["Fetcher"]


class Fetcher(wiring.Component):
    """Takes requests for bytes, those of the first name before others, and answers in that order.

    A request outside its region is dropped, and reads nothing. If it is made early, for an
    operation that has not begun, it waits instead, and others come first: it is a fault only when
    the operation begins.

    Parameters
    ----------
    width : int
        Bits of the bus.
    names : sequence of str
        Of those who ask.

    Members
    -------
    regions : In, `regions_layout()`
    NAME_requests : In, stream of `bytes_layout()`, at least 1 byte
    NAME_early : In, what NAME asks for is of an operation that has not begun
    NAME_data : Out, stream of `axi_stream_layout(width)`: the beats that hold the bytes, with a bit
        of `keep` for each of them; `last` ends the request
    reads, words : Out and In, of `BurstReader`
    outside : Out, for one cycle: a request is outside its region
    """

    QUEUE = 8  # requests whose data has not come

    def __init__(self, width, names):
        self.width = width
        self.names = tuple(names)
        super().__init__(
            {
                "regions": In(regions_layout()),
                **{f"{name}_requests": In(stream.Signature(bytes_layout())) for name in names},
                **{f"{name}_early": In(1) for name in names},
                **{
                    f"{name}_data": Out(stream.Signature(axi_stream_layout(width)))
                    for name in names
                },
                "reads": Out(stream.Signature(request_layout())),
                "words": In(stream.Signature(width)),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        size = self.width // 8
        shift = exact_log2(size)
        ticket = data.StructLayout(
            {"name": range(max(len(self.names), 2)), "skip": shift, "bytes": COUNT_BITS}
        )
        m.submodules.tickets = tickets = SyncFIFO(width=ticket.size, depth=self.QUEUE)
        request, valid, taken = Signal(bytes_layout()), Signal(), Signal()
        early = Signal()  # the request at hand is
        waits = Signal(len(self.names))  # who asked too early for what is outside
        asked = ticket(tickets.w_data)
        address, inside = located(m, self.regions, request, name="request")
        for number, name in reversed(list(enumerate(self.names))):
            requests = getattr(self, f"{name}_requests")
            asks_early = getattr(self, f"{name}_early")
            with m.If(requests.valid & ~(waits[number] & asks_early)):
                m.d.comb += [request.eq(requests.payload), valid.eq(1), asked.name.eq(number)]
                m.d.comb += early.eq(asks_early)
            with m.If(~asks_early):
                m.d.sync += waits[number].eq(0)
            with m.Elif(valid & ~inside & (asked.name == number)):
                m.d.sync += waits[number].eq(1)
        for number, name in enumerate(self.names):
            ready = getattr(self, f"{name}_requests").ready
            m.d.comb += ready.eq(taken & (asked.name == number))
        m.d.comb += [
            asked.skip.eq(address[:shift]),
            asked.bytes.eq(request.bytes),
            self.reads.p.address.eq((address >> shift) << shift),
            self.reads.p.beats.eq((request.bytes + asked.skip + (size - 1)) >> shift),
            self.reads.valid.eq(valid & inside & tickets.w_rdy),
            tickets.w_en.eq(self.reads.valid & self.reads.ready),
            self.outside.eq(valid & ~inside & ~early),
            taken.eq(tickets.w_en | self.outside),
        ]
        self._answer(m, ticket(tickets.r_data), tickets, size)
        return m

    def _answer(self, m, ticket, tickets, size):
        """Hand the words of the oldest request to who asked."""
        begun = Signal()
        left = Signal(COUNT_BITS + 1)  # bytes to the request's end
        rest = Signal(COUNT_BITS + 1)
        skip, last, moves = Signal.like(ticket.skip), Signal(), Signal()
        m.d.comb += [
            rest.eq(Mux(begun, left, ticket.bytes + ticket.skip)),
            skip.eq(Mux(begun, 0, ticket.skip)),
            last.eq(rest <= size),
            moves.eq(self.words.valid & self.words.ready),
            tickets.r_en.eq(moves & last),
        ]
        with m.If(moves):
            m.d.sync += begun.eq(~last)
            m.d.sync += left.eq(rest - size)
        for number, name in enumerate(self.names):
            given = getattr(self, f"{name}_data")
            with m.If(tickets.r_rdy & (ticket.name == number)):
                m.d.comb += given.valid.eq(self.words.valid)
                m.d.comb += self.words.ready.eq(given.ready)
            m.d.comb += [given.p.data.eq(self.words.payload), given.p.last.eq(last)]
            for byte in range(size):
                m.d.comb += given.p.keep[byte].eq((byte >= skip) & (byte < rest))
