"""Directed tests of the AXI top beside those of tests/verilog, for what those leave out."""

import random
import re

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiProt, AxiResp, AxiStreamFrame

from tests.coverage.stimulus import LONGEST, any_offset, extremes
from tests.verilog.axi_bench import (
    ADDRESS,
    CLEAR,
    CONFIG,
    DONE,
    ERROR,
    IRQ_ENABLE,
    START,
    WIDTHS,
    Host,
    exact,
)
from truncmac.golden import Gemm, Requantisation
from truncmac.hw.axi.registers import REGISTERS
from truncmac.hw.axi.stream import word_stride
from truncmac.hw.command import CommandError
from truncmac.hw.counters import COUNTERS
from truncmac.hw.streams import word_bits
from truncmac.sim.axi.host import decode_results, job_registers, job_streams
from truncmac.sim.rtl.stimulus import random_gemms

INPUTS = ("activations", "weights", "parameters", "residuals")
RAW = 1 << 8  # of the register `output`
WORDS = {name: word_bits(CONFIG)[name] for name in INPUTS}


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def operands_at_the_ends_of_their_ranges(dut):
    host = Host(dut)
    await host.reset()
    for gemm in [*extremes(CONFIG), *any_offset(CONFIG, 1)]:
        await exact(host, gemm)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def every_address_answers_every_strobe(dut):
    noise = random.Random(1)
    host = Host(dut, stall=0.2)
    await host.reset()
    bus = host.registers
    known = {register.address: register for register in REGISTERS}
    values = dict.fromkeys(known, 0)
    fixed = {address: await bus.read_dword(address) for address in known}
    for address in 3 * list(range(0, 256, 4)):
        strobes = noise.randrange(1, 4), noise.randrange(4)  # bytes, from which on
        size = min(strobes[0], 4 - strobes[1])
        data = noise.randbytes(size)
        if address == ADDRESS["control"]:
            data = bytes(byte & 0xFC for byte in data)  # no start
        prot = AxiProt(noise.randrange(8))
        written = await bus.write(address + strobes[1], data, prot=prot)
        read = await bus.read(address, 4, prot=prot)
        answer = AxiResp.OKAY if address in known else AxiResp.SLVERR
        assert (written.resp, read.resp) == (answer, answer), hex(address)
        found = int.from_bytes(read.data, "little")
        if address not in known:
            assert found == 0
            continue
        low = 8 * strobes[1]
        bits = (1 << 8 * size) - 1 << low
        value = int.from_bytes(data, "little") << low
        mask = sum(field.mask for field in known[address].fields if field.access == "rw")
        values[address] = values[address] & ~bits | value & bits & mask
        assert found == (fixed[address] & ~mask | values[address]), hex(address)
    for low in (3, 0):  # the lowest two bits of an address are not looked at
        dut.s_axil_araddr.value = ADDRESS["beats"] + low
        dut.s_axil_arvalid.value = 1
        await RisingEdge(dut.aclk)
        while not dut.s_axil_arready.value:
            await RisingEdge(dut.aclk)
        dut.s_axil_arvalid.value = 0
        while not dut.s_axil_rvalid.value:
            await RisingEdge(dut.aclk)
        assert dut.s_axil_rdata.value == values[ADDRESS["beats"]]


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def counters_wrap(dut):
    host = Host(dut, stall=0.5)
    await host.reset()
    counters = _part(dut.core, "counters")
    gemms = random_gemms(CONFIG, bits=[2], count=6, seed=5)
    gemm = max(gemms, key=lambda gemm: gemm.rows * gemm.columns * (gemm.requant is not None))
    before = (1 << 32) - 2
    for begin in (before, 0):
        await host.write("control", CLEAR)
        for name in COUNTERS:
            getattr(counters, name).value = begin
            assert await host.read(f"count_{name}") == begin
        await exact(host, gemm)
        found = {name: await host.read(f"count_{name}") for name in COUNTERS}
        counts = {name: found[name] - begin & (1 << 32) - 1 for name in COUNTERS}
        assert counts["chunks"] == counts["beats"] < counts["busy"] < counts["cycles"] < 1 << 31


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_job_with_as_many_tiles_as_there_may_be_ends(dut):
    host = Host(dut)
    await host.reset()
    most = (1 << 16) - 1
    job = {"row_tiles": most, "column_tiles": most, "beats": 0, "bits": 15, "output": 0x1FF}
    for name, value in job.items():
        await host.write(name, value)
    await host.write("control", START | IRQ_ENABLE)
    await ClockCycles(dut.aclk, 100)
    # The last but some of its tiles, all of which are in error and give nothing
    job = _part(dut, "job")
    job.row.value = most - 9
    job.column.value = most - 1
    job.tiles.value = (1 << 32) - 5
    await RisingEdge(dut.irq)
    assert await host.read("status") == DONE | ERROR | CommandError.TOO_MANY_BITS.value << 8
    await host.write("status", DONE | ERROR)
    for gemm in random_gemms(CONFIG, bits=[3, 6], count=2, seed=6):
        await exact(host, gemm)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def the_longest_command_is_refused_and_its_data_consumed(dut):
    noise = random.Random(2)
    host = Host(dut)
    await host.reset()
    job = {"row_tiles": 1, "column_tiles": 1, "beats": LONGEST, "bits": 3, "offset": 511}
    for name, value in (job | {"output": 0x1FF}).items():
        await host.write(name, value)
    _send(host, "activations", LONGEST, noise)
    _send(host, "weights", 2 * LONGEST, noise)
    await host.write("control", START | IRQ_ENABLE)
    await RisingEdge(dut.irq)
    assert await host.read("status") == DONE | ERROR | CommandError.TOO_MANY_BEATS.value << 8
    await host.write("status", DONE | ERROR)
    for name, source in host.sources.items():
        assert source.empty() and source.idle(), name
    # Weights only, so that commands and blocks wait in all queues
    for name, value in (job | {"column_tiles": 8, "bits": 5}).items():
        await host.write(name, value)
    _send(host, "weights", 3 * LONGEST, noise)
    await host.write("control", START)
    while not host.sources["weights"].empty() or not host.sources["weights"].idle():
        await ClockCycles(dut.aclk, 100)
    await _abandon(host)
    for gemm in random_gemms(CONFIG, bits=[2, 7], count=6, seed=7):
        await exact(host, gemm)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def weights_serve_as_many_tiles_as_there_may_be(dut):
    noise = random.Random(5)
    host = Host(dut)
    await host.reset()
    most = (1 << 16) - 1
    job = {"row_tiles": most, "column_tiles": 1, "beats": 1, "bits": 8, "output": RAW}
    small = Gemm(
        name="one block",
        activations=np.ones((1, 1), np.uint8),
        codes=np.ones((1, 1), np.uint8),
        bits=8,
        offset=1,
    )
    for before in (0, 1, 2, 3):  # so that the block is at each place of its queues
        for _ in range(before):
            await exact(host, small)
        for name, value in job.items():
            await host.write(name, value)
        _send(host, "activations", 3, noise)
        _send(host, "weights", CONFIG.chunks, noise)
        await host.write("control", START)
        await ClockCycles(dut.aclk, 400)
        buffer = dut.buffer
        assert (buffer.tile.value, buffer.weights__valid.value) == (4, 1)
        buffer.tile.value = most - 4
        _send(host, "activations", 5, noise)
        await ClockCycles(dut.aclk, 400)
        assert (buffer.tile.value, buffer.weights__valid.value) == (1, 0)
        await _abandon(host)
    for _ in range(4):
        await exact(host, small)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_reset_forgets_whatever_waits(dut):
    noise = random.Random(4)
    host = Host(dut)
    await host.reset()
    for _ in range(40):
        for name in ("bits", "beats", "row_tiles", "column_tiles", "offset", "output"):
            await host.write(name, noise.getrandbits(32))
        for name in WORDS:
            _send(host, name, noise.randrange(4), noise)
        await host.write("control", START)
        await ClockCycles(dut.aclk, noise.randrange(20, 60))
        await _abandon(host)
    for gemm in random_gemms(CONFIG, bits=[4], count=4, seed=10):
        await exact(host, gemm)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def each_stream_may_be_late(dut):
    host = Host(dut)
    await host.reset()
    rng = np.random.default_rng(4)
    shape = (2 * CONFIG.rows, 4, 3 * CONFIG.cols)
    gemm = Gemm(
        name="late",
        activations=rng.integers(0, 256, shape[:2], np.uint8),
        codes=rng.integers(0, 256, shape[1:], np.uint8),
        bits=8,
        offset=255,
        requant=Requantisation(
            multiplier=rng.integers(-(1 << 17), 1 << 17, shape[2]),
            bias=rng.integers(-(1 << 30), 1 << 30, shape[2]),
            shift=rng.integers(16, 30, shape[2]),
            out_bits=8,
            residual_multiplier=rng.integers(-(1 << 25), 1 << 25, shape[2]),
        ),
        residual=rng.integers(0, 256, (shape[0], shape[2]), np.uint8),
    )
    for late, source in host.sources.items():
        source.pause = True
        job = cocotb.start_soon(exact(host, gemm))
        await ClockCycles(dut.aclk, 400)
        source.pause = False
        await with_timeout(job, 1, "ms")
        assert source.idle(), late


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def what_stands_between_words_is_not_looked_at(dut):
    noise = random.Random(3)
    host = Host(dut, stall=0.1)
    await host.reset()
    for gemm in random_gemms(CONFIG, count=4, seed=9):
        for name, value in job_registers(gemm, CONFIG).items():
            await host.write(name, value)
        for name, data in job_streams(gemm, CONFIG, WIDTHS).items():
            if data:
                host.sources[name].send_nowait(_noisy(name, data, noise))
        await host.write("control", START | IRQ_ENABLE)
        if not dut.irq.value:
            await RisingEdge(dut.irq)
        assert not await host.read("status") & ERROR
        await host.write("status", DONE)
        frame = await with_timeout(host.sink.recv(), 1, "ms")
        outputs = decode_results(bytes(frame.tdata), gemm, CONFIG)
        np.testing.assert_array_equal(outputs, gemm.outputs(), err_msg=gemm.name)
        for name, source in host.sources.items():
            assert source.empty() and source.idle(), name


def _send(host, name, count, noise):
    """Give a stream so many words of noise."""
    stride = word_stride(WORDS[name], getattr(WIDTHS, name))
    if count:
        host.sources[name].send_nowait(noise.randbytes(count * stride))


async def _abandon(host):
    """One edge of reset, after which nothing is left."""
    dut = host.dut
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 1)
    dut.aresetn.value = 1
    for cycles in (3, 1):  # a source that was at work drops its frame only then
        for channel in (*host.sources.values(), host.sink):
            channel.clear()
        await ClockCycles(dut.aclk, cycles)
    assert await host.read("status") == 0


def _part(top, name):
    """The instance of this name; the generator numbers it where a signal has the same."""
    return next(part for part in top if re.fullmatch(rf"\\?{name}\$\d+ *", part._name))


def _noisy(name, data, noise):
    """The words of `data` with noise in their padding, and slots without a word among them."""
    width, bus = WORDS[name], getattr(WIDTHS, name)
    stride = word_stride(width, bus)
    shared = 8 * stride < bus  # a transfer has several slots
    whole, keep = bytearray(), []
    for start in range(0, len(data), stride):
        if shared:
            while noise.random() < 0.3:
                whole += noise.randbytes(stride)
                keep += [0] + [noise.randrange(2) for _ in range(stride - 1)]
        word = int.from_bytes(data[start : start + stride], "little")
        word |= noise.getrandbits(8 * stride - width) << width
        whole += word.to_bytes(stride, "little")
        keep += [1] + [noise.randrange(2) for _ in range(stride - 1)]
    return AxiStreamFrame(bytes(whole), tkeep=keep)
