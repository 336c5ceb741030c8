"""A requantiser that takes several cycles for a word, with narrower multipliers."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from truncmac.hw.config import ACTIVATION_BITS
from truncmac.hw.delays import delays
from truncmac.hw.requantiser import parameters_layout
from truncmac.integers import ceil_div

__all__ = ["SerialRequantiser"]


class SerialRequantiser(wiring.Component):
    """What `hw.requantiser` computes, for a word every `cycles` cycles.

    S and r are multiplied digit by digit, the highest first. The inputs hold from the cycle in
    which `valid` is high until `cycles` - 1 cycles later, in which no other word may be valid.

    Parameters
    ----------
    config : ArrayConfig
    cycles : int, at least 2

    Members
    -------
    advance, valid, total, residual, parameters, limit, raw : In, as of `hw.requantiser`
    result : Out, `latency` cycles after `valid`
    """

    def __init__(self, config, cycles):
        self.config = config
        self.cycles = cycles
        self.latency = cycles + 3
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
        wide = signed(config.bias_width + 2)
        valid = delays(m, self.valid, self.latency, advance=self.advance, name="valid")
        steps = [word & self.advance for word in valid]
        digits, last = steps[: self.cycles], self.cycles - 1

        # Cycles 0 to `cycles` - 1: a digit of S and of r each, and the bias with the last
        product, rest = Signal(wide, reset_less=True), Signal(wide, reset_less=True)
        sums = self._digit(m, digits, self.total, config.sum_width)
        codes = self._digit(m, digits, self.residual, ACTIVATION_BITS + 1)
        bias = Mux(valid[last], parameters.bias, 0)
        for register, multiplier, (digit, width), extra in (
            (product, parameters.multiplier, sums, 0),
            (rest, parameters.residual_multiplier, codes, bias),
        ):
            with m.If(Cat(digits).any()):
                before = Mux(valid[0], 0, register.shift_left(width))
                m.d.sync += register.eq(before + multiplier * digit + extra)
        shift, shift_next = (Signal.like(parameters.shift, reset_less=True) for _ in range(2))
        limits = [Signal(ACTIVATION_BITS, reset_less=True, name=f"limit_{i}") for i in range(3)]
        raws = [Signal(reset_less=True, name=f"raw_{i}") for i in range(3)]
        with m.If(steps[last]):
            m.d.sync += shift.eq(parameters.shift)
            m.d.sync += [limits[0].eq(self.limit), raws[0].eq(self.raw)]

        # Then add, shift and clamp
        total, shifted = Signal(wide, reset_less=True), Signal(wide, reset_less=True)
        with m.If(steps[last + 1]):
            m.d.sync += [total.eq(product + rest), shift_next.eq(shift)]
            m.d.sync += [limits[1].eq(limits[0]), raws[1].eq(raws[0])]
        with m.If(steps[last + 2]):
            m.d.sync += shifted.eq(total >> shift_next)
            m.d.sync += [limits[2].eq(limits[1]), raws[2].eq(raws[1])]
        limit, result = limits[2], Signal(self.result.shape(), reset_less=True)
        clamped = Mux(shifted < 0, 0, Mux(shifted > limit, limit, shifted))
        with m.If(steps[last + 3]):
            m.d.sync += result.eq(Mux(raws[2], shifted, clamped))
        m.d.comb += self.result.eq(result)

        return m

    def _digit(self, m, digits, value, width):
        """Return the digit of `value`, signed, that is multiplied now, and a digit's bits."""
        size = ceil_div(width, self.cycles)
        digit = Signal(signed(size + 1))
        padded = Signal(signed(size * self.cycles))
        m.d.comb += padded.eq(value)
        for index, now in enumerate(digits):
            part = padded.word_select(self.cycles - 1 - index, size)
            with m.If(now):
                m.d.comb += digit.eq(part.as_signed() if index == 0 else part)
        return digit, size
