"""Counters of what the core did; software reads them, and the models are held equal to them."""

from amaranth import Module, Mux, ResetSignal, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["COUNTERS", "COUNTER_BITS", "Counters", "counters_layout"]

COUNTER_BITS = 32

COUNTERS = {
    "cycles": "cycles in which the core was at work, from a tile's first to its last result taken",
    "busy": "cycles in which the sequencer had a tile",
    "chunks": "weight chunks that entered the array",
    "beats": "activation beats that entered the array",
    "tiles": "tiles that ended, void ones too",
    "stalled_activations": "busy cycles that waited for activations",
    "stalled_weights": "busy cycles that waited for weights only",
    "stalled_parameters": "busy cycles that waited for requantisation parameters only",
    "stalled_drain": "busy cycles that waited for the tile before to drain only",
    "stalled_output": "cycles in which blocked results or missing residual codes held the array",
}


def counters_layout(bits=COUNTER_BITS):
    """Return the layout of the counts, `bits` bits for each of `COUNTERS`, the first lowest."""
    return data.StructLayout(dict.fromkeys(COUNTERS, bits))


class Counters(wiring.Component):
    """Counts events, modulo 2**bits; `clear` sets all to zero.

    Exactly one of chunks, stalled_activations, stalled_weights, stalled_parameters, stalled_drain
    and stalled_output counts in a busy cycle. In other cycles only stalled_output may count.

    Parameters
    ----------
    bits : bits of each counter; a test sees few bits wrap around

    Members
    -------
    clear : In
    events : In, a bit for each of `COUNTERS`
    values : Out, `counters_layout(bits)`
    """

    def __init__(self, bits=COUNTER_BITS):
        self.bits = bits
        super().__init__(
            {
                "clear": In(1),
                "events": In(data.StructLayout(dict.fromkeys(COUNTERS, 1))),
                "values": Out(counters_layout(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Reset through the enable, so that the clock of a counter at rest can be gated
        clear = self.clear | ResetSignal()
        for name in COUNTERS:
            count = Signal(self.bits, name=name, reset_less=True)
            m.d.comb += self.values[name].eq(count)
            with m.If(clear | self.events[name]):
                m.d.sync += count.eq(Mux(clear, 0, count + 1))
        return m
