"""Parameter loader: fills one set of requantisation parameters while the other is in use."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .requantiser import parameters_layout

__all__ = ["ParameterLoader"]


class ParameterLoader(wiring.Component):
    """Keeps two sets of parameters: each is loaded, claimed by a tile, used, and released.

    A tile claims a set with its last chunk, and the tiles after it use the same set until one of
    them claims the next. The bank of the set before is free again when the first row of the tile
    that claimed has passed the last column.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    parameters : In, stream of `parameters_layout(config)`, `cols` in a row, column 0 first
    available : Out, a whole set waits to be claimed
    claim : In, a tile takes it
    bank : Out, the bank of the set that was claimed last; changes the cycle after `claim`
    next_bank : Out, the bank of the set that waits
    release : In, the set before the last claimed one is out of use
    write, unit, turn, write_bank : Out, `parameters` is for this output unit's column of this
        turn, in each of the rows that leave at once, in this bank
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "parameters": In(stream.Signature(parameters_layout(config))),
                "available": Out(1),
                "claim": In(1),
                "bank": Out(1, init=1),  # the first set goes to bank 0
                "next_bank": Out(1),
                "release": In(1),
                "write": Out(1),
                "unit": Out(range(max(config.row_units, 2))),
                "turn": Out(range(max(config.share, 2))),
                "write_bank": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        free = Signal(range(3), init=2)
        waiting = Signal(range(3))
        last = Signal()
        last_unit = self.unit == self.config.row_units - 1

        m.d.comb += [
            self.parameters.ready.eq(free != 0),
            self.write.eq(self.parameters.valid & self.parameters.ready),
            last.eq(self.write & last_unit & (self.turn == self.config.share - 1)),
            self.available.eq(waiting != 0),
            self.next_bank.eq(~self.bank),
        ]
        with m.If(self.write):
            m.d.sync += self.unit.eq(Mux(last_unit, 0, self.unit + 1))
            m.d.sync += self.turn.eq(Mux(last, 0, self.turn + last_unit))
        with m.If(last):
            m.d.sync += self.write_bank.eq(~self.write_bank)
        with m.If(self.claim):
            m.d.sync += self.bank.eq(~self.bank)
        m.d.sync += waiting.eq(waiting + last - self.claim)
        m.d.sync += free.eq(free + self.release - last)

        return m
