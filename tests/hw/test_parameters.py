import pytest

from tests.support import put, simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.parameters import ParameterLoader


@pytest.mark.parametrize("requantisers", [1, 2, 4, 8])
def test_two_sets_load_and_a_third_waits_for_release(requantisers):
    config = ArrayConfig(2, 4, 1, 1, 8, requantisers)
    dut = ParameterLoader(config)
    writes, moments = [], {}

    async def load(ctx):
        for index in range(3 * config.cols):
            await put(ctx, dut.parameters, {"bias": index})

    async def watch(ctx):
        async for _, _, write, unit, turn, bank, params in ctx.tick().sample(
            dut.write, dut.unit, dut.turn, dut.write_bank, dut.parameters.payload
        ):
            if write:
                writes.append((unit, turn, bank, params.bias))

    async def claim(ctx):
        await ctx.tick().repeat(20)
        moments["full"] = len(writes)
        assert ctx.get(dut.available)
        banks = []
        for _ in range(2):
            banks.append(ctx.get(dut.next_bank))
            ctx.set(dut.claim, 1)
            await ctx.tick()
            ctx.set(dut.claim, 0)
            assert ctx.get(dut.bank) == banks[-1]
        assert banks == [0, 1]
        assert not ctx.get(dut.available)
        ctx.set(dut.release, 1)
        await ctx.tick()
        ctx.set(dut.release, 0)
        await ctx.tick().repeat(20)
        assert ctx.get(dut.available)
        assert ctx.get(dut.next_bank) == 0

    simulate(dut, load, claim, background=[watch])

    assert moments["full"] == 2 * config.cols
    expected = [
        (column % config.row_units, column // config.row_units, loaded % 2, loaded * 4 + column)
        for loaded in range(3)
        for column in range(4)
    ]
    assert writes == expected
