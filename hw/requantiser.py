"""Requantiser: turns accumulators into activation codes, by each output channel's parameters."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .config import ACTIVATION_BITS, SHIFT_BITS
from .delays import delays

__all__ = ["Requantiser", "parameters_layout"]


def parameters_layout(config):
    """Return the layout of M, Mr, B and s of one output channel."""
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

    It takes a word a cycle and answers `LATENCY` cycles later. The shift is arithmetic; rounding
    half up is folded into B. `raw` leaves out the clamp, so that M = 1 with all other parameters
    zero gives S itself.

    Where M is wide enough, the result equals round-half-up(scale * S + offset) in exact rational
    arithmetic for every S. 18 bits are enough for weights at k = 1 and 4-bit codes, 24 bits for
    k = 8 and 4-bit codes; with k = 8 and 8-bit codes some channels need more than 31 bits. The
    export certifies, channel by channel, which are exact.

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

    LATENCY = 5

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
        config, parameters = self.config, self.parameters
        width = config.bias_width + 2  # Mr x r is narrower than M x S
        # Whether each cycle's registers take a word now
        valid = delays(m, self.valid, self.LATENCY, advance=self.advance, name="valid")
        steps = [word & self.advance for word in valid[:-1]]
        mode = data.StructLayout({"shift": SHIFT_BITS, "limit": ACTIVATION_BITS, "raw": 1})
        modes = [Signal(mode, name=f"mode_{index}", reset_less=True) for index in range(4)]
        for index, step in enumerate(steps[1:4]):
            with m.If(step):
                m.d.sync += modes[index + 1].eq(modes[index])

        # Cycle 0: multiply M by the two halves of S
        half = config.sum_width // 2
        parts = (self.total[:half], self.total[half:].as_signed())
        products = [
            Signal((parameters.multiplier * part).shape(), name=f"product_{index}", reset_less=True)
            for index, part in enumerate(parts)
        ]
        residual = Signal(
            signed(config.residual_multiplier_bits + ACTIVATION_BITS), reset_less=True
        )
        bias = Signal(signed(config.bias_width), reset_less=True)
        with m.If(steps[0]):
            m.d.sync += [
                *(
                    product.eq(parameters.multiplier * part)
                    for product, part in zip(products, parts, strict=True)
                ),
                residual.eq(parameters.residual_multiplier * self.residual),
                bias.eq(parameters.bias),
                modes[0].shift.eq(parameters.shift),
                modes[0].limit.eq(self.limit),
                modes[0].raw.eq(self.raw),
            ]

        # Cycles 1 and 2: add
        product = Signal(signed(width), reset_less=True)
        rest = Signal(signed(width), reset_less=True)
        with m.If(steps[1]):
            m.d.sync += product.eq(products[0] + (products[1] << half))
            m.d.sync += rest.eq(residual + bias)
        total = Signal(signed(width), reset_less=True)
        with m.If(steps[2]):
            m.d.sync += total.eq(product + rest)

        # Cycles 3 and 4: shift and clamp
        shifted = Signal(signed(width), reset_less=True)
        with m.If(steps[3]):
            m.d.sync += shifted.eq(total >> modes[2].shift)
        limit, raw = modes[3].limit, modes[3].raw
        clamped = Mux(shifted < 0, 0, Mux(shifted > limit, limit, shifted))
        result = Signal(self.result.shape(), reset_less=True)
        with m.If(steps[4]):
            m.d.sync += result.eq(Mux(raw, shifted, clamped))
        m.d.comb += self.result.eq(result)

        return m
