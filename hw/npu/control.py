"""Runs a program: fetches descriptor after descriptor, and hands each to who does it."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import DESCRIPTOR_BYTES, OFFSET_BITS, Operation, ProgramFault

from ..axi.stream import axi_stream_layout
from .descriptor import DESCRIPTOR_BITS, DescriptorCheck, descriptor_layout
from .regions import bytes_layout, regions_layout

__all__ = ["RUNNERS", "Controller"]

INDEX_BITS = 24
RUNNERS = {  # who does an operation
    Operation.LOAD: "load",
    Operation.STORE: "store",
    Operation.CONV: "convolution",
    Operation.POOL: "post",
    Operation.SHORTCUT: "post",
}


class Controller(wiring.Component):
    """Tells who does each operation. A fault stops the bus, waits until it is still, and aborts.

    One operation computes at a time. A LOAD or STORE that is marked so runs beside those that
    follow, up to the next that waits. Sums that go to memory wait for the last STORE.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    start : In, for one cycle: run the program at `entry`; ignored while `busy`
    reset : In, for one cycle: end the program at work, as a fault does
    entry : In, offset of its BEGIN in the program's region
    regions : In, `regions_layout()`
    requests, data : Out and In, of `Fetcher`
    descriptor : Out, 512 bits, of the operation at hand
    run_... : Out, for load, store, convolution and post: it is to be done
    ended_... : In, the same: a convolution or post is done; a load or store is taken
    loading, storing : In, a load or store is at work
    outside, read_failed, write_failed : In, for one cycle
    still : In, the bus is idle
    written : In, nothing waits to be written
    stop : Out, issue no other burst
    abort : Out, for one cycle: forget all that is under way
    fetches, moves : Out, this cycle of the program reads or looks at a descriptor; or it waits for
        maps or bytes that are on their way
    busy : Out, a program is at work
    done : Out, for one cycle: it has ended, with or without a fault
    fault : Out, `ProgramFault` of the last program
    index : Out, of the descriptor at hand
    """

    def __init__(self, config):
        self.config = config
        names = dict.fromkeys(RUNNERS.values())
        super().__init__(
            {
                "start": In(1),
                "reset": In(1),
                "entry": In(32),
                "regions": In(regions_layout()),
                "requests": Out(stream.Signature(bytes_layout())),
                "data": In(stream.Signature(axi_stream_layout(config.bus_width))),
                "descriptor": Out(DESCRIPTOR_BITS),
                **{f"run_{name}": Out(1) for name in names},
                **{f"ended_{name}": In(1) for name in names},
                **dict.fromkeys(("loading", "storing"), In(1)),
                **dict.fromkeys(
                    ("outside", "read_failed", "write_failed", "still", "written"), In(1)
                ),
                **dict.fromkeys(("fetches", "moves", "stop", "abort", "busy", "done"), Out(1)),
                "fault": Out(ProgramFault),
                "index": Out(INDEX_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.check = check = DescriptorCheck(self.config)
        descriptor = Signal(DESCRIPTOR_BITS)
        index = Signal(INDEX_BITS)
        fault, wrong = Signal(ProgramFault), Signal(ProgramFault)
        beat = Signal(range(max(DESCRIPTOR_BITS // self.config.bus_width, 2)))
        operation = descriptor_layout(Operation.END)(descriptor).operation
        m.d.comb += [
            self.descriptor.eq(descriptor),
            self.index.eq(index),
            self.fault.eq(fault),
            check.descriptor.eq(descriptor),
            check.first.eq(index == 0),
            check.regions.eq(self.regions),
            self.requests.p.address.eq((self.entry + index * DESCRIPTOR_BYTES)[:OFFSET_BITS]),
            self.requests.p.bytes.eq(DESCRIPTOR_BYTES),
        ]
        self._watch(m, wrong)
        moving = Signal()  # a map is on its way, or bytes of one
        m.d.comb += moving.eq(self.loading | self.storing | ~self.written)
        waits = Signal()
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            computes = fsm.ongoing("RUN") & (self.run_convolution | self.run_post)
            reads = fsm.ongoing("ASK") | fsm.ongoing("RECEIVE") | fsm.ongoing("CHECK")
            m.d.comb += self.fetches.eq(reads & ~waits)
            m.d.comb += self.moves.eq(self.busy & ~self.fetches & ~computes)
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [index.eq(0), fault.eq(ProgramFault.NONE)]
                m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += self.requests.valid.eq(1)
                with m.If(self.requests.ready):
                    m.next = "RECEIVE"
                self._fail(m, wrong, fault)
            with m.State("RECEIVE"):
                m.d.comb += self.data.ready.eq(1)
                with m.If(self.data.valid):
                    part = descriptor.word_select(beat, self.config.bus_width)
                    m.d.sync += part.eq(self.data.p.data)
                    m.d.sync += beat.eq(Mux(self.data.p.last, 0, beat + 1))
                    with m.If(self.data.p.last):
                        m.next = "CHECK"
                self._fail(m, wrong, fault)
            with m.State("CHECK"):
                m.d.comb += waits.eq(self._waits(operation, moving))
                with m.If(~waits):
                    m.next = "RUN"
                with m.If(check.fault != ProgramFault.NONE):
                    m.d.comb += wrong.eq(check.fault)
                self._fail(m, wrong, fault)
            with m.State("RUN"):
                self._run(m, operation, index, moving, wrong)
                self._fail(m, wrong, fault)
            with m.State("JOIN"):
                with m.If(~moving):
                    m.d.sync += index.eq(index + 1)
                    m.next = "ASK"
                self._fail(m, wrong, fault)
            with m.State("FAULT"):
                m.d.comb += self.stop.eq(1)
                with m.If(self.still):
                    m.d.comb += [self.abort.eq(1), self.done.eq(1)]
                    m.d.sync += beat.eq(0)
                    m.next = "IDLE"
        return m

    def _fail(self, m, wrong, fault):
        """End the program where something is wrong; the last word of a state."""
        with m.If(wrong != ProgramFault.NONE):
            m.d.sync += fault.eq(wrong)
            m.next = "FAULT"

    def _watch(self, m, wrong):
        """A fault of the bus, or the will of software, whatever is at work."""
        for happened, fault in (
            (self.reset, ProgramFault.STOPPED),
            (self.outside, ProgramFault.ADDRESS),
            (self.read_failed, ProgramFault.READ),
            (self.write_failed, ProgramFault.WRITE),
        ):
            with m.If(happened):
                m.d.comb += wrong.eq(fault)

    def _waits(self, operation, moving):
        """Whether an operation must not begin yet."""
        load = descriptor_layout(Operation.LOAD)(self.descriptor)
        sums = self._sums(operation)
        begins = (operation == Operation.BEGIN) | (operation == Operation.END)
        return ~begins & ((load.wait & moving) | (sums & self.storing))

    def _sums(self, operation):
        """Whether an operation leaves sums in memory."""
        return (operation == Operation.CONV) & descriptor_layout(Operation.CONV)(
            self.descriptor
        ).raw

    def _run(self, m, operation, index, moving, wrong):
        """Let the operation be done; what it wrote is in memory before the next one begins."""
        load = descriptor_layout(Operation.LOAD)(self.descriptor)
        begun = Signal()  # it is done, or runs beside what follows
        with m.Switch(operation):
            with m.Case(Operation.BEGIN):
                m.d.comb += begun.eq(1)
            with m.Case(Operation.END), m.If(~moving):
                m.d.comb += self.done.eq(wrong == ProgramFault.NONE)
                m.next = "IDLE"
            for each, name in RUNNERS.items():
                with m.Case(each):
                    m.d.comb += getattr(self, f"run_{name}").eq(1)
                    m.d.comb += begun.eq(getattr(self, f"ended_{name}"))
        moves = (operation == Operation.LOAD) | (operation == Operation.STORE)
        with m.If(begun & ((moves & ~load.beside) | self._sums(operation))):
            m.next = "JOIN"
        with m.Elif(begun):
            m.d.sync += index.eq(index + 1)
            m.next = "ASK"
