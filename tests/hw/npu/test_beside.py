"""An operation is kept until it is done; the next is told only then."""

from amaranth.lib import data

from tests.support import simulate
from truncmac.hw.npu.beside import Beside


def test_the_next_waits_and_what_is_kept_stays():
    dut = Beside(data.StructLayout({"what": 8}))

    async def testbench(ctx):
        assert not ctx.get(dut.busy) and not ctx.get(dut.kept.valid)
        ctx.set(dut.given.payload, {"what": 5})
        ctx.set(dut.given.valid, 1)
        assert ctx.get(dut.given.ready)
        await ctx.tick()
        ctx.set(dut.given.payload, {"what": 9})
        for _ in range(3):
            assert ctx.get(dut.busy) and not ctx.get(dut.given.ready)
            assert ctx.get(dut.kept.valid) and ctx.get(dut.kept.p.what) == 5
            await ctx.tick()
        ctx.set(dut.kept.ready, 1)
        await ctx.tick()
        assert not ctx.get(dut.busy) and ctx.get(dut.given.ready)
        await ctx.tick()
        assert ctx.get(dut.kept.p.what) == 9

    simulate(dut, testbench)
