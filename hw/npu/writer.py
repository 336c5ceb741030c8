"""Writes the memory: requests of any length become bursts of an AXI4 master."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .bursts import ADDRESS_BITS, BURST, INCREMENT, BurstCutter, request_layout

__all__ = ["BurstWriter", "axi_write_members", "write_layout"]

UNANSWERED = 15  # bursts, at most


def write_layout(width):
    """A beat: `data`, and a bit of `strobe` for each byte that is written."""
    return data.StructLayout({"data": width, "strobe": width // 8})


def axi_write_members(width, prefix="m_axi"):
    """Ports of the write channels of an AXI4 master, by their usual names (ARM IHI 0022)."""
    return {
        f"{prefix}_awaddr": Out(ADDRESS_BITS),
        f"{prefix}_awlen": Out(8),
        f"{prefix}_awsize": Out(3),
        f"{prefix}_awburst": Out(2),
        f"{prefix}_awvalid": Out(1),
        f"{prefix}_awready": In(1),
        f"{prefix}_wdata": Out(width),
        f"{prefix}_wstrb": Out(width // 8),
        f"{prefix}_wlast": Out(1),
        f"{prefix}_wvalid": Out(1),
        f"{prefix}_wready": In(1),
        f"{prefix}_bresp": In(2),
        f"{prefix}_bvalid": In(1),
        f"{prefix}_bready": Out(1),
    }


class BurstWriter(wiring.Component):
    """Writes the words of all requests, in order.

    A burst is issued only when all of its words are here, so that the bus never waits for data.

    Parameters
    ----------
    width : int
        Bits of the bus.

    Members
    -------
    requests : In, stream of `request_layout()`, beats at least 1
    words : In, stream of `write_layout(width)`
    stop : In, issue no other burst
    failed : Out, for one cycle: the answer is an error
    idle : Out, no burst is offered, and every one that was issued is written and answered
    empty : Out, besides, no request and no word waits
    m_axi_... : the bus
    """

    def __init__(self, width):
        self.width = width
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout())),
                "words": In(stream.Signature(write_layout(width))),
                "stop": In(1),
                "failed": Out(1),
                "idle": Out(1),
                "empty": Out(1),
                **axi_write_members(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout = write_layout(self.width)
        m.submodules.cutter = cutter = BurstCutter(self.width)
        m.submodules.queue = queue = SyncFIFOBuffered(width=layout.size, depth=2 * BURST)
        wiring.connect(m, wiring.flipped(self.requests), cutter.requests)
        burst, word = cutter.bursts.p, layout(queue.r_data)
        held = Signal(range(2 * BURST + 2))  # words here that belong to no burst yet
        left = Signal(range(BURST + 1))  # words of the burst at hand
        unanswered = Signal(range(UNANSWERED + 1))
        issued, given, taken = Signal(), Signal(), Signal()
        offered = Signal()  # what was offered stays until it is taken
        m.d.comb += [
            # The last burst's words go first; so a burst has its words to itself
            self.m_axi_awvalid.eq(
                cutter.bursts.valid
                & (held >= burst.length)
                & (left == 0)
                & (unanswered != UNANSWERED)
                & (~self.stop | offered)
            ),
            self.m_axi_awaddr.eq(burst.address),
            self.m_axi_awlen.eq(burst.length - 1),
            self.m_axi_awsize.eq(exact_log2(self.width // 8)),
            self.m_axi_awburst.eq(INCREMENT),
            issued.eq(self.m_axi_awvalid & self.m_axi_awready),
            cutter.bursts.ready.eq(issued),
            queue.w_data.eq(self.words.payload),
            queue.w_en.eq(self.words.valid),
            self.words.ready.eq(queue.w_rdy),
            taken.eq(queue.w_en & queue.w_rdy),
            self.m_axi_wdata.eq(word.data),
            self.m_axi_wstrb.eq(word.strobe),
            self.m_axi_wlast.eq(left == 1),
            self.m_axi_wvalid.eq((left != 0) & queue.r_rdy),
            given.eq(self.m_axi_wvalid & self.m_axi_wready),
            queue.r_en.eq(given),
            self.m_axi_bready.eq(1),
            self.failed.eq(self.m_axi_bvalid & self.m_axi_bresp[1]),
            self.idle.eq((unanswered == 0) & (left == 0) & ~self.m_axi_awvalid),
            self.empty.eq(self.idle & ~cutter.bursts.valid & (held == 0) & ~self.words.valid),
        ]
        m.d.sync += offered.eq(self.m_axi_awvalid & ~self.m_axi_awready)
        m.d.sync += held.eq(held + taken - Mux(issued, burst.length, 0))
        m.d.sync += left.eq(left + Mux(issued, burst.length, 0) - given)
        m.d.sync += unanswered.eq(unanswered + issued - self.m_axi_bvalid)
        return m
