from tests.support import simulate
from truncmac.hw.counters import COUNTERS, Counters


def test_each_counts_its_own_event_and_clear_zeroes_all():
    dut = Counters()

    async def drive(ctx):
        for index, name in enumerate(COUNTERS):
            ctx.set(dut.events, {name: 1})
            await ctx.tick().repeat(index + 1)
        ctx.set(dut.events, {})
        await ctx.tick()
        counts = [ctx.get(dut.values[name]) for name in COUNTERS]
        assert counts == list(range(1, len(COUNTERS) + 1))
        ctx.set(dut.events, dict.fromkeys(COUNTERS, 1))
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.values.as_value()) == 0
        ctx.set(dut.clear, 0)
        await ctx.tick()
        assert all(ctx.get(dut.values[name]) == 1 for name in COUNTERS)

    simulate(dut, drive)
