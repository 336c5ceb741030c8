"""Descriptors are read one ahead, checked, and given in order; convolutions are told early."""

from collections import deque

import numpy as np
import pytest

from tests.hw.npu.sequences import ALL, CONFIGS, program, wrong_programs
from tests.support import get, simulate
from truncmac.descriptors import DESCRIPTOR_BYTES, Operation, ProgramFault
from truncmac.hw.npu.ahead import DescriptorReader


class Play:
    """A memory with a program, and who is told of its convolutions."""

    def __init__(self, config, rng, busy):
        self.dut, self.rng, self.busy = DescriptorReader(config), rng, busy
        self.size = config.bus_bytes
        self.parts, self.entry, self.asked, self.told = [], 0, [], []

    def idle(self):
        return bool(self.rng.random() < self.busy)

    async def memory(self, ctx):
        dut, beats = self.dut, deque()
        while True:
            asks, gives = not self.idle(), bool(beats) and not self.idle()
            ctx.set(dut.requests.ready, asks)
            ctx.set(dut.data.valid, gives)
            if gives:
                ctx.set(dut.data.payload, beats[0])
            _, _, valid, request, takes = await ctx.tick().sample(
                dut.requests.valid, dut.requests.payload, dut.data.ready
            )
            if gives and takes:
                beats.popleft()
            if valid and asks:
                assert request.bytes == DESCRIPTOR_BYTES
                index = (int(request.address) - self.entry) // DESCRIPTOR_BYTES
                assert int(request.address) == self.entry + index * DESCRIPTOR_BYTES
                self.asked.append(index)
                for start in range(0, DESCRIPTOR_BYTES, self.size):
                    word = self.parts[index][start : start + self.size]
                    last = start + self.size == DESCRIPTOR_BYTES
                    beats.append({"data": int.from_bytes(word, "little"), "keep": -1, "last": last})

    async def hear(self, ctx):
        dut = self.dut
        while True:
            ready = not self.idle()
            ctx.set(dut.ahead.ready, ready)
            _, _, valid, word = await ctx.tick().sample(dut.ahead.valid, dut.ahead.payload)
            if valid and ready:
                self.told.append(int(word).to_bytes(DESCRIPTOR_BYTES, "little"))

    async def begin(self, ctx, parts, entry):
        self.parts, self.entry = parts, entry
        self.asked.clear()
        self.told.clear()
        ctx.set(self.dut.entry, entry)
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)

    async def take(self, ctx):
        """The next descriptor and its fault; it is told before, if it is a convolution."""
        ctx.set(self.dut.checked.ready, 1)
        found, told = (
            await ctx.tick()
            .sample(self.dut.checked.payload, self.dut.told)
            .until(self.dut.checked.valid)
        )
        ctx.set(self.dut.checked.ready, 0)
        part = int(found.descriptor).to_bytes(DESCRIPTOR_BYTES, "little")
        right = found.fault == ProgramFault.NONE
        assert told == (right and part[0] == Operation.CONV)
        assert not told or self.told[-1] == part
        assert not ctx.get(self.dut.told)
        return part, found.fault


def play(config, testbench, busy=0.0):
    bench = Play(config, np.random.default_rng(config.bus_width), busy)

    async def run(ctx):
        ctx.set(bench.dut.regions, [{"base": 64 * n, "size": 1 << 12} for n in range(4)])
        await testbench(ctx, bench)

    simulate(bench.dut, run, background=[bench.memory, bench.hear], cycles=20_000)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.bus_width))
@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_all_descriptors_of_a_program_come_in_order(config, busy):
    async def testbench(ctx, bench):
        for _ in range(12):
            count = int(bench.rng.integers(0, 9))
            operations = [ALL[i] for i in bench.rng.integers(0, len(ALL), count)]
            parts = program(config, operations, bench.rng)
            await bench.begin(ctx, parts, 64 * int(bench.rng.integers(9)))
            for index, part in enumerate(parts):
                assert bench.asked[:-1] == list(range(len(bench.asked) - 1))
                assert len(bench.asked) <= index + 1  # never more than one ahead
                assert await bench.take(ctx) == (part, ProgramFault.NONE)
            assert bench.told == [part for part in parts if part[0] == Operation.CONV]
            await ctx.tick().repeat(30)
            assert bench.asked == list(range(len(parts)))  # and nothing behind its end
            assert not ctx.get(bench.dut.checked.valid)

    play(config, testbench, busy)


def test_a_wrong_descriptor_is_the_last_and_nobody_is_told():
    config = CONFIGS[0]

    async def testbench(ctx, bench):
        for parts, fault, index in wrong_programs(config):
            await bench.begin(ctx, parts, 64)
            for part in parts[:index]:
                assert await bench.take(ctx) == (part, ProgramFault.NONE)
            assert await bench.take(ctx) == (parts[index], fault)
            await ctx.tick().repeat(30)
            assert bench.asked == list(range(index + 1))
            assert parts[index] not in bench.told

    play(config, testbench)


def test_the_next_one_comes_while_one_is_done():
    """With a memory that never waits: two cycles to ask and check, and one for each beat."""
    config = CONFIGS[0]

    async def testbench(ctx, bench):
        parts = program(config, [Operation.POOL, Operation.CONV, Operation.POOL])
        await bench.begin(ctx, parts, 0)
        await bench.take(ctx)
        cycles = DESCRIPTOR_BYTES // config.bus_bytes + 3
        for part in parts[1:]:
            await ctx.tick().repeat(cycles + (part[0] == Operation.CONV))
            assert ctx.get(bench.dut.checked.valid)
            await get(ctx, bench.dut.checked)

    play(config, testbench)
