"""Runs a program: fetches descriptor after descriptor, and hands each to who does it."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import Operation, ProgramFault

from .ahead import INDEX_BITS, checked_layout
from .descriptor import DESCRIPTOR_BITS, descriptor_layout

__all__ = ["RUNNERS", "Controller"]

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

    Members
    -------
    start : In, for one cycle: run a program; ignored while `busy`
    reset : In, for one cycle: end the program at work, as a fault does
    checked : In, stream of `checked_layout()`, the program's descriptors
    descriptor : Out, 512 bits, of the operation at hand
    run_... : Out, for load, store, convolution and post: it is to be done
    ended_... : In, the same: a convolution or post is done; a load or store is taken
    loading, storing : In, a load or store is at work
    outside, read_failed, write_failed : In, for one cycle
    still : In, the bus is idle
    written : In, nothing waits to be written
    stop : Out, issue no other burst
    abort : Out, for one cycle: forget all that is under way
    fetches, moves : Out, this cycle of the program waits for a descriptor; or for maps or bytes
        that are on their way
    busy : Out, a program is at work
    done : Out, for one cycle: it has ended, with or without a fault
    fault : Out, `ProgramFault` of the last program
    index : Out, of the descriptor at hand
    """

    def __init__(self):
        names = dict.fromkeys(RUNNERS.values())
        super().__init__(
            {
                "start": In(1),
                "reset": In(1),
                "checked": In(stream.Signature(checked_layout())),
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
        descriptor, index = Signal(DESCRIPTOR_BITS), Signal(INDEX_BITS)
        fault, wrong = Signal(ProgramFault), Signal(ProgramFault)
        operation = descriptor_layout(Operation.END)(descriptor).operation
        m.d.comb += [
            self.descriptor.eq(descriptor),
            self.index.eq(index),
            self.fault.eq(fault),
        ]
        self._watch(m, wrong)
        moving = Signal()  # a map is on its way, or bytes of one
        m.d.comb += moving.eq(self.loading | self.storing | ~self.written)
        waits = self._waits(moving)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            m.d.comb += self.fetches.eq(fsm.ongoing("NEXT") & ~waits)
            computes = self.run_convolution | self.run_post
            m.d.comb += self.moves.eq(self.busy & ~self.fetches & ~computes)
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [index.eq(0), fault.eq(ProgramFault.NONE)]
                m.next = "NEXT"
            with m.State("NEXT"):
                m.d.comb += self.checked.ready.eq(~waits)
                with m.If(self.checked.valid & ~waits):
                    m.d.sync += descriptor.eq(self.checked.p.descriptor)
                    m.next = "RUN"
                    with m.If(self.checked.p.fault != ProgramFault.NONE):
                        m.d.comb += wrong.eq(self.checked.p.fault)
                self._fail(m, wrong, fault)
            with m.State("RUN"):
                self._run(m, operation, index, moving, wrong)
                self._fail(m, wrong, fault)
            with m.State("JOIN"):
                with m.If(~moving):
                    m.d.sync += index.eq(index + 1)
                    m.next = "NEXT"
                self._fail(m, wrong, fault)
            with m.State("FAULT"):
                m.d.comb += self.stop.eq(1)
                with m.If(self.still):
                    m.d.comb += [self.abort.eq(1), self.done.eq(1)]
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

    def _waits(self, moving):
        """Whether the operation that comes next is there, and must not begin yet."""
        given = self.checked.p
        load = descriptor_layout(Operation.LOAD)(given.descriptor)
        kind = load.operation
        begins = (kind == Operation.BEGIN) | (kind == Operation.END)
        held = (load.wait & moving) | (self._sums(given.descriptor) & self.storing)
        right = given.fault == ProgramFault.NONE
        return self.checked.valid & right & ~begins & held

    def _sums(self, descriptor):
        """Whether an operation leaves sums in memory."""
        conv = descriptor_layout(Operation.CONV)(descriptor)
        return (conv.operation == Operation.CONV) & conv.raw

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
        with m.If(begun & ((moves & ~load.beside) | self._sums(self.descriptor))):
            m.next = "JOIN"
        with m.Elif(begun):
            m.d.sync += index.eq(index + 1)
            m.next = "NEXT"
