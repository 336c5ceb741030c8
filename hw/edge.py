"""Output edge: drains D and Q, and gives them to the output units."""

from functools import partial
from typing import NamedTuple

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS
from .delays import delays, register
from .hierarchy import shared
from .output_unit import OutputUnit, context_layout
from .requantiser import parameters_layout
from .tile import ending_layout

__all__ = ["OutputEdge", "by_unit"]


class OutputEdge(wiring.Component):
    """Makes outputs, in order, of clusters of columns that drain a cycle after each other.

    What is said of a row holds for `rows_at_once` rows that leave together: each has output units
    of its own, and a part of them holds a part of each, the first row's lowest.

    In cycle 0 Q leaves the array, and in cycle 1 it is multiplied by z. In cycle 2 +
    `unit_start(u)` output unit u takes D of the first of its `share` columns, and then of one
    column a cycle. What the columns of a row have in common moves on with them. A row leaves every
    `share` cycles, in `share` parts; part j holds column j of each unit.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    hold : Out, the row that is due to leave waits for its residual codes
    ends, ending : In, a tile's last chunk enters the array; `ending_layout(config)` of the tile
    captured : In, the oldest tile that has ended starts to drain
    drain : Out, a bit for each row of PEs, the top one lowest
    sums, row_sums : In, the array's bottom row, or rows
    residuals : In, stream of cols x 8 bits, one for each row of a tile that has them
    write, unit, turn, write_bank, parameters : In, from the parameter loader
    release : Out, the set of parameters before the newest has served its last row
    valid, results : Out, a part of a row: an output of each unit
    """

    IN_FLIGHT = 4  # tiles between their end and their drain; an array of one row has the most

    def __init__(self, config):
        self.config = config
        output = signed(config.sum_width)
        super().__init__(
            {
                "advance": In(1),
                "hold": Out(1),
                "ends": In(1),
                "ending": In(ending_layout(config)),
                "captured": In(1),
                "drain": Out(config.rows),
                "sums": In(config.rows_at_once * config.cols * config.dot_width),
                "row_sums": In(config.rows_at_once * config.row_sum_width),
                "residuals": In(stream.Signature(config.residual_word_bits)),
                "write": In(1),
                "unit": In(range(max(config.row_units, 2))),
                "turn": In(range(max(config.share, 2))),
                "write_bank": In(1),
                "parameters": In(parameters_layout(config)),
                "release": Out(1),
                "valid": Out(1),
                "results": Out(data.ArrayLayout(output, config.requantisers)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        leaves, row_sums, ending = self._drain(m)

        # Cycle 1: what a row's columns have in common. Only rows that are `kept` give results.
        shift = partial(delays, m, advance=self.advance)
        taps = shift(leaves, config.passage + 1, name="row")
        kept = shift(taps[1] & ~ending.void, config.passage + OutputUnit.LATENCY, name="kept")
        m.d.comb += [
            self.hold.eq(taps[1] & ending.residual & ~self.residuals.valid),
            self.residuals.ready.eq(taps[1] & ending.residual & self.advance),
        ]
        rows = [
            self._begin(m, row, taps[1] & self.advance, row_sums, ending)
            for row in range(config.rows_at_once)
        ]

        # From cycle 2 on: each output unit takes a column a cycle
        share = config.share
        results, before = Cat(), 0
        for index in range(config.row_units):
            start = config.unit_start(index)
            if start > before:  # the units before are so many cycles ahead
                results = self._wait(m, results, kept, before, start, f"results_{index}")
                moves = taps[1 + start] & self.advance
                rows = [row.moved(m, moves, index) for row in rows]
            select = Cat(taps[2 + start : 2 + start + share])
            for row in rows:
                unit = self._unit(m, platform, index, select, row)
                results = Cat(results, unit.result)
            rows = [row.after_a_unit(share) for row in rows]
            before = start
        m.d.comb += self.results.as_value().eq(self._by_row(results))
        m.d.comb += self.valid.eq(Cat(kept[-share:]).any())

        return m

    def _drain(self, m):
        """In cycle 0, move Q down and out; return whether a row leaves, its Q, and its ending."""
        config = self.config
        layout = ending_layout(config)
        m.submodules.endings = endings = SyncFIFO(width=layout.size, depth=self.IN_FLIGHT)
        ending = Signal(layout, reset_less=True)
        row_sum = Signal(len(self.row_sums), reset_less=True)
        # Row r of the PEs, from the top, moves down r times: then it is free again, and may
        # have captured already. Rows that leave together move together.
        rest = Signal(config.departures + 1)
        moves = Mux(self.captured, ((1 << config.departures) - 1) << 1, rest)
        pause = Signal(range(max(config.share, 2)))
        leaves = Signal()
        m.d.comb += [
            endings.w_data.eq(self.ending),
            endings.w_en.eq(self.ends & self.advance),
            endings.r_en.eq(self.captured & self.advance),
            leaves.eq(self.captured | (rest[config.departures] & (pause == 0))),
            self.drain.eq(self._each_row(Mux(leaves, moves, 0))),
        ]
        with m.If(self.advance):
            with m.If(leaves):
                m.d.sync += row_sum.eq(self.row_sums)
                m.d.sync += rest.eq(moves << 1)
                m.d.sync += pause.eq(config.share - 1)
            with m.Elif(pause != 0):
                m.d.sync += pause.eq(pause - 1)
            with m.If(self.captured):
                m.d.sync += ending.eq(endings.r_data)
        self._release(m, layout(endings.r_data))
        return leaves, row_sum, ending

    def _each_row(self, moves):
        """Give each row the bit of those that it moves with."""
        count = self.config.rows_at_once
        if count == 1:
            return moves
        return Cat(bit.replicate(count) for bit in moves[: self.config.departures])

    def _begin(self, m, index, leaves, row_sums, ending):
        """In cycle 1, take what the columns of a row have in common."""
        config, suffix = self.config, f"_of_{index}" if index else ""
        context = Signal(context_layout(config), name=f"context{suffix}", reset_less=True)
        width = config.cols * ACTIVATION_BITS
        residuals = Signal(width, name=f"residuals{suffix}", reset_less=True)
        row_sum = row_sums.word_select(index, config.row_sum_width)
        codes = self.residuals.payload.word_select(index, width)
        with m.If(leaves):
            for field in ("unused", "limit", "raw", "bank"):
                m.d.sync += context[field].eq(ending[field])
            m.d.sync += context.offset.eq(row_sum * ending.offset)
            m.d.sync += residuals.eq(
                Mux(ending.residual, by_unit(codes, ACTIVATION_BITS, config), 0)
            )
        return _Row(index, suffix, context, residuals)

    def _release(self, m, ending):
        """Free the older set of parameters when a new one's first row passes the last column."""
        passing = Signal(range(self.config.passage + 3))
        used = Signal()  # a set was in use before
        with m.If(self.advance):
            with m.If(self.captured & ending.fresh):
                m.d.sync += used.eq(1)
                with m.If(used):
                    m.d.sync += passing.eq(self.config.passage + 2)
            with m.Elif(passing != 0):
                m.d.sync += passing.eq(passing - 1)
        m.d.comb += self.release.eq(self.advance & (passing == 1))

    def _unit(self, m, platform, index, select, row):
        config = self.config
        unit, m.submodules[f"unit_{index}{row.suffix}"] = shared(
            platform, "truncmac_output_unit", lambda: OutputUnit(config)
        )
        width = config.share * config.dot_width
        m.d.comb += [
            unit.advance.eq(self.advance),
            unit.select.eq(select),
            unit.sums.eq(self.sums.word_select(row.index * config.row_units + index, width)),
            unit.context.eq(row.context),
            unit.residuals.eq(row.residuals[: config.share * ACTIVATION_BITS]),
            unit.write.eq(self.write & (self.unit == index)),
            unit.write_address.eq(Mux(self.write_bank, config.share, 0) + self.turn),
            unit.parameters.eq(self.parameters),
        ]
        return unit

    def _wait(self, m, results, kept, before, start, name):
        """Delay results of units that begin in cycle `before`, for one that begins in `start`."""
        for cycle in range(before, start):
            first = cycle + 1 + OutputUnit.LATENCY
            leaves = Cat(kept[first : first + self.config.share]).any()
            enable = leaves & self.advance
            results = register(m, results, enable, name=f"{name}_{cycle - before}")
        return results

    def _by_row(self, results):
        """Reorder outputs, which come unit by unit, so that those of a row lie side by side."""
        config = self.config
        return Cat(
            results.word_select(unit * config.rows_at_once + row, config.sum_width)
            for row in range(config.rows_at_once)
            for unit in range(config.row_units)
        )


class _Row(NamedTuple):
    """What the columns of a row have in common, on its way past the output units."""

    index: int
    suffix: str  # of names
    context: data.View
    residuals: Value

    def moved(self, m, moves, unit):
        """Return it a cycle later, at this output unit."""
        return self._replace(
            context=register(m, self.context, moves, name=f"context_{unit}{self.suffix}"),
            residuals=register(m, self.residuals, moves, name=f"residuals_{unit}{self.suffix}"),
        )

    def after_a_unit(self, share):
        """Return it without the residual codes of a unit."""
        return self._replace(residuals=self.residuals[share * ACTIVATION_BITS :])


def by_unit(word, width, config):
    """Reorder the columns of `word` so that those of an output unit lie side by side.

    Column j * row_units + q belongs to unit q, turn j, so that each part of a row of
    results holds neighbouring columns.
    """
    return Cat(
        word.word_select(turn * config.row_units + unit, width)
        for unit in range(config.row_units)
        for turn in range(config.share)
    )
