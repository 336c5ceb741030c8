"""Reads the memory: requests of any length become bursts of an AXI4 master."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .bursts import ADDRESS_BITS, BURST, INCREMENT, BurstCutter, request_layout

__all__ = ["BurstReader", "axi_read_members"]


def axi_read_members(width, prefix="m_axi"):
    """Ports of the read channels of an AXI4 master, by their usual names (ARM IHI 0022)."""
    return {
        f"{prefix}_araddr": Out(ADDRESS_BITS),
        f"{prefix}_arlen": Out(8),
        f"{prefix}_arsize": Out(3),
        f"{prefix}_arburst": Out(2),
        f"{prefix}_arvalid": Out(1),
        f"{prefix}_arready": In(1),
        f"{prefix}_rdata": In(width),
        f"{prefix}_rresp": In(2),
        f"{prefix}_rlast": In(1),
        f"{prefix}_rvalid": In(1),
        f"{prefix}_rready": Out(1),
    }


class BurstReader(wiring.Component):
    """Gives the words of all requests, in order.

    A burst is issued only when there is room for all of its words, so that data never waits on the
    bus. It has at most `BURST` beats and never crosses 4 KiB.

    Parameters
    ----------
    width : int
        Bits of the bus.
    outstanding : int
        Bursts that may wait for their data at once; there is room for so many.

    Members
    -------
    requests : In, stream of `request_layout()`, beats at least 1
    words : Out, stream of `width` bits
    stop : In, issue no other burst
    failed : Out, for one cycle: the answer is an error
    idle : Out, no burst is offered, and there is none whose data has not come
    m_axi_... : the bus
    """

    def __init__(self, width, outstanding):
        self.width = width
        self.depth = outstanding * BURST
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout())),
                "words": Out(stream.Signature(width)),
                "stop": In(1),
                "failed": Out(1),
                "idle": Out(1),
                **axi_read_members(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.cutter = cutter = BurstCutter(self.width)
        m.submodules.queue = queue = SyncFIFOBuffered(width=self.width, depth=self.depth)
        issued, came, taken = Signal(), Signal(), Signal()
        burst = cutter.bursts.p
        room = Signal(range(self.depth + 1), init=self.depth)  # neither taken nor on its way
        coming = Signal(range(self.depth + 1))
        offered = Signal()  # what was offered stays until it is taken
        wiring.connect(m, wiring.flipped(self.requests), cutter.requests)
        wiring.connect(m, queue.r_stream, wiring.flipped(self.words))
        m.d.comb += [
            self.m_axi_arvalid.eq(
                cutter.bursts.valid & (room >= burst.length) & (~self.stop | offered)
            ),
            self.m_axi_araddr.eq(burst.address),
            self.m_axi_arlen.eq(burst.length - 1),
            self.m_axi_arsize.eq(exact_log2(self.width // 8)),
            self.m_axi_arburst.eq(INCREMENT),
            issued.eq(self.m_axi_arvalid & self.m_axi_arready),
            cutter.bursts.ready.eq(issued),
            self.m_axi_rready.eq(1),
            came.eq(self.m_axi_rvalid),
            taken.eq(self.words.valid & self.words.ready),
            self.failed.eq(came & self.m_axi_rresp[1]),
            self.idle.eq((coming == 0) & ~self.m_axi_arvalid),
            queue.w_data.eq(self.m_axi_rdata),
            queue.w_en.eq(came),
        ]
        m.d.sync += offered.eq(self.m_axi_arvalid & ~self.m_axi_arready)
        m.d.sync += room.eq(room - Mux(issued, burst.length, 0) + taken)
        m.d.sync += coming.eq(coming + Mux(issued, burst.length, 0) - came)
        return m
