"""Requantiser: accumulators to activation codes, per output channel."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS, SHIFT_BITS

__all__ = ["Requantiser", "parameters_layout"]


def parameters_layout(config):
    """M, Mr, B and s of one output channel."""
    return data.StructLayout(
        {
            "multiplier": signed(config.multiplier_bits),
            "residual_multiplier": signed(config.residual_multiplier_bits),
            "bias": signed(config.bias_width),
            "shift": SHIFT_BITS,
        }
    )


class Requantiser(wiring.Component):
    """clamp((M*S + Mr*r + B) >> s, 0, limit); bit-exact with `golden.requantise`.

    A word a cycle, answered `LATENCY` cycles later. The shift is arithmetic; rounding half up
    is folded into B. `raw` leaves out the clamp: with M = 1 and no more, S itself comes out.

    The map equals round-half-up(scale * S + offset), in exact rational arithmetic and for every
    S, where M is wide enough: 18 bits do for weights at k = 1 and 4-bit codes, 24 for k = 8 and
    4-bit codes; of channels with k = 8 and 8-bit codes even 31 bits miss some. Which channels
    are exact is certified at export, channel by channel.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    advance : In, all registers hold while it is low
    valid : In, the word is to be answered (else nothing toggles)
    total : In, S
    residual : In, r, 8 bits
    parameters : In, `parameters_layout(config)`
    limit : In, the largest code, 2**m - 1
    raw : In, no clamp
    result : Out, the code, or with `raw` the lowest bits of the unclamped value
    """

    LATENCY = 3

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "advance": In(1),
                "valid": In(1),
                "total": In(signed(config.sum_width)),
                "residual": In(ACTIVATION_BITS),
                "parameters": In(parameters_layout(config)),
                "limit": In(ACTIVATION_BITS),
                "raw": In(1),
                "result": Out(signed(config.sum_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        parameters = self.parameters
        width = config.bias_width
        valid = [self.valid, Signal(name="valid_1"), Signal(name="valid_2")]
        mode = data.StructLayout({"shift": SHIFT_BITS, "limit": ACTIVATION_BITS, "raw": 1})
        modes = [Signal(mode, name=f"mode_{index}", reset_less=True) for index in range(2)]

        # Cycle 0: multiply
        product = Signal(signed(width), reset_less=True)
        residual = Signal(
            signed(config.residual_multiplier_bits + ACTIVATION_BITS), reset_less=True
        )
        bias = Signal(signed(width), reset_less=True)
        with m.If(self.advance & valid[0]):
            m.d.sync += [
                product.eq(parameters.multiplier * self.total),
                residual.eq(parameters.residual_multiplier * self.residual),
                bias.eq(parameters.bias),
                modes[0].shift.eq(parameters.shift),
                modes[0].limit.eq(self.limit),
                modes[0].raw.eq(self.raw),
            ]

        # Cycle 1: add
        total = Signal(signed(width + 2), reset_less=True)  # Mr x r is narrower than M x S
        with m.If(self.advance & valid[1]):
            m.d.sync += total.eq(product + residual + bias)
            m.d.sync += modes[1].eq(modes[0])

        # Cycle 2: shift and clamp
        shifted = Signal(signed(width + 2))
        m.d.comb += shifted.eq(total >> modes[1].shift)
        clamped = Mux(shifted < 0, 0, Mux(shifted > modes[1].limit, modes[1].limit, shifted))
        with m.If(self.advance & valid[2]):
            m.d.sync += self.result.eq(Mux(modes[1].raw, shifted, clamped))

        with m.If(self.advance):
            m.d.sync += valid[1].eq(valid[0])
            m.d.sync += valid[2].eq(valid[1])

        return m
