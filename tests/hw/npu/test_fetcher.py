"""Each who asks gets its own bytes, in order, and nothing from outside a region."""

from collections import deque

import numpy as np
import pytest

from tests.support import simulate
from truncmac.hw.npu.fetcher import Fetcher

BASES, SIZES = (0x1000, 0x8000, 0x20000, 0x40000), (600, 300, 0, 64)


def byte_at(address):
    return address * 37 + (address >> 8) * 11 & 255


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_random_requests(width, busy):
    rng, names, size = np.random.default_rng(width), ("one", "two"), width // 8
    dut = Fetcher(width, names)
    requests = {name: [] for name in names}
    for name in names:
        for _ in range(40):
            region = int(rng.integers(0, 2))
            count = int(rng.integers(1, 60))
            offset = int(rng.integers(0, SIZES[region] - count + 1))
            requests[name].append((region, offset, count))
        requests[name].append((3, 0, 64))
        requests[name].append((0, 599, 1))
    found = {name: [[]] for name in names}
    waiting = deque()

    async def reader(ctx):
        while True:
            ready = int(rng.random() >= busy)
            ctx.set(dut.reads.ready, ready)
            gives = bool(waiting) and rng.random() >= busy
            if gives:
                word = bytes(byte_at(waiting[0] + i) for i in range(size))
                ctx.set(dut.words.payload, int.from_bytes(word, "little"))
            ctx.set(dut.words.valid, gives)
            _, _, valid, request, taken = await ctx.tick().sample(
                dut.reads.valid, dut.reads.payload, dut.words.ready
            )
            if gives and taken:
                waiting.popleft()
            if valid and ready:
                assert request.address % size == 0
                waiting.extend(range(request.address, request.address + size * request.beats, size))

    def asks(name):
        async def ask(ctx):
            stream = getattr(dut, f"{name}_requests")
            for region, offset, count in requests[name]:
                while rng.random() < busy:
                    await ctx.tick()
                ctx.set(stream.payload, {"address": region << 30 | offset, "bytes": count})
                ctx.set(stream.valid, 1)
                await ctx.tick().until(stream.ready)
                ctx.set(stream.valid, 0)

        return ask

    def takes(name):
        async def take(ctx):
            stream = getattr(dut, f"{name}_data")
            while len(found[name]) <= len(requests[name]):
                ready = int(rng.random() >= busy)
                ctx.set(stream.ready, ready)
                _, _, valid, beat = await ctx.tick().sample(stream.valid, stream.payload)
                if valid and ready:
                    data = int(beat.data).to_bytes(size, "little")
                    found[name][-1] += [data[i] for i in range(size) if beat.keep >> i & 1]
                    if beat.last:
                        found[name].append([])

        return take

    async def watch(ctx):
        async for *_, outside in ctx.tick().sample(dut.outside):
            assert not outside

    async def begin(ctx):
        regions = [{"base": b, "size": s} for b, s in zip(BASES, SIZES, strict=True)]
        ctx.set(dut.regions, regions)

    benches = [begin, *(make(name) for name in names for make in (asks, takes))]
    simulate(dut, *benches, background=[reader, watch], cycles=50_000)
    for name in names:
        expected = [
            [byte_at(BASES[region] + offset + i) for i in range(count)]
            for region, offset, count in requests[name]
        ]
        assert found[name][:-1] == expected


@pytest.mark.parametrize(
    ("region", "offset", "count", "outside"),
    [
        (0, 599, 1, 0),
        (0, 599, 2, 1),
        (0, 600, 1, 1),
        (2, 0, 1, 1),
        (3, 0, 64, 0),
        (1, (1 << 30) - 1, 2, 1),
    ],
)
def test_what_is_outside_reads_nothing(region, offset, count, outside):
    dut = Fetcher(64, ["one"])

    async def testbench(ctx):
        regions = [{"base": b, "size": s} for b, s in zip(BASES, SIZES, strict=True)]
        ctx.set(dut.regions, regions)
        ctx.set(dut.one_requests.payload, {"address": region << 30 | offset, "bytes": count})
        ctx.set(dut.one_requests.valid, 1)
        ctx.set(dut.reads.ready, 1)
        assert ctx.get(dut.outside) == outside
        assert ctx.get(dut.reads.valid) == (not outside)
        assert ctx.get(dut.one_requests.ready)
        await ctx.tick()

    simulate(dut, testbench)


def test_what_is_asked_too_early_waits_and_holds_up_nobody():
    dut = Fetcher(64, ["one", "two"])

    async def testbench(ctx):
        regions = [{"base": b, "size": s} for b, s in zip(BASES, SIZES, strict=True)]
        ctx.set(dut.regions, regions)
        ctx.set(dut.reads.ready, 1)
        ctx.set(dut.one_early, 1)
        ctx.set(dut.one_requests.payload, {"address": 600, "bytes": 8})  # outside
        ctx.set(dut.one_requests.valid, 1)
        await ctx.tick()
        ctx.set(dut.two_requests.payload, {"address": 16, "bytes": 8})
        ctx.set(dut.two_requests.valid, 1)
        for _ in range(3):
            assert not ctx.get(dut.one_requests.ready)
            assert ctx.get(dut.two_requests.ready) and ctx.get(dut.reads.valid)
            assert not ctx.get(dut.outside)
            await ctx.tick()
        ctx.set(dut.one_early, 0)
        assert ctx.get(dut.outside) and ctx.get(dut.one_requests.ready)
        assert not ctx.get(dut.reads.valid)
        await ctx.tick()
        # What is early and inside is read at once
        ctx.set(dut.one_early, 1)
        ctx.set(dut.one_requests.payload, {"address": 592, "bytes": 8})
        assert ctx.get(dut.one_requests.ready) and ctx.get(dut.reads.valid)
        assert not ctx.get(dut.two_requests.ready)

    simulate(dut, testbench)


def test_eight_requests_wait_for_their_data_of_any_who_ask():
    """Their data go to the last of three who ask."""
    dut = Fetcher(64, ["one", "two", "three"])

    async def testbench(ctx):
        ctx.set(dut.regions, [{"base": b, "size": s} for b, s in zip(BASES, SIZES, strict=True)])
        ctx.set(dut.reads.ready, 1)
        ctx.set(dut.three_requests.payload, {"address": 0, "bytes": 8})
        ctx.set(dut.three_requests.valid, 1)
        for _ in range(8):
            assert ctx.get(dut.three_requests.ready)
            await ctx.tick()
        assert not ctx.get(dut.three_requests.ready)
        ctx.set(dut.words.valid, 1)
        ctx.set(dut.three_data.ready, 1)
        valid = [ctx.get(getattr(dut, f"{name}_data").valid) for name in ("one", "two", "three")]
        assert valid == [0, 0, 1] and ctx.get(dut.words.ready)
        await ctx.tick()
        assert ctx.get(dut.three_requests.ready)

    simulate(dut, testbench)
