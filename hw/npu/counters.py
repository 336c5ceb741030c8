"""Counters of what a program did: every cycle of it is in one of the first four."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..counters import COUNTER_BITS, COUNTERS

__all__ = ["ALL_COUNTERS", "NPU_COUNTERS", "NpuCounters"]

NPU_COUNTERS = {
    "fetching": "cycles that waited for a descriptor",
    "convolving": "cycles of CONV",
    "passing": "cycles of POOL and SHORTCUT",
    "moving": "cycles that waited for LOAD, STORE or for what is written to reach memory",
    "read_beats": "beats that the bus read",
    "written_beats": "beats that the bus wrote",
    "waiting_results": "cycles in which results of the core waited to be written",
    "waiting_residuals": "cycles in which the core was held for missing residual codes",
}
ALL_COUNTERS = NPU_COUNTERS | {
    f"core_{name}": f"of the core: {about}" for name, about in COUNTERS.items()
}


class NpuCounters(wiring.Component):
    """Counts events, modulo 2**32; `clear` sets all to zero.

    Members
    -------
    clear : In
    events : In, a bit for each of `NPU_COUNTERS`
    values : Out, 32 bits for each
    """

    def __init__(self):
        super().__init__(
            {
                "clear": In(1),
                "events": In(data.StructLayout(dict.fromkeys(NPU_COUNTERS, 1))),
                "values": Out(data.StructLayout(dict.fromkeys(NPU_COUNTERS, COUNTER_BITS))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for name in NPU_COUNTERS:
            count = Signal(COUNTER_BITS, name=name)
            m.d.comb += self.values[name].eq(count)
            with m.If(self.clear):
                m.d.sync += count.eq(0)
            with m.Elif(self.events[name]):
                m.d.sync += count.eq(count + 1)
        return m
