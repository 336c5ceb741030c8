import pytest

from tests.support import simulate
from truncmac.hw.axi.lite import AxiLiteRegisters
from truncmac.hw.axi.registers import BusRegister, Field

MAP = (
    BusRegister("first", 0x00, (Field("low", 0, 12, "rw", ""), Field("go", 16, 1, "start", ""))),
    BusRegister("second", 0x04, (Field("state", 4, 8, "ro", ""), Field("hit", 0, 1, "event", ""))),
)
OKAY, SLVERR = 0, 2


@pytest.fixture
def dut():
    return AxiLiteRegisters(MAP)


async def write(ctx, dut, address, data, strobe=15):
    ctx.set(dut.s_axil_awaddr, address)
    ctx.set(dut.s_axil_wdata, data)
    ctx.set(dut.s_axil_wstrb, strobe)
    ctx.set(dut.s_axil_awvalid, 1)
    await ctx.tick()  # the address alone is not taken
    ctx.set(dut.s_axil_wvalid, 1)
    await ctx.tick().until(dut.s_axil_awready & dut.s_axil_wready)
    ctx.set(dut.s_axil_awvalid, 0)
    ctx.set(dut.s_axil_wvalid, 0)
    await ctx.tick().repeat(2)
    ctx.set(dut.s_axil_bready, 1)
    (response,) = await ctx.tick().sample(dut.s_axil_bresp).until(dut.s_axil_bvalid)
    ctx.set(dut.s_axil_bready, 0)
    return response


async def read(ctx, dut, address):
    ctx.set(dut.s_axil_araddr, address)
    ctx.set(dut.s_axil_arvalid, 1)
    await ctx.tick().until(dut.s_axil_arready)
    ctx.set(dut.s_axil_arvalid, 0)
    await ctx.tick().repeat(2)
    ctx.set(dut.s_axil_rready, 1)
    sampled = ctx.tick().sample(dut.s_axil_rdata, dut.s_axil_rresp)
    data, response = await sampled.until(dut.s_axil_rvalid)
    ctx.set(dut.s_axil_rready, 0)
    return data, response


def test_written_bytes_are_read_back(dut):
    async def drive(ctx):
        assert await write(ctx, dut, 0, 0xFFFF_FABC) == OKAY
        assert await read(ctx, dut, 0) == (0xABC, OKAY)
        assert await write(ctx, dut, 0, 0x0000_0123, strobe=1) == OKAY
        assert ctx.get(dut.first_low) == 0xA23

    simulate(dut, drive)


def test_start_is_high_for_one_cycle(dut):
    cycles = []

    async def drive(ctx):
        await write(ctx, dut, 0, 1 << 16)
        await write(ctx, dut, 0, 1 << 16, strobe=3)  # not the byte of `go`
        assert await read(ctx, dut, 0) == (0, OKAY)

    async def watch(ctx):
        async for _, _, go in ctx.tick().sample(dut.first_go):
            cycles.append(go)

    simulate(dut, drive, background=[watch])
    assert sum(cycles) == 1


def test_an_event_stays_until_it_is_cleared(dut):
    async def drive(ctx):
        ctx.set(dut.second_state, 0x5A)
        ctx.set(dut.second_hit, 1)
        await ctx.tick()
        ctx.set(dut.second_hit, 0)
        assert await read(ctx, dut, 4) == (0x5A1, OKAY)
        await write(ctx, dut, 4, 0)
        assert ctx.get(dut.second_hit_seen)
        await write(ctx, dut, 4, 1)
        assert await read(ctx, dut, 4) == (0x5A0, OKAY)

    simulate(dut, drive)


def test_an_address_without_a_register_is_an_error(dut):
    async def drive(ctx):
        assert await write(ctx, dut, 8, 1) == SLVERR
        assert (await read(ctx, dut, 0xFC))[1] == SLVERR
        assert await write(ctx, dut, 0, 1) == OKAY

    simulate(dut, drive)
