"""Output edge: drains D and Q, and makes S = 2D - zQ of them."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .config import OFFSET_BITS

__all__ = ["OutputEdge", "ending_layout"]


def ending_layout(config):
    """What the edge must know of a tile: z, and the planes below k in a beat's last chunk."""
    return data.StructLayout({"offset": OFFSET_BITS, "unused": range(max(config.planes, 2))})


class OutputEdge(wiring.Component):
    """Rows of S, in order, from columns that drain a cycle after each other.

    Cycle 0: Q leaves the array. Cycle 1: z x Q. Cycle 2 + c: column c's D leaves the array and
    becomes S, and zQ moves on to column c + 1. Cycle 2 + cols: the row is complete.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    ends, ending : In, a tile's last chunk enters the array; `ending_layout(config)` of the tile
    captured : In, the oldest tile that has ended starts to drain
    sums, row_sums : In, the array's bottom row
    drain : Out, a bit for each row of PEs, the top one lowest
    valid, results : Out, a row: S of each column
    """

    IN_FLIGHT = 4  # tiles between their end and their drain, at most: one row gives the most

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "advance": In(1),
                "ends": In(1),
                "ending": In(ending_layout(config)),
                "captured": In(1),
                "sums": In(config.cols * config.dot_width),
                "row_sums": In(config.row_sum_width),
                "drain": Out(config.rows),
                "valid": Out(1),
                "results": Out(data.ArrayLayout(signed(config.sum_width), config.cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        layout = ending_layout(config)
        m.submodules.endings = endings = SyncFIFO(width=layout.size, depth=self.IN_FLIGHT)
        ending = Signal(layout, reset_less=True)  # of the tile that drains

        # Cycle 0: a row a cycle, from the cycle on that finds Q complete. Row r of the PEs, from
        # the top, moves down r times: then it is free again, and may have captured already.
        rest = Signal(config.rows + 1)
        moves = Mux(self.captured, ((1 << config.rows) - 1) << 1, rest)
        leaves = moves[config.rows]
        row_sum = Signal(config.row_sum_width, reset_less=True)
        m.d.comb += [
            endings.w_data.eq(self.ending),
            endings.w_en.eq(self.ends & self.advance),
            endings.r_en.eq(self.captured & self.advance),
            self.drain.eq(moves),
        ]
        with m.If(self.advance):
            m.d.sync += rest.eq(moves << 1)
            with m.If(self.captured):
                m.d.sync += ending.eq(endings.r_data)
            with m.If(leaves):
                m.d.sync += row_sum.eq(self.row_sums)

        # Cycle 1
        taps = [leaves]
        for index in range(1, config.cols + 3):
            taps.append(Signal(name=f"drain_{index}"))
            with m.If(self.advance):
                m.d.sync += taps[index].eq(taps[index - 1])
        offset = Signal(signed(config.sum_width), name="offset_0", reset_less=True)
        unused = Signal(layout["unused"].shape, name="unused_0", reset_less=True)
        with m.If(self.advance & taps[1]):
            m.d.sync += offset.eq(row_sum * ending.offset)
            m.d.sync += unused.eq(ending.unused)

        # Cycle 2 on: a column a cycle
        row = Cat()
        for column in range(config.cols):
            enable = taps[column + 2]
            result = Signal(signed(config.sum_width), name=f"result_{column}")
            dot = self.sums.word_select(column, config.dot_width)
            m.d.comb += result.eq(((dot >> unused) << 1) - offset)
            row = self._register(m, Cat(row, result), enable, f"row_{column}")
            offset = self._register(m, offset, enable, f"offset_{column + 1}")
            unused = self._register(m, unused, enable, f"unused_{column + 1}")
        m.d.comb += self.results.as_value().eq(row)
        m.d.comb += self.valid.eq(taps[-1])

        return m

    def _register(self, m, value, enable, name):
        register = Signal(value.shape(), name=name, reset_less=True)
        with m.If(enable & self.advance):
            m.d.sync += register.eq(value)
        return register
