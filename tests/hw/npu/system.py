"""The NPU's top beside a memory, and a small program for it, for the tests."""

from collections import deque

import numpy as np
from amaranth.sim import Simulator

from tests.golden.programs import Memory, mapped, parameter_memory, sizes
from tests.golden.test_program import codes_of, conv_values
from truncmac.descriptors import Operation, Region, to_address
from truncmac.golden import MapPlace
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.registers import NPU_REGISTERS, REGION_ADDRESS
from truncmac.hw.npu.top import NpuTop
from truncmac.sim.npu.planning import machine_of

CONFIG = NpuConfig(array=ArrayConfig(2, 4, 2, 1, 64, 2), depth=32)
SPACE = 1 << 16  # of a region in memory, and more than it has
BASES = tuple(SPACE * number for number in range(4))
START, RESET, IRQ_ENABLE = 1, 2, 1 << 8
DONE, REFUSED = 2, 4
HALF = 5e-7
ADDRESSES = {register.name: register.address for register in NPU_REGISTERS}


def small_program(seed=0):
    """A program of every operation; the regions before it, and as the reference leaves them."""
    memory, chip = Memory(machine_of(CONFIG)), machine_of(CONFIG)
    begin = memory.begin

    def place(shape, group, base=0):
        return MapPlace.packed(shape, chip, group=group, base=base, tile_x=1)

    shape, wide = (2, 3, 3), (2, 3, 5)
    codes, weights = codes_of(shape, seed), codes_of((1, 2, 3, 5), seed + 1)
    memory.load(codes, place(shape, 0))
    values = conv_values(codes, weights, memory, bits=5, offset=31, pad_code=7)
    values |= sizes("output", wide) | mapped("input", place(shape, 0))
    ones = np.ones(5, np.int64)
    data = parameter_memory(multiplier=3 * ones, bias=900 * ones, shift=6 * ones)
    parameters = memory.data(data)
    memory.add(Operation.CONV, **values, parameters=parameters, **mapped("output", place(wide, 1)))
    memory.store(wide, place(wide, 1), address=to_address(Region.SCRATCH, 3))
    memory.add(
        Operation.SHORTCUT,
        **{"stride_x": 2, "stride_y": 1},
        **sizes("input", wide),
        **sizes("output", (2, 2, 6)),
        **mapped("input", place(wide, 1)),
        **mapped("output", place((2, 2, 6), 2)),
    )
    memory.store((2, 2, 6), place((2, 2, 6), 2), offset=1)
    memory.add(Operation.CONV, **values, raw=1, parameters=to_address(Region.OUTPUT, 28))
    for region in (Region.OUTPUT, Region.SCRATCH):
        memory.regions[region][:] = 0xA5
    before = {region: data.copy() for region, data in memory.regions.items()}
    used = {
        Region.PROGRAM: memory.end,
        Region.INPUT: codes.size,
        Region.OUTPUT: 28 + 4 * int(np.prod(wide)),
        Region.SCRATCH: 3 + int(np.prod(wide)),
    }
    memory.run(
        begin=begin(
            configuration=CONFIG.configuration,
            **{f"{region.name.lower()}_bytes": size for region, size in used.items()},
        )
    )
    before[Region.PROGRAM] = memory.regions[Region.PROGRAM]
    return before, memory.regions, used


class System:
    """An NPU, its clock, and a memory that answers after random times and with chosen errors.

    Attributes
    ----------
    bytes : of the memory
    sizes : bytes of each region; a burst outside them, or a write that is not of output or
        scratch, is an error of the test
    reads, writes : bursts that were issued since `forget()`
    errors : by ("read" or "write", number of the burst), the answer. After one nothing is offered
        but what was offered before.
    """

    def __init__(self, used, seed=0, busy=0.1):
        self.dut, self.rng, self.busy = NpuTop(CONFIG), np.random.default_rng(seed), busy
        self.size, self.bytes, self.sizes = CONFIG.bus_bytes, bytearray(4 * SPACE), dict(used)
        self.errors = {}
        self.forget()

    def forget(self):
        self.reads = self.writes = 0
        self.reading, self.writing, self.answers = deque(), deque(), deque()
        self.since = None  # cycles since the first error
        self.offered = {"ar": 0, "aw": 0}

    def fill(self, regions):
        for region, data in regions.items():
            self.bytes[BASES[region] : BASES[region] + SPACE] = data.tobytes()

    def region(self, region):
        return np.frombuffer(self.bytes[BASES[region] : BASES[region] + SPACE], np.uint8)

    def inside(self, address, count, regions):
        """Whether bytes are in one of the regions, as far as whole beats can tell."""
        size = self.size if count > 1 else 1
        return any(
            BASES[r] <= address and address + count <= BASES[r] + -(-self.sizes[r] // size) * size
            for r in regions
        )

    async def clock(self, ctx):
        while True:
            ctx.set(self.dut.aclk, 1)
            await ctx.delay(HALF)
            ctx.set(self.dut.aclk, 0)
            await ctx.delay(HALF)

    async def cycle(self, ctx, count=1):
        for _ in range(count):
            await ctx.negedge(self.dut.aclk)

    async def memory(self, ctx):
        """What is set at a falling edge is taken, and answered, at the rising one after it."""
        dut = self.dut
        while True:
            await ctx.negedge(dut.aclk)
            for name in ("arready", "awready", "wready"):
                ctx.set(getattr(dut, f"m_axi_{name}"), int(self.rng.random() >= self.busy))
            self.watch(ctx, dut)
            self.read(ctx, dut)
            self.write(ctx, dut)

    def watch(self, ctx, dut):
        """From the second cycle after an error on, no burst is offered anew."""
        for channel, before in self.offered.items():
            offered = ctx.get(getattr(dut, f"m_axi_{channel}valid"))
            if self.since is not None and self.since > 1:
                assert not offered or before, "a burst is begun after an error"
            taken = ctx.get(getattr(dut, f"m_axi_{channel}ready"))
            self.offered[channel] = offered and not taken
        if self.since is not None:
            self.since += 1

    def answer(self, error):
        if error and self.since is None:
            self.since = 0
        return error

    def read(self, ctx, dut):
        gives = bool(self.reading) and self.rng.random() >= self.busy
        ctx.set(dut.m_axi_rvalid, gives)
        if gives:
            address, left, number = self.reading[0]
            ctx.set(
                dut.m_axi_rdata, int.from_bytes(self.bytes[address : address + self.size], "little")
            )
            ctx.set(dut.m_axi_rresp, self.answer(self.errors.get(("read", number), 0)))
            ctx.set(dut.m_axi_rlast, left == 1)
            assert ctx.get(dut.m_axi_rready)
            self.reading[0] = (address + self.size, left - 1, number)
            if left == 1:
                self.reading.popleft()
        if ctx.get(dut.m_axi_arvalid) and ctx.get(dut.m_axi_arready):
            address, beats = ctx.get(dut.m_axi_araddr), ctx.get(dut.m_axi_arlen) + 1
            assert self.inside(address, beats * self.size, Region), hex(address)
            self.reading.append((address, beats, self.reads))
            self.reads += 1

    def write(self, ctx, dut):
        answers = bool(self.answers) and self.rng.random() >= self.busy
        ctx.set(dut.m_axi_bvalid, answers)
        if answers:
            error = self.errors.get(("write", self.answers.popleft()), 0)
            ctx.set(dut.m_axi_bresp, self.answer(error))
            assert ctx.get(dut.m_axi_bready)
        if ctx.get(dut.m_axi_wvalid) and ctx.get(dut.m_axi_wready):
            address, number = self.writing[0]
            data, strobe = ctx.get(dut.m_axi_wdata), ctx.get(dut.m_axi_wstrb)
            for byte in range(self.size):
                if strobe >> byte & 1:
                    place = address + byte
                    assert self.inside(place, 1, (Region.OUTPUT, Region.SCRATCH)), hex(place)
                    self.bytes[place] = data >> 8 * byte & 255
            self.writing[0] = (address + self.size, number)
            if ctx.get(dut.m_axi_wlast):
                self.writing.popleft()
                self.answers.append(number)
        if ctx.get(dut.m_axi_awvalid) and ctx.get(dut.m_axi_awready):
            self.writing.append((ctx.get(dut.m_axi_awaddr), self.writes))
            self.writes += 1

    async def put(self, ctx, address, value):
        """Write a register; the answer."""
        dut = self.dut
        values = {"awaddr": address, "wdata": value, "wstrb": 15, "awvalid": 1, "wvalid": 1}
        for name, each in (values | {"bready": 1}).items():
            ctx.set(getattr(dut, f"s_axil_{name}"), each)
        assert ctx.get(dut.s_axil_awready) and ctx.get(dut.s_axil_wready)
        await self.cycle(ctx)
        ctx.set(dut.s_axil_awvalid, 0)
        ctx.set(dut.s_axil_wvalid, 0)
        assert ctx.get(dut.s_axil_bvalid)
        return ctx.get(dut.s_axil_bresp)

    async def take(self, ctx, address):
        """Read a register."""
        dut = self.dut
        ctx.set(dut.s_axil_araddr, address)
        ctx.set(dut.s_axil_arvalid, 1)
        ctx.set(dut.s_axil_rready, 1)
        await self.cycle(ctx)
        ctx.set(dut.s_axil_arvalid, 0)
        assert ctx.get(dut.s_axil_rvalid)
        return ctx.get(dut.s_axil_rdata)

    async def status(self, ctx):
        """Flags, fault and index."""
        value = await self.take(ctx, ADDRESSES["status"])
        return value & 0xFF, value >> 8, await self.take(ctx, ADDRESSES["index"])

    async def reset(self, ctx):
        """Reset the NPU and its memory's answers, and tell it its regions."""
        dut = self.dut
        ctx.set(dut.aresetn, 0)
        self.forget()
        for name in ("rvalid", "bvalid"):
            ctx.set(getattr(dut, f"m_axi_{name}"), 0)
        await self.cycle(ctx)
        self.forget()
        ctx.set(dut.aresetn, 1)
        for region in Region:
            await self.put(ctx, REGION_ADDRESS + 8 * region, BASES[region])
            await self.put(ctx, REGION_ADDRESS + 8 * region + 4, self.sizes[region])
        await self.put(ctx, ADDRESSES["control"], IRQ_ENABLE)

    async def run(self, ctx):
        """From start to interrupt: flags, fault and index; the interrupt is cleared."""
        self.forget()
        await self.put(ctx, ADDRESSES["control"], IRQ_ENABLE | START)
        while not ctx.get(self.dut.irq):
            await self.cycle(ctx)
        found = await self.status(ctx)
        await self.put(ctx, ADDRESSES["status"], DONE | REFUSED)
        assert not ctx.get(self.dut.irq)
        return found

    def play(self, testbench, cycles=30_000):
        """Run a testbench after a reset; one that does not end fails."""

        async def bench(ctx):
            await self.cycle(ctx)
            await self.reset(ctx)
            await testbench(ctx)

        async def watchdog(ctx):
            await ctx.delay(2 * HALF * cycles)
            raise TimeoutError(f"not finished after {cycles} cycles")

        sim = Simulator(self.dut)
        sim.add_testbench(bench)
        for each in (self.clock, self.memory, watchdog):
            sim.add_testbench(each, background=True)
        sim.run()
