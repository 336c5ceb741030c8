"""Cluster: neighbouring PEs that share their operand registers."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .hierarchy import shared
from .pe import PE

__all__ = ["Cluster"]


class Cluster(wiring.Component):
    """`cluster_rows` x `cluster_cols` PEs behind one register of each operand.

    All of its PEs do the same in the same cycle, so they share their enables, too. Only `drain`
    differs from row to row.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    activations, weights : In, a beat of each row, the bottom one lowest; a chunk of each column
    activations_next, weights_next : Out, the registers: right and down neighbours' inputs
    load, step : In, cycle 0: take the activations (once a beat), the weight chunks
    add, shift_add, first_chunk, accumulate, first_beat, capture : In, of each `PE`
    drain : In, a bit for each row, the top one lowest
    sums_above, sums : In and Out, of each column of the bottom `rows_at_once` rows, the bottom one
        lowest
    """

    LATENCY = 5  # cycles from operands at the inputs to D in the PEs' shadow registers

    def __init__(self, config):
        self.config = config
        activations = config.cluster_rows * config.pe_activation_bits
        weights = config.cluster_cols * config.pe_weight_bits
        sums = config.rows_at_once * config.cluster_cols * config.dot_width
        super().__init__(
            {
                "activations": In(activations),
                "activations_next": Out(activations),
                "weights": In(weights),
                "weights_next": Out(weights),
                **{event: In(1) for event in ("load", "step", *PE.EVENTS)},
                "drain": In(config.cluster_rows),
                "sums_above": In(sums),
                "sums": Out(sums),
            }
        )

    def elaborate(self, platform):
        m = Module()
        activations = Signal(self.activations.shape(), reset_less=True)
        weights = Signal(self.weights.shape(), reset_less=True)

        with m.If(self.load):
            m.d.sync += activations.eq(self.activations)
        with m.If(self.step):
            m.d.sync += weights.eq(self.weights)
        m.d.comb += self.activations_next.eq(activations)
        m.d.comb += self.weights_next.eq(weights)

        width = self.config.cluster_cols * self.config.dot_width
        sums = [self.sums_above.word_select(row, width) for row in range(self.config.rows_at_once)]
        for row in range(self.config.cluster_rows):
            own = self._row(m, platform, row, activations, weights, sums[-1])
            sums = [own, *sums[:-1]]
        m.d.comb += self.sums.eq(Cat(sums))

        return m

    def _row(self, m, platform, row, activations, weights, sums_above):
        """Make the PEs of one row, counted from the top, and return their sums."""
        config = self.config
        sums = []
        for column in range(config.cluster_cols):
            pe, m.submodules[f"pe_{row}_{column}"] = shared(
                platform, "truncmac_pe", lambda: PE(config)
            )
            height = config.cluster_rows - 1 - row
            m.d.comb += [
                pe.activations.eq(activations.word_select(height, len(pe.activations))),
                pe.weights.eq(weights.word_select(column, len(pe.weights))),
                pe.sums_above.eq(sums_above.word_select(column, config.dot_width)),
                pe.drain.eq(self.drain[row]),
                *(getattr(pe, event).eq(getattr(self, event)) for event in PE.EVENTS),
            ]
            sums.append(pe.sums)
        return Cat(sums)
