"""Each event is counted, and nothing else; a clear wins."""

from tests.support import simulate
from truncmac.hw.npu.counters import NPU_COUNTERS, NpuCounters


def test_events_are_counted_each_for_itself():
    dut = NpuCounters()

    async def testbench(ctx):
        for _ in range(2):
            for turn in range(1, len(NPU_COUNTERS) + 1):
                events = {name: turn > index for index, name in enumerate(NPU_COUNTERS)}
                ctx.set(dut.events, events)
                await ctx.tick()
            counts = {name: len(NPU_COUNTERS) - index for index, name in enumerate(NPU_COUNTERS)}
            assert {name: ctx.get(dut.values[name]) for name in NPU_COUNTERS} == counts
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            assert not any(ctx.get(dut.values[name]) for name in NPU_COUNTERS)
        assert ctx.get(dut.values.fetching) == 0

    simulate(dut, testbench)
