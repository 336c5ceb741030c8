"""Cuts requests of any length into bursts that AXI4 allows."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["ADDRESS_BITS", "BURST", "INCREMENT", "BurstCutter", "burst_layout", "request_layout"]

ADDRESS_BITS = 32
BEAT_BITS = 24  # of a request's number of beats
BURST = 16  # beats of a burst, at most
WAITING = 2  # requests that are taken and not yet cut
PAGE = 4096  # bytes: no burst crosses a multiple of it (ARM IHI 0022, A3.4.1)
INCREMENT = 1  # ARBURST and AWBURST: addresses that follow each other


def request_layout():
    """A request: `address` of its first beat, a multiple of the bus' bytes, and its `beats`."""
    return data.StructLayout({"address": ADDRESS_BITS, "beats": BEAT_BITS})


def burst_layout():
    """A burst: `address` of its first beat, and its `length` in beats, 1 to `BURST`."""
    return data.StructLayout({"address": ADDRESS_BITS, "length": BURST.bit_length()})


class BurstCutter(wiring.Component):
    """Gives the bursts of each request: as long as they can be, and none crosses 4 KiB.

    Requests wait in a queue, so that who asks can go on to what the bursts need: the words that are
    to be written, or the place for those that are read.

    Parameters
    ----------
    width : int
        Bits of the bus.

    Members
    -------
    requests : In, stream of `request_layout()`, beats at least 1; taken before its bursts are
    bursts : Out, stream of `burst_layout()`
    """

    def __init__(self, width):
        self.width = width
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout())),
                "bursts": Out(stream.Signature(burst_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout, burst, size = request_layout(), self.bursts.p, self.width // 8
        m.submodules.waiting = waiting = SyncFIFO(width=layout.size, depth=WAITING)
        request = layout(waiting.r_data)
        shift = exact_log2(size)
        done = Signal(BEAT_BITS)  # beats of the request that are given
        left, page = Signal(BEAT_BITS), Signal(range(PAGE // size + 1))
        m.d.comb += [
            waiting.w_data.eq(self.requests.payload),
            waiting.w_en.eq(self.requests.valid),
            self.requests.ready.eq(waiting.w_rdy),
            self.bursts.valid.eq(waiting.r_rdy),
            burst.address.eq(request.address + (done << shift)),
            left.eq(request.beats - done),
            page.eq((PAGE - burst.address[: exact_log2(PAGE)]) >> shift),
            burst.length.eq(BURST),
        ]
        with m.If((left < BURST) & (left <= page)):
            m.d.comb += burst.length.eq(left)
        with m.Elif(page < BURST):
            m.d.comb += burst.length.eq(page)
        last = burst.length == left
        m.d.comb += waiting.r_en.eq(self.bursts.ready & last)
        with m.If(self.bursts.valid & self.bursts.ready):
            m.d.sync += done.eq(Mux(last, 0, done + burst.length))
        return m
