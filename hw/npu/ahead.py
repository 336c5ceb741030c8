"""Reads the descriptors of a program, each while the operation before it is done."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import DESCRIPTOR_BYTES, OFFSET_BITS, Operation, ProgramFault

from ..axi.stream import axi_stream_layout
from .descriptor import DESCRIPTOR_BITS, DescriptorCheck, descriptor_layout
from .regions import bytes_layout, regions_layout

__all__ = ["INDEX_BITS", "DescriptorReader", "checked_layout"]

INDEX_BITS = 24


def checked_layout():
    """A `descriptor`, and what is wrong with it: its `fault`."""
    return data.StructLayout({"descriptor": DESCRIPTOR_BITS, "fault": ProgramFault})


class DescriptorReader(wiring.Component):
    """Reads and checks one descriptor after the other, up to END or one that is wrong.

    A convolution is told to those who read ahead for it before its turn comes.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    start : In, for one cycle: read the program at `entry`, which holds until its end
    entry : In, offset of its BEGIN in the program's region
    regions : In, `regions_layout()`
    requests, data : Out and In, of `Fetcher`
    ahead : Out, stream of descriptors: CONV only, and right
    told : Out, what `ahead` gave last has not been taken from `checked`
    checked : Out, stream of `checked_layout()`: all descriptors, in order
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "entry": In(32),
                "regions": In(regions_layout()),
                "requests": Out(stream.Signature(bytes_layout())),
                "data": In(stream.Signature(axi_stream_layout(config.bus_width))),
                "ahead": Out(stream.Signature(DESCRIPTOR_BITS)),
                "told": Out(1),
                "checked": Out(stream.Signature(checked_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.check = check = DescriptorCheck(self.config)
        index = Signal(INDEX_BITS)
        descriptor = Signal(DESCRIPTOR_BITS)
        fault = Signal(ProgramFault)
        beat = Signal(range(max(DESCRIPTOR_BITS // self.config.bus_width, 2)))
        operation = descriptor_layout(Operation.END)(descriptor).operation
        wrong = fault != ProgramFault.NONE
        m.d.comb += [
            check.descriptor.eq(descriptor),
            check.first.eq(index == 0),
            check.regions.eq(self.regions),
            self.requests.p.address.eq((self.entry + index * DESCRIPTOR_BYTES)[:OFFSET_BITS]),
            self.requests.p.bytes.eq(DESCRIPTOR_BYTES),
            self.ahead.payload.eq(descriptor),
            self.checked.p.descriptor.eq(descriptor),
            self.checked.p.fault.eq(fault),
        ]
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += index.eq(0)
                m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += self.requests.valid.eq(1)
                with m.If(self.requests.ready):
                    m.next = "RECEIVE"
            with m.State("RECEIVE"):
                m.d.comb += self.data.ready.eq(1)
                with m.If(self.data.valid):
                    part = descriptor.word_select(beat, self.config.bus_width)
                    m.d.sync += part.eq(self.data.p.data)
                    m.d.sync += beat.eq(Mux(self.data.p.last, 0, beat + 1))
                    with m.If(self.data.p.last):
                        m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += fault.eq(check.fault)
                reads = (operation == Operation.CONV) & (check.fault == ProgramFault.NONE)
                with m.If(reads):
                    m.next = "TELL"
                with m.Else():
                    m.next = "GIVE"
            with m.State("TELL"):
                m.d.comb += self.ahead.valid.eq(1)
                with m.If(self.ahead.ready):
                    m.d.sync += self.told.eq(1)
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.checked.valid.eq(1)
                with m.If(self.checked.ready):
                    m.d.sync += [self.told.eq(0), index.eq(index + 1)]
                    m.next = "ASK"
                with m.If(self.checked.ready & (wrong | (operation == Operation.END))):
                    m.next = "IDLE"
        return m
