"""Row of the array: PEs that share activations, their row sum, and the token that drives them."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS
from .hierarchy import shared
from .pe import PE
from .row_sum import RowSum
from .token import Token

__all__ = ["Row"]


class Row(wiring.Component):
    """One row: activations and token enter at the left and move right a column a cycle.

    The token is delayed once for all PEs: what PE c does in its cycle s is what tap c + s of
    the token's shift register says.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    token, token_next : In and Out, `Token`; the next row's is a cycle later
    activations : In, lanes x 8 bits, together with the token
    weights, weights_next : In and Out, a chunk of each column, column 0 lowest
    sums_above, sums : In and Out, D of each column, drained downwards
    row_sums_above, row_sums : In and Out, Q, drained downwards
    drain : In, move Q down now, D two cycles later in column 0, and so on to the right
    captured : Out, two cycles before the first column's D is in `sums`
    """

    def __init__(self, config):
        self.config = config
        weights = config.cols * config.lanes * config.planes
        sums = config.cols * config.dot_width
        super().__init__(
            {
                "advance": In(1),
                "token": In(Token),
                "token_next": Out(Token),
                "activations": In(config.lanes * ACTIVATION_BITS),
                "weights": In(weights),
                "weights_next": Out(weights),
                "sums_above": In(sums),
                "sums": Out(sums),
                "row_sums_above": In(config.row_sum_width),
                "row_sums": Out(config.row_sum_width),
                "drain": In(1),
                "captured": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config

        taps = self._delays(m, self.token, config.cols + PE.LATENCY - 1, "token")
        drains = self._delays(m, self.drain, config.cols + 1, "drain")
        m.d.comb += self.token_next.eq(taps[1])
        m.d.comb += self.captured.eq(taps[RowSum.LATENCY].capture)

        self._connect_row_sum(m, platform, taps)
        activations = self.activations
        columns = []
        for column in range(config.cols):
            pe, m.submodules[f"pe_{column}"] = shared(platform, "truncmac_pe", lambda: PE(config))
            m.d.comb += pe.activations.eq(activations)
            m.d.comb += pe.weights.eq(self.weights.word_select(column, len(pe.weights)))
            m.d.comb += pe.sums_above.eq(self.sums_above.word_select(column, config.dot_width))
            m.d.comb += pe.drain.eq(drains[column + 2] & self.advance)
            self._drive(m, pe, taps[column:])
            activations = pe.activations_next
            columns.append(pe)
        m.d.comb += self.weights_next.eq(Cat(pe.weights_next for pe in columns))
        m.d.comb += self.sums.eq(Cat(pe.sums for pe in columns))

        return m

    def _delays(self, m, value, count, name):
        """`value` now and in each of `count` cycles to come."""
        taps = [value]
        for index in range(1, count + 1):
            tap = Signal(value.shape(), name=f"{name}_{index}")
            with m.If(self.advance):
                m.d.sync += tap.eq(taps[-1])
            taps.append(tap)
        return taps

    def _drive(self, m, pe, taps):
        """Derive the enables of a PE from the token in its cycles 0 to 4."""
        m.d.comb += [
            pe.load.eq(taps[0].load & self.advance),
            pe.step.eq(taps[0].step & self.advance),
            pe.add.eq(taps[1].step & self.advance),
            pe.shift_add.eq(taps[2].step & self.advance),
            pe.first_chunk.eq(taps[2].load),
            pe.accumulate.eq(taps[3].last_chunk & self.advance),
            pe.first_beat.eq(taps[3].first_beat),
            pe.capture.eq(taps[4].capture & self.advance),
        ]

    def _connect_row_sum(self, m, platform, taps):
        row_sum, m.submodules.row_sum = shared(
            platform, "truncmac_row_sum", lambda: RowSum(self.config)
        )
        m.d.comb += [
            row_sum.activations.eq(self.activations),
            row_sum.load.eq(taps[0].load & self.advance),
            row_sum.accumulate.eq(taps[1].load & self.advance),
            row_sum.first_beat.eq(taps[1].first_beat),
            row_sum.capture.eq(taps[2].capture & self.advance),
            row_sum.drain.eq(self.drain & self.advance),
            row_sum.sums_above.eq(self.row_sums_above),
            self.row_sums.eq(row_sum.sums),
        ]
