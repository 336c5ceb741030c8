"""Row sum: adds up a row's activations to Q, once a row, at the array's left edge."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS
from .tree import adder_tree

__all__ = ["RowSum"]


class RowSum(wiring.Component):
    """Computes Q of one row, over lanes, then beats; it drains as PEs do, two cycles earlier.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    activations : In, lanes x 8 bits
    load : In, cycle 0: sum the activations over the lanes
    accumulate, first_beat : In, cycle 1: total = total + beat_sum, or restart
    capture : In, cycle 2: keep the total in the shadow register
    drain : In, take the shadow register of the row above; never together with `capture`
    sums_above, sums : In and Out, the shadow registers' chain
    """

    LATENCY = 3  # cycles from activations at the input to Q in `sums`

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "activations": In(config.pe_activation_bits),
                **{
                    event: In(1)
                    for event in ("load", "accumulate", "first_beat", "capture", "drain")
                },
                "sums_above": In(config.row_sum_width),
                "sums": Out(config.row_sum_width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        beat_sum = Signal((config.lanes * 255).bit_length(), reset_less=True)
        total = Signal(config.row_sum_width, reset_less=True)
        shadow = Signal(config.row_sum_width, reset_less=True)

        with m.If(self.load):
            lanes = range(config.lanes)
            words = (self.activations.word_select(lane, ACTIVATION_BITS) for lane in lanes)
            m.d.sync += beat_sum.eq(adder_tree(words))
        with m.If(self.accumulate):
            m.d.sync += total.eq(Mux(self.first_beat, 0, total) + beat_sum)
        with m.If(self.capture):
            m.d.sync += shadow.eq(total)
        with m.Elif(self.drain):
            m.d.sync += shadow.eq(self.sums_above)
        m.d.comb += self.sums.eq(shadow)

        return m
