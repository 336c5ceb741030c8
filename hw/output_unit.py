"""Output unit: takes D of its columns in turn, and makes outputs of them."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS
from .requantiser import Requantiser, parameters_layout

__all__ = ["OutputUnit", "context_layout"]


def context_layout(config):
    """Return the layout of what the columns of one row of results have in common.

    offset : zQ
    unused : planes below k in a beat's last chunk; D is shifted right by so many bits
    limit, raw : as the requantiser takes them
    bank : which of the two sets of parameters the row uses
    """
    return data.StructLayout(
        {
            "offset": signed(config.sum_width),
            "unused": range(max(config.planes, 2)),
            "limit": ACTIVATION_BITS,
            "raw": 1,
            "bank": 1,
        }
    )


class OutputUnit(wiring.Component):
    """Computes S = 2D - zQ and requantises it, for `share` columns that drain one a cycle.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    select : In, one bit for each column: its D is at `sums` now; at most one is set
    sums : In, D of each column
    context : In, `context_layout(config)`
    residuals : In, r of each column
    write, write_address, parameters : In, sets parameters; address is bank * share + column
    result : Out, `LATENCY` cycles after `select`
    """

    LATENCY = 1 + Requantiser.LATENCY

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "advance": In(1),
                "select": In(config.share),
                "sums": In(config.share * config.dot_width),
                "context": In(context_layout(config)),
                "residuals": In(config.share * ACTIVATION_BITS),
                "write": In(1),
                "write_address": In(range(2 * config.share)),
                "parameters": In(parameters_layout(config)),
                "result": Out(signed(config.sum_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, share = self.config, self.config.share
        m.submodules.memory = memory = Memory(
            shape=parameters_layout(config).size, depth=2 * share, init=[]
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.submodules.requantiser = requantiser = Requantiser(config)

        dot = Signal(config.dot_width)
        residual = Signal(ACTIVATION_BITS)
        for column in range(share):
            with m.If(self.select[column]):
                m.d.comb += [
                    dot.eq(self.sums.word_select(column, config.dot_width)),
                    residual.eq(self.residuals.word_select(column, ACTIVATION_BITS)),
                    read.addr.eq(Mux(self.context.bank, share + column, column)),
                ]
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.parameters),
            requantiser.advance.eq(self.advance),
            self.result.eq(requantiser.result),
        ]

        # Cycle 0: S, and how the requantiser treats it
        identity = parameters_layout(config).const({"multiplier": 1})
        with m.If(self.advance):
            m.d.sync += requantiser.valid.eq(self.select.any())
        raw = self.context.raw
        word = {
            "total": ((dot >> self.context.unused) << 1) - self.context.offset,
            "residual": Mux(raw, 0, residual),
            "parameters": Mux(raw, identity.as_value(), read.data),
            "limit": self.context.limit,
            "raw": raw,
        }
        for name, value in word.items():
            port = getattr(requantiser, name)
            register = Signal.like(port, name=name, reset_less=True)
            m.d.comb += port.eq(register)
            with m.If(self.advance & self.select.any()):
                m.d.sync += register.eq(value)

        return m
