from amaranth import Module, Signal

from tests.support import simulate
from truncmac.hw.delays import delays, register

VALUES = [3, 7, 1, 0, 5, 2, 6, 4]
GOES_ON = [1, 1, 0, 1, 0, 0, 1, 1]


def run(build):
    """Play `VALUES` into what `build(m, value, enable)` makes; what its outputs were each cycle."""
    m = Module()
    value, enable = Signal(3, name="value"), Signal(name="enable")
    outputs = build(m, value, enable)
    seen = []

    async def bench(ctx):
        for number, goes_on in zip(VALUES, GOES_ON, strict=True):
            ctx.set(value, number)
            ctx.set(enable, goes_on)
            _, _, *found = await ctx.tick().sample(*outputs)
            seen.append(found)

    simulate(m, bench)
    return [list(column) for column in zip(*seen, strict=True)]


def expected(values):
    """The values a cycle later, held where the register does not go on."""
    held, found = 0, []
    for value, goes_on in zip(values, GOES_ON, strict=True):
        found.append(held)
        held = value if goes_on else held
    return found


def test_each_tap_is_a_cycle_later_and_holds_with_the_others():
    once = expected(VALUES)
    names = []

    def build(m, value, enable):
        taps = delays(m, value, 2, advance=enable, name="tap")
        names.extend(tap.name for tap in taps)
        return tuple(taps)

    assert run(build) == [VALUES, once, expected(once)]
    assert names == ["value", "tap_1", "tap_2"]


def test_a_register_takes_a_value_only_where_it_is_enabled():
    def build(m, value, enable):
        taken = register(m, value, enable, name="taken")
        assert taken.reset_less
        return (taken,)

    assert run(build) == [expected(VALUES)]
