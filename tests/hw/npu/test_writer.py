"""Writes of all lengths and places leave their bytes; the bus keeps AXI4's rules."""

from collections import deque

import numpy as np
import pytest

from tests.support import simulate
from truncmac.hw.npu.bursts import BURST
from truncmac.hw.npu.writer import BurstWriter

SLVERR = 2


class SlowMemory:
    """Takes bursts after random times, and checks what the bus must keep."""

    def __init__(self, dut, rng, busy, bad=()):
        self.dut, self.rng, self.busy, self.bad = dut, rng, busy, set(bad)
        self.size = dut.width // 8
        self.bytes, self.bursts, self.open, self.done = {}, [], deque(), deque()

    async def play(self, ctx):
        dut, ports = self.dut, ("awvalid", "awaddr", "awlen", "awsize", "awburst")
        beats = ("wvalid", "wdata", "wstrb", "wlast", "bready")
        held, kept = None, None
        while True:
            ready, takes = (self.rng.random(2) >= self.busy).tolist()
            ctx.set(dut.m_axi_awready, ready)
            ctx.set(dut.m_axi_wready, takes)
            answers = bool(self.done) and self.rng.random() >= self.busy
            if answers:
                ctx.set(dut.m_axi_bresp, SLVERR if self.done[0] in self.bad else 0)
            ctx.set(dut.m_axi_bvalid, answers)
            _, _, *seen = await ctx.tick().sample(
                *(getattr(dut, f"m_axi_{port}") for port in (*ports, *beats))
            )
            valid, address, length, size, burst, gives, data, strobe, last, answered = seen
            assert answered
            if answers:
                self.done.popleft()
            for before, now in ((held, (valid, address, length)), (kept, (gives, data, strobe))):
                assert before in (None, now), "what is offered stays until it is taken"
            held = (valid, address, length) if valid and not ready else None
            kept = (gives, data, strobe) if gives and not takes else None
            assert not gives or self.open or (valid and ready), "data follows its address"
            if valid and ready:
                assert (1 << size, burst) == (self.size, 1)
                assert address // 4096 == (address + (length + 1) * self.size - 1) // 4096
                self.bursts.append((address, length + 1))
                self.open.append([address, length + 1])
            if gives and takes:
                place, left = self.open[0]
                for byte in range(self.size):
                    if strobe >> byte & 1:
                        self.bytes[place + byte] = data >> 8 * byte & 255
                assert last == (left == 1)
                self.open[0] = [place + self.size, left - 1]
                if last:
                    self.done.append(self.open.popleft()[0] - self.size)
            elif self.open and self.busy == 0.0:
                assert gives or self.open[0][1] == self.bursts[-1][1], "the bus waits for no data"


def run(width, requests, busy, bad=()):
    dut, rng = BurstWriter(width), np.random.default_rng(width)
    size, memory, failures, expected, words = width // 8, None, [], {}, []
    for address, beats in requests:
        for beat in range(beats):
            data, strobe = rng.bytes(size), int(rng.integers(0, 1 << size)) if beats > 2 else -1
            strobe &= (1 << size) - 1
            words.append({"data": int.from_bytes(data, "little"), "strobe": strobe})
            for byte in range(size):
                if strobe >> byte & 1:
                    expected[address + beat * size + byte] = data[byte]
    memory = SlowMemory(dut, rng, busy, bad)

    async def ask(ctx):
        for address, beats in requests:
            ctx.set(dut.requests.payload, {"address": address, "beats": beats})
            ctx.set(dut.requests.valid, 1)
            await ctx.tick().until(dut.requests.ready)
            ctx.set(dut.requests.valid, 0)
        await ctx.tick().until(dut.empty)
        assert not memory.open and not memory.done

    async def give(ctx):
        for word in words:
            while rng.random() < busy:
                await ctx.tick()
            ctx.set(dut.words.payload, word)
            ctx.set(dut.words.valid, 1)
            await ctx.tick().until(dut.words.ready)
            ctx.set(dut.words.valid, 0)

    async def watch(ctx):
        async for *_, failed in ctx.tick().sample(dut.failed):
            failures.append(failed)

    simulate(dut, ask, give, background=[memory.play, watch], cycles=200_000)
    assert memory.bytes == expected
    return memory, sum(failures)


@pytest.mark.parametrize("width", [64, 128, 256])
@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_random_requests(width, busy):
    rng, size = np.random.default_rng(1), width // 8
    lengths = [1, 2, BURST, BURST + 1, 3 * BURST + 1, *(int(n) for n in rng.integers(1, 50, 10))]
    requests = [(8192 * i + int(rng.integers(0, 64)) * size, n) for i, n in enumerate(lengths)]
    requests += [((1 << 20) - size * beats, 2 * beats) for beats in (1, 3, BURST)]
    memory, failures = run(width, requests, busy)
    assert failures == 0
    assert max(length for _, length in memory.bursts) == BURST


def test_each_bad_answer_is_told_once():
    """The answer of a burst is that of its last beat here."""
    _, failures = run(64, [(0, 20), (800, 3), (1600, 1)], 0.3, bad=(120, 816, 1608))
    assert failures == 2
