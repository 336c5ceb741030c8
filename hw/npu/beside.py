"""Lets an operation run beside those that follow it."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Beside"]


class Beside(wiring.Component):
    """Keeps what an operation is told until it is done, so that the next may be told meanwhile.

    Parameters
    ----------
    layout : Layout
        Of what it is told.

    Members
    -------
    given : In, stream of `layout`; taken when no operation is kept
    kept : Out, the same; the operation is over when it is taken
    busy : Out, an operation is kept
    """

    def __init__(self, layout):
        self.layout = layout
        super().__init__(
            {
                "given": In(stream.Signature(layout)),
                "kept": Out(stream.Signature(layout)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(self.layout)
        m.d.comb += [
            self.given.ready.eq(~self.busy),
            self.kept.payload.eq(held),
            self.kept.valid.eq(self.busy),
        ]
        with m.If(self.given.valid & self.given.ready):
            m.d.sync += [held.eq(self.given.payload), self.busy.eq(1)]
        with m.Elif(self.kept.ready):
            m.d.sync += self.busy.eq(0)
        return m
