"""Processing element: lanes x planes of multiply-add, accumulated MSB first."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS
from .tree import adder_tree

__all__ = ["PE"]


class PE(wiring.Component):
    """Computes D of one output, unsigned: sums over lanes, planes (MSB first), then beats.

    A chunk passes one register a cycle: the cluster's operand registers, `chunk_sum`, `beat_sum`,
    `dot` and `sums`. Each register has its own enable, which the row derives from the token that
    travels along. So a PE holds no control state and needs no reset. The wide accumulator `dot`
    toggles once a beat.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    activations, weights : In, lanes x 8 bits and lanes x planes bits, lane 0 lowest
    add : In, cycle 1: sum the products over the lanes
    shift_add, first_chunk : In, cycle 2: beat_sum = (beat_sum << planes) + chunk_sum, or restart
    accumulate, first_beat : In, cycle 3: dot = dot + beat_sum, or restart
    capture : In, cycle 4: keep dot in the shadow register
    drain : In, take the shadow register of the PE above; never together with `capture`
    sums_above, sums : In and Out, the shadow registers' chain
    """

    EVENTS = ("add", "shift_add", "first_chunk", "accumulate", "first_beat", "capture")

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "activations": In(config.pe_activation_bits),
                "weights": In(config.pe_weight_bits),
                **{event: In(1) for event in (*self.EVENTS, "drain")},
                "sums_above": In(config.dot_width),
                "sums": Out(config.dot_width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        chunk_sum = Signal(config.chunk_sum_width, reset_less=True)
        beat_sum = Signal(config.beat_sum_width, reset_less=True)
        dot = Signal(config.dot_width, reset_less=True)
        shadow = Signal(config.dot_width, reset_less=True)

        # Cycle 1: a product for each lane and plane, summed plane by plane so that each tree is
        # as narrow as it can be
        with m.If(self.add):
            m.d.sync += chunk_sum.eq(self._products())

        # Cycle 2: the planes of a beat, MSB first
        with m.If(self.shift_add):
            carried = Mux(self.first_chunk, 0, beat_sum)
            m.d.sync += beat_sum.eq((carried << config.planes) + chunk_sum)

        # Cycle 3: the beats of a tile
        with m.If(self.accumulate):
            m.d.sync += dot.eq(Mux(self.first_beat, 0, dot) + beat_sum)

        # Cycle 4: out of the way of the next tile
        with m.If(self.capture):
            m.d.sync += shadow.eq(dot)
        with m.Elif(self.drain):
            m.d.sync += shadow.eq(self.sums_above)
        m.d.comb += self.sums.eq(shadow)

        return m

    def _products(self):
        lanes, planes = self.config.lanes, self.config.planes
        terms = [
            (
                self.activations.word_select(lane, ACTIVATION_BITS),
                self.weights.word_select(lane, planes),
            )
            for lane in range(lanes)
        ]
        if planes == 8:  # whole multipliers: their structure is left to synthesis
            return adder_tree(a * w for a, w in terms)
        return adder_tree(
            adder_tree(a & w[plane].replicate(ACTIVATION_BITS) for a, w in terms) << plane
            for plane in range(planes)
        )
