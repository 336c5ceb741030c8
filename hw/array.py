"""The systolic array: rows of clusters, and the skew that operands need at its edges."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delays import delays, register
from .hierarchy import shared
from .row import Row
from .token import Token

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """Computes D of every row and column, and Q of every row; both drain downwards.

    Output row 0 is the bottom row of PEs, so that results leave in order. A chunk meets cluster
    (r, c), counted from the top left, r + c cycles after it entered, because activations wait r
    cycles at their row's edge and weights c cycles at their column's.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    token : In, `Token` of the chunk that enters
    activations : In, rows x lanes x 8 bits, output row 0 lowest; taken with `token.load`
    weights : In, cols x lanes x planes bits, column 0 lowest; taken with `token.step`
    drain : In, a bit for each row of PEs, the top one lowest: move its sums down
    sums, row_sums : Out, D and Q of the bottom `rows_at_once` rows, output row 0 lowest
    captured : Out, the bottom row's Q is complete, two cycles before the first cluster's D
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "advance": In(1),
                "token": In(Token),
                "activations": In(config.activation_word_bits),
                "weights": In(config.weight_word_bits),
                "drain": In(config.rows),
                "sums": Out(config.rows_at_once * config.cols * config.dot_width),
                "row_sums": Out(config.rows_at_once * config.row_sum_width),
                "captured": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        width = config.cluster_rows * config.pe_activation_bits

        token, weights = self.token, self._skewed_weights(m)
        waiting = self.activations  # for this row and those below; the top one enters first
        sums, row_sums = 0, 0
        for index in range(config.depth):
            row, m.submodules[f"row_{index}"] = shared(
                platform, "truncmac_row", lambda: Row(config)
            )
            activations = waiting[-width:]
            if index + 1 < config.depth:
                load = token.load & self.advance
                waiting = register(m, waiting[:-width], load, name=f"activations_{index}")
            m.d.comb += [
                row.advance.eq(self.advance),
                row.token.eq(token),
                row.activations.eq(activations),
                row.weights.eq(weights),
                row.sums_above.eq(sums),
                row.row_sums_above.eq(row_sums),
                row.drain.eq(self.drain.word_select(index, config.cluster_rows)),
            ]
            token, weights = row.token_next, row.weights_next
            sums, row_sums = row.sums, row.row_sums
        m.d.comb += [
            self.sums.eq(sums),
            self.row_sums.eq(row_sums),
            self.captured.eq(row.captured),
        ]

        return m

    def _skewed_weights(self, m):
        """Return the weights, those of column c of clusters c cycles late."""
        config = self.config
        width = config.cluster_cols * config.pe_weight_bits
        waits = config.breadth - 1
        steps = delays(m, self.token.step, waits - 1, advance=self.advance, name="step")
        columns, waiting = [], self.weights
        for index, step in enumerate(steps[:waits]):
            columns.append(waiting[:width])
            enable = step & self.advance
            waiting = register(m, waiting[width:], enable, name=f"weights_{index}")
        return Cat(*columns, waiting)
