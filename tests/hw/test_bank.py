"""A bank keeps what is written, part by part, and holds what it read."""

from tests.support import simulate
from truncmac.hw.bank import Bank


def test_a_bank_writes_some_codes_and_holds_what_it_read():
    dut = Bank(2, 8, 8)

    async def testbench(ctx):
        async def access(address, write=0, given=0):
            for port, value in (("address", address), ("write", write), ("given", given)):
                ctx.set(getattr(dut, port), value)
            ctx.set(dut.enable, 1)
            await ctx.tick()
            ctx.set(dut.enable, 0)

        await access(3, 0b11, 0x1234)
        await access(3, 0b10, 0x5678)
        await access(3)
        assert ctx.get(dut.answer) == 0x5634
        await access(5, 0b11, 0xFFFF)
        await ctx.tick()
        assert ctx.get(dut.answer) == 0x5634

    simulate(dut, testbench)
