"""The core behind three pins, so that place and route can measure it as a chip by itself."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Flow, In, Out

from .core import Core
from .hierarchy import shared
from .verilog import TOP

__all__ = ["PinSaver"]

FOLD = 4  # bits that a level of the output tree takes together: one look-up table


class PinSaver(wiring.Component):
    """A core whose inputs come from a shift register and whose outputs are folded to one bit.

    Every input of the core is a register that depends on `i`, and every output reaches `o`
    through registers. So nothing can be optimised away, and no path is long but the core's own.

    Parameters
    ----------
    config : ArrayConfig
        Sizes of the core.

    Members
    -------
    i : In, the next bit of the core's inputs
    o : Out, parity of the core's outputs, some cycles later
    """

    def __init__(self, config):
        self.config = config
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        core, m.submodules.core = shared(platform, TOP, lambda: Core(self.config))
        pins = {Flow.In: [], Flow.Out: []}
        for _, member, value in core.signature.flatten(core):
            pins[member.flow].append(value)
        inputs, outputs = Cat(pins[Flow.In]), Cat(pins[Flow.Out])
        chain = Signal(len(inputs), reset_less=True)
        m.d.sync += chain.eq(Cat(self.i, chain))
        m.d.comb += inputs.eq(chain)

        level = outputs
        depth = 0
        while True:
            registers = Signal(len(level), name=f"level_{depth}", reset_less=True)
            m.d.sync += registers.eq(level)
            if len(registers) == 1:
                break
            parts = [registers[start : start + FOLD] for start in range(0, len(registers), FOLD)]
            level = Cat(part.xor() for part in parts)
            depth += 1
        m.d.comb += self.o.eq(registers)

        return m
