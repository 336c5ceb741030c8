"""Cocotb bench of the AXI top, against an independent AXI implementation (cocotbext-axi)."""

import itertools
import json
import logging
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamSink,
    AxiStreamSource,
)

from truncmac.golden import Gemm
from truncmac.hw.axi.ports import word_strides
from truncmac.hw.axi.registers import MAP_VERSION, REGISTERS
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.command import CommandError
from truncmac.hw.config import ArrayConfig
from truncmac.hw.counters import COUNTERS
from truncmac.sim.axi.host import (
    decode_results,
    job_registers,
    job_streams,
    stream_words,
)
from truncmac.sim.cycles.axi import axi_counters, bus_gaps
from truncmac.sim.cycles.job import Job
from truncmac.sim.rtl.stimulus import random_gemms

CONFIG = ArrayConfig(*json.loads(os.environ["TRUNCMAC_SIZES"]))
WIDTHS = BusWidths(*json.loads(os.environ["TRUNCMAC_WIDTHS"]))
ADDRESS = {register.name: register.address for register in REGISTERS}
START, CLEAR, IRQ_ENABLE = 1, 2, 1 << 8
BUSY, DONE, ERROR = 1, 2, 4


class Host:
    """Drives all ports of the top, with pauses in `stall` of the cycles."""

    def __init__(self, dut, stall=0.0):
        for name in ("cocotb.truncmac_axi", "cocotb"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.dut = dut
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, **reset)
        self.sources = {
            name: AxiStreamSource(
                AxiStreamBus.from_prefix(dut, f"s_axis_{name}"), dut.aclk, **reset
            )
            for name in ("activations", "weights", "parameters", "residuals")
        }
        self.sink = AxiStreamSink(
            AxiStreamBus.from_prefix(dut, "m_axis_results"), dut.aclk, **reset
        )
        if stall:
            noise = random.Random(cocotb.RANDOM_SEED)
            channels = [self.sink, *self.sources.values()]
            channels += [self.registers.write_if.aw_channel, self.registers.write_if.w_channel]
            channels += [self.registers.write_if.b_channel, self.registers.read_if.ar_channel]
            channels += [self.registers.read_if.r_channel]
            for channel in channels:
                channel.set_pause_generator(noise.random() < stall for _ in itertools.count())

    async def reset(self, cycles=3):
        Clock(self.dut.aclk, 10, unit="ns").start()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, cycles)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)

    async def write(self, name, value):
        await self.registers.write_dword(ADDRESS[name], value)

    async def read(self, name):
        return await self.registers.read_dword(ADDRESS[name])

    async def run(self, gemm, ahead=0, **changes):
        """Run one job to its end, its streams sent `ahead` cycles before; return the status."""
        for name, value in (job_registers(gemm, CONFIG) | changes).items():
            await self.write(name, value)
        for name, data in job_streams(gemm, CONFIG, WIDTHS).items():
            if data:
                self.sources[name].send_nowait(data)
        if ahead:
            await ClockCycles(self.dut.aclk, ahead)
        await self.write("control", START | IRQ_ENABLE)
        if not self.dut.irq.value:
            await RisingEdge(self.dut.irq)
        status = await self.read("status")
        assert status & DONE and not status & BUSY
        await self.write("status", DONE)
        assert not self.dut.irq.value
        return status


async def exact(host, gemm, ahead=0):
    """Run a product and compare each output, and that each stream was taken to its end."""
    status = await host.run(gemm, ahead)
    assert not status & ERROR
    frame = await with_timeout(host.sink.recv(), 1, "ms")
    assert all(frame.tkeep) if isinstance(frame.tkeep, list) else True
    outputs = decode_results(bytes(frame.tdata), gemm, CONFIG)
    np.testing.assert_array_equal(outputs, gemm.outputs(), err_msg=gemm.name)
    for name, source in host.sources.items():
        assert source.empty() and source.idle(), name
    assert host.sink.empty()


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def jobs_equal_golden(dut):
    host = Host(dut)
    await host.reset()
    for gemm in random_gemms(CONFIG, count=3, seed=11):
        await exact(host, gemm)


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def jobs_equal_golden_with_stalls_on_every_channel(dut):
    host = Host(dut, stall=0.4)
    await host.reset()
    for gemm in random_gemms(CONFIG, count=3, seed=12):
        await exact(host, gemm)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def registers_read_as_documented(dut):
    host = Host(dut, stall=0.2)
    await host.reset()
    assert await host.read("version") == MAP_VERSION
    sizes = await host.read("sizes")
    assert (sizes & 511, sizes >> 9 & 511, sizes >> 18 & 511, sizes >> 27) == (
        CONFIG.rows,
        CONFIG.cols,
        CONFIG.lanes,
        CONFIG.planes,
    )
    assert await host.read("max_beats") == CONFIG.max_beats
    for register in REGISTERS:
        mask = sum(field.mask for field in register.fields if field.access == "rw")
        if mask:
            await host.registers.write_dword(register.address, 0xFFFFFFFF & ~3)
            assert await host.registers.read_dword(register.address) == mask & ~3
            await host.registers.write_dword(register.address, 0)
            assert await host.registers.read_dword(register.address) == 0
    await host.registers.write(ADDRESS["beats"] + 1, b"\x12")  # one byte, by WSTRB
    assert await host.read("beats") == 0x1200
    for access in (host.registers.read(0xF8, 4), host.registers.write(0xF8, bytes(4))):
        assert (await access).resp == AxiResp.SLVERR


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def counters_count_and_clear(dut):
    host = Host(dut)
    await host.reset()
    gemm = max(random_gemms(CONFIG, bits=[3], count=6, seed=1), key=lambda gemm: gemm.rows)
    await exact(host, gemm)
    counters = {name: await host.read(f"count_{name}") for name in COUNTERS}
    registers = job_registers(gemm, CONFIG)
    tiles = registers["row_tiles"] * registers["column_tiles"]
    assert counters["tiles"] == tiles
    assert counters["beats"] == tiles * registers["beats"]
    assert counters["chunks"] == counters["beats"] * -(-3 // CONFIG.planes)
    assert counters["cycles"] >= counters["busy"] >= counters["chunks"]
    await host.write("control", CLEAR)
    assert [await host.read(f"count_{name}") for name in COUNTERS] == [0] * len(COUNTERS)


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def counters_equal_the_model_at_any_width_of_the_buses(dut):
    host = Host(dut)
    await host.reset()
    many = (12 * CONFIG.rows, CONFIG.max_reduction, 3 * CONFIG.cols)  # the queues fill up
    rng = np.random.default_rng(0)
    long = Gemm(
        name="long",
        activations=rng.integers(0, 256, many[:2], np.uint8),
        codes=rng.integers(0, 256, many[1:], np.uint8),
        bits=2,
        offset=3,
    )
    gemms = [*random_gemms(CONFIG, bits=[1, 3, 8], count=4, seed=21), long]
    jobs = [Job.of(gemm, CONFIG) for gemm in gemms]
    ahead = 2 * CONFIG.cols * bus_gaps(CONFIG, WIDTHS, raw=False).parameters + 64
    expected = axi_counters(CONFIG, jobs, WIDTHS)
    counted = []
    for gemm, counters in zip(gemms, expected, strict=True):
        await host.write("control", CLEAR)
        await exact(host, gemm, ahead)
        found = {name: await host.read(f"count_{name}") for name in COUNTERS}
        counted.append(list(found.values()))
        assert found == counters, gemm.name
    Path("counted.json").write_text(
        json.dumps({"jobs": [list(vars(job).values()) for job in jobs], "counters": counted})
    )


BAD_JOBS = [
    *(({"bits": bits}, CommandError.TOO_MANY_BITS) for bits in (9, 12, 15)),
    ({"bits": 0}, CommandError.ZERO_BITS),
    ({"beats": 0}, CommandError.ZERO_BEATS),
    ({"beats": CONFIG.max_beats + 1}, CommandError.TOO_MANY_BEATS),
    ({"row_tiles": 0}, CommandError.ZERO_TILES),
    ({"column_tiles": 0}, CommandError.ZERO_TILES),
    ({"row_tiles": 0, "column_tiles": 0}, CommandError.ZERO_TILES),
]
GRIDS = [(1, 1), (2, 3)]  # tiles along rows and columns
OUTPUTS = [0xFF, 0x100, 0x2FF]  # codes, S, codes with a residual


@cocotb.test(timeout_time=80, timeout_unit="ms")
async def a_bad_job_takes_the_words_that_are_documented_and_the_next_is_right(dut):
    host = Host(dut, stall=0.2)
    await host.reset()
    gemms = [gemm for gemm in random_gemms(CONFIG, bits=[8], count=12, seed=3) if gemm.rows > 1]
    cases = itertools.product(BAD_JOBS, GRIDS)
    for index, ((changes, error), (row_tiles, column_tiles)) in enumerate(cases):
        output = OUTPUTS[index % len(OUTPUTS)]
        job = {"bits": 5, "beats": 2, "row_tiles": row_tiles, "column_tiles": column_tiles}
        job |= {"offset": 31, "output": output} | changes
        for name, value in job.items():
            await host.write(name, value)
        for name, count in stream_words(job, CONFIG).items():
            stride = word_strides(CONFIG, WIDTHS)[name]
            if count:
                host.sources[name].send_nowait(b"\xff" * (count * stride))
        await host.write("control", START | IRQ_ENABLE)
        if not dut.irq.value:
            await RisingEdge(dut.irq)
        status = await host.read("status")
        assert status & (DONE | ERROR) == DONE | ERROR
        assert status >> 8 & 7 == error.value, job
        await host.write("status", DONE | ERROR)
        for name, source in host.sources.items():
            assert source.empty() and source.idle(), (name, job)
        assert host.sink.empty(), job
        await exact(host, gemms[index % len(gemms)])


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def reset_in_the_middle_of_a_job(dut):
    host = Host(dut)
    await host.reset()
    gemms = random_gemms(CONFIG, bits=[5, 8], count=4, seed=8)
    for gemm in gemms:
        for name, value in job_registers(gemm, CONFIG).items():
            await host.write(name, value)
        for name, data in job_streams(gemm, CONFIG, WIDTHS).items():
            if data:
                host.sources[name].send_nowait(data)
        await host.write("control", START)
        await ClockCycles(dut.aclk, random.Random(len(gemm.name)).randrange(1, 60))
        dut.aresetn.value = 0
        await ClockCycles(dut.aclk, 1)
        dut.aresetn.value = 1
        for channel in (*host.sources.values(), host.sink):
            channel.clear()
        await ClockCycles(dut.aclk, 3)
        for channel in (*host.sources.values(), host.sink):
            channel.clear()
        assert await host.read("status") == 0
        await exact(host, gemm)
