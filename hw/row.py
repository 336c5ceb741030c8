"""Row of clusters, which share activations, row sums, and the token that drives them."""

from functools import partial

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cluster import Cluster
from .delays import delays
from .hierarchy import shared
from .row_sum import RowSum
from .token import Token

__all__ = ["Row"]


class Row(wiring.Component):
    """One row of clusters. Activations and token enter at the left and move a cluster a cycle.

    The token is delayed once for all PEs: tap c + s of the token's shift register says what
    cluster c does in its cycle s.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    token, token_next : In and Out, `Token`; the next row's is a cycle later
    activations : In, cluster_rows x lanes x 8 bits, the bottom row lowest, together with the token
    weights, weights_next : In and Out, a chunk of each column, column 0 lowest
    sums_above, sums : In and Out, D of each column, drained downwards, of the bottom
        `rows_at_once` rows of PEs, the bottom one lowest
    row_sums_above, row_sums : In and Out, Q of the same rows, drained downwards
    drain : In, a bit for each row of PEs, the top one lowest: move Q down now, D of the first
        cluster 2 + `drain_delay` cycles later, and so on to the right
    captured : Out, two cycles before the first cluster's D is in `sums`
    """

    def __init__(self, config):
        self.config = config
        weights = config.weight_word_bits
        sums = config.rows_at_once * config.cols * config.dot_width
        row_sums = config.rows_at_once * config.row_sum_width
        super().__init__(
            {
                "advance": In(1),
                "token": In(Token),
                "token_next": Out(Token),
                "activations": In(config.cluster_rows * config.pe_activation_bits),
                "weights": In(weights),
                "weights_next": Out(weights),
                "sums_above": In(sums),
                "sums": Out(sums),
                "row_sums_above": In(row_sums),
                "row_sums": Out(row_sums),
                "drain": In(config.cluster_rows),
                "captured": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        clusters = config.breadth

        shift = partial(delays, m, advance=self.advance)
        taps = shift(self.token, clusters + Cluster.LATENCY - 1, name="token")
        drains = shift(self.drain, clusters + 1 + config.drain_delay, name="drain")
        m.d.comb += self.token_next.eq(taps[1])
        m.d.comb += self.captured.eq(taps[RowSum.LATENCY].capture)

        self._connect_row_sums(m, platform, taps)
        activations = self.activations
        columns = []
        for index in range(clusters):
            cluster, m.submodules[f"cluster_{index}"] = shared(
                platform, "truncmac_cluster", lambda: Cluster(config)
            )
            moves = drains[index + 2 + config.drain_delay]
            m.d.comb += [
                cluster.activations.eq(activations),
                cluster.weights.eq(self.weights.word_select(index, len(cluster.weights))),
                cluster.sums_above.eq(_columns(self.sums_above, index, clusters, config)),
                cluster.drain.eq(moves & self.advance.replicate(len(moves))),
            ]
            self._drive(m, cluster, taps[index:])
            activations = cluster.activations_next
            columns.append(cluster)
        m.d.comb += self.weights_next.eq(Cat(cluster.weights_next for cluster in columns))
        m.d.comb += self.sums.eq(
            Cat(
                cluster.sums.word_select(row, len(cluster.sums) // config.rows_at_once)
                for row in range(config.rows_at_once)
                for cluster in columns
            )
        )

        return m

    def _drive(self, m, cluster, taps):
        """Derive the enables of a cluster from the token in its cycles 0 to 4."""
        m.d.comb += [
            cluster.load.eq(taps[0].load & self.advance),
            cluster.step.eq(taps[0].step & self.advance),
            cluster.add.eq(taps[1].step & self.advance),
            cluster.shift_add.eq(taps[2].step & self.advance),
            cluster.first_chunk.eq(taps[2].load),
            cluster.accumulate.eq(taps[3].last_chunk & self.advance),
            cluster.first_beat.eq(taps[3].first_beat),
            cluster.capture.eq(taps[4].capture & self.advance),
        ]

    def _connect_row_sums(self, m, platform, taps):
        rows = self.config.cluster_rows
        width = self.config.pe_activation_bits
        sums = [
            self.row_sums_above.word_select(row, self.config.row_sum_width)
            for row in range(self.config.rows_at_once)
        ]
        for row in range(rows):
            row_sum, m.submodules[f"row_sum_{row}"] = shared(
                platform, "truncmac_row_sum", lambda: RowSum(self.config)
            )
            m.d.comb += [
                row_sum.activations.eq(self.activations.word_select(rows - 1 - row, width)),
                row_sum.load.eq(taps[0].load & self.advance),
                row_sum.accumulate.eq(taps[1].load & self.advance),
                row_sum.first_beat.eq(taps[1].first_beat),
                row_sum.capture.eq(taps[2].capture & self.advance),
                row_sum.drain.eq(self.drain[row] & self.advance),
                row_sum.sums_above.eq(sums[-1]),
            ]
            sums = [row_sum.sums, *sums[:-1]]
        m.d.comb += self.row_sums.eq(Cat(sums))


def _columns(sums, index, clusters, config):
    """Select the columns of a cluster from `sums` of several rows of `clusters` clusters."""
    width = config.cluster_cols * config.dot_width
    return Cat(
        sums.word_select(row * clusters + index, width) for row in range(config.rows_at_once)
    )
