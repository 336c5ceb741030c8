"""Registers that delay a value: by several cycles, or until they take the next one."""

from amaranth import Signal

__all__ = ["delays", "register"]


def delays(m, value, count, *, advance, name):
    """Return `value` and its `count` delayed copies, each a cycle later than the one before.

    The registers NAME_1, NAME_2, ... hold while `advance` is low.
    """
    taps = [value]
    for index in range(1, count + 1):
        tap = Signal(value.shape(), name=f"{name}_{index}")
        with m.If(advance):
            m.d.sync += tap.eq(taps[-1])
        taps.append(tap)
    return taps


def register(m, value, enable, *, name):
    """Return a register, without reset, that takes `value` in the cycles in which `enable` is high.

    It toggles in no other cycle, such as those of bubbles.
    """
    taken = Signal(value.shape(), name=name, reset_less=True)
    with m.If(enable):
        m.d.sync += taken.eq(value)
    return taken
