"""Reads of all lengths and places give their words; the bus keeps AXI4's rules."""

from collections import deque

import numpy as np
import pytest

from tests.support import simulate
from truncmac.hw.npu.bursts import BURST
from truncmac.hw.npu.reader import BurstReader

SLVERR = 2


class SlowMemory:
    """Answers bursts in order, after random times, and checks what the bus must keep."""

    def __init__(self, dut, rng, busy, bad=()):
        self.dut, self.rng, self.busy, self.bad = dut, rng, busy, set(bad)
        self.size = dut.width // 8
        self.bursts, self.waiting, self.most = [], deque(), 0

    def word(self, address):
        """Every word of the memory is another."""
        return address * 0x9E3779B97F4A7C15 % (1 << self.dut.width)

    async def play(self, ctx):
        dut, held = self.dut, None
        while True:
            ready = self.rng.random() >= self.busy
            ctx.set(dut.m_axi_arready, ready)
            answer = bool(self.waiting) and self.rng.random() >= self.busy
            if answer:
                address, last = self.waiting[0]
                ctx.set(dut.m_axi_rdata, self.word(address))
                ctx.set(dut.m_axi_rresp, SLVERR if address in self.bad else 0)
                ctx.set(dut.m_axi_rlast, last)
            ctx.set(dut.m_axi_rvalid, answer)
            ports = ("arvalid", "araddr", "arlen", "arsize", "arburst", "rready")
            _, _, *seen = await ctx.tick().sample(*(getattr(dut, f"m_axi_{p}") for p in ports))
            valid, address, length, size, burst, taken = seen
            assert taken, "data never waits"
            if answer:
                self.waiting.popleft()
            if held is not None:
                assert (valid, address, length) == held, "an address stays until it is taken"
            held = (valid, address, length) if valid and not ready else None
            if valid and ready:
                beats = length + 1
                assert (1 << size, burst) == (self.size, 1)
                assert address % self.size == 0
                assert beats <= BURST
                assert address // 4096 == (address + beats * self.size - 1) // 4096
                self.bursts.append((address, beats))
                places = range(address, address + beats * self.size, self.size)
                self.waiting += [(place, place == places[-1]) for place in places]
                self.most = max(self.most, len(self.waiting))


def run(dut, requests, rng, busy, bad=()):
    memory, found, failures = SlowMemory(dut, rng, busy, bad), [], []

    async def ask(ctx):
        for address, beats in requests:
            ctx.set(dut.requests.payload, {"address": address, "beats": beats})
            ctx.set(dut.requests.valid, 1)
            await ctx.tick().until(dut.requests.ready)
            ctx.set(dut.requests.valid, 0)

    async def take(ctx):
        while len(found) < sum(beats for _, beats in requests):
            ready = rng.random() >= busy
            ctx.set(dut.words.ready, ready)
            _, _, valid, word = await ctx.tick().sample(dut.words.valid, dut.words.payload)
            if valid and ready:
                found.append(word)
        ctx.set(dut.words.ready, 0)
        assert ctx.get(dut.idle)

    async def watch(ctx):
        async for *_, failed in ctx.tick().sample(dut.failed):
            failures.append(failed)

    simulate(dut, ask, take, background=[memory.play, watch], cycles=200_000)
    size = dut.width // 8
    expected = [
        memory.word(address + beat * size) for address, beats in requests for beat in range(beats)
    ]
    assert found == expected
    return memory, sum(failures)


@pytest.mark.parametrize("width", [64, 128, 256])
@pytest.mark.parametrize("outstanding", [1, 2, 5])
@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_random_requests(width, outstanding, busy):
    rng = np.random.default_rng(width + outstanding)
    size = width // 8
    lengths = [1, 2, BURST - 1, BURST, BURST + 1, 2 * BURST, 3 * BURST + 1]
    lengths += [int(n) for n in rng.integers(1, 70, 12)]
    requests = [(int(rng.integers(0, 8192 // size)) * size, beats) for beats in lengths]
    requests += [(4096 - size * beats, 2 * beats) for beats in (1, 3, BURST, BURST + 1)]
    memory, failures = run(BurstReader(width, outstanding), requests, rng, busy)
    assert failures == 0
    assert sum(beats for _, beats in memory.bursts) == sum(beats for _, beats in requests)
    assert memory.most <= outstanding * BURST


def test_bursts_are_as_long_as_they_can_be():
    dut = BurstReader(64, 2)
    memory, _ = run(dut, [(4096 - 24, 40)], np.random.default_rng(0), 0.0)
    assert memory.bursts == [(4072, 3), (4096, 16), (4224, 16), (4352, 5)]


def test_at_full_speed_a_word_comes_each_cycle():
    dut, rng = BurstReader(64, 2), np.random.default_rng(0)
    memory = SlowMemory(dut, rng, 0.0)
    times = []

    async def drive(ctx):
        ctx.set(dut.words.ready, 1)
        ctx.set(dut.requests.payload, {"address": 0, "beats": 64})
        ctx.set(dut.requests.valid, 1)
        cycle = 0
        while len(times) < 64:
            _, _, valid, ready = await ctx.tick().sample(dut.words.valid, dut.requests.ready)
            if ready:
                ctx.set(dut.requests.valid, 0)
            times.extend([cycle] if valid else [])
            cycle += 1

    simulate(dut, drive, background=[memory.play])
    assert times[-1] - times[0] == 63


def test_each_bad_answer_is_told_once():
    dut = BurstReader(64, 2)
    _, failures = run(dut, [(0, 20), (800, 3)], np.random.default_rng(1), 0.3, bad=(8, 152, 808))
    assert failures == 3
