"""Sums lie in memory by their number, and nothing is written that is not output or scratch."""

import numpy as np
import pytest

from tests.support import simulate, simulate_logic
from truncmac.descriptors import Region, to_address
from truncmac.hw.npu.spiller import Spiller, SumStorer

BASES, SIZES = (0x1000, 0x8000, 0x20000, 0x40000), (600, 300, 400, 64)
WIDTHS = (64, 128, 256)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_sums_of_any_number(width, busy):
    rng, dut, size = np.random.default_rng(width), SumStorer(width), width // 8
    address = to_address(Region.OUTPUT, 4 * int(rng.integers(1 << 20)))
    numbers = [*range(9), *rng.permutation(1 << 20)[:40].tolist()]
    ends = (-(1 << 31), (1 << 31) - 1, -1, 0)
    values = [*ends, *rng.integers(-(1 << 31), 1 << 31, len(numbers) - len(ends)).tolist()]
    asked, written = [], []

    async def bus(ctx):
        while True:
            asks, takes = (rng.random(2) >= busy).tolist()
            ctx.set(dut.requests.ready, asks)
            ctx.set(dut.beats.ready, takes)
            ports = (dut.requests.valid, dut.requests.payload, dut.beats.valid, dut.beats.payload)
            _, _, valid, request, given, beat = await ctx.tick().sample(*ports)
            if valid and asks:
                asked.append((int(request.address), int(request.bytes)))
            if given and takes:
                assert len(asked) == len(written) + 1  # the request of each sum comes first
                written.append((int(beat.data), int(beat.strobe)))

    async def drive(ctx):
        ctx.set(dut.address, address)
        for number, value in zip(numbers, values, strict=True):
            while rng.random() < busy:
                await ctx.tick()
            ctx.set(dut.sums.payload, {"number": number, "value": value})
            ctx.set(dut.sums.valid, 1)
            await ctx.tick().until(dut.sums.ready)
            ctx.set(dut.sums.valid, 0)
        await ctx.tick()

    simulate(dut, drive, background=[bus])
    assert asked == [(address + 4 * number, 4) for number in numbers]
    for (data, strobe), (place, _), value in zip(written, asked, values, strict=True):
        lane = place % size
        assert strobe == 0b1111 << lane
        assert data >> 8 * lane & 0xFFFF_FFFF == value & 0xFFFF_FFFF


def requests(rng):
    """Region, offset and bytes: at the ends of each region, and anywhere."""
    for region, size in zip(Region, SIZES, strict=True):
        for offset, count in ((0, size), (size - 1, 1), (size - 1, 2), (size, 1), (0, size + 1)):
            yield region, offset, count
        yield region, (1 << 30) - 1, 1
        yield region, (1 << 30) - 1, 2
        yield region, (1 << 30) - 8, (1 << 24) - 1
    for _ in range(200):
        region = Region(int(rng.integers(4)))
        offset, count = (int(n) for n in rng.integers(0, SIZES[region], 2))
        yield region, offset, count + 1


@pytest.mark.parametrize("width", WIDTHS)
def test_only_output_and_scratch_are_written(width):
    rng, dut, size = np.random.default_rng(width), Spiller(width), width // 8
    passed = {region: 0 for region in Region}

    async def testbench(ctx):
        regions = [{"base": b, "size": s} for b, s in zip(BASES, SIZES, strict=True)]
        ctx.set(dut.regions, regions)
        for region, offset, count in requests(rng):
            ready = int(rng.integers(2))
            ctx.set(dut.writes.ready, ready)
            ctx.set(dut.requests.payload, {"address": to_address(region, offset), "bytes": count})
            ctx.set(dut.requests.valid, 0)
            assert not ctx.get(dut.outside) and not ctx.get(dut.writes.valid)
            ctx.set(dut.requests.valid, 1)
            inside = offset + count <= SIZES[region]
            inside = inside and region in (Region.OUTPUT, Region.SCRATCH)
            assert ctx.get(dut.writes.valid) == inside
            assert ctx.get(dut.outside) == (not inside)
            # What is outside is dropped; what is inside waits for the bus
            assert ctx.get(dut.requests.ready) == (ready or not inside)
            if inside:
                write, first = ctx.get(dut.writes.payload), BASES[region] + offset
                assert write.address == first // size * size
                assert write.beats == (first + count - 1) // size - first // size + 1
            passed[region] += inside

    simulate_logic(dut, testbench)
    assert passed[Region.PROGRAM] == passed[Region.INPUT] == 0
    assert min(passed[Region.OUTPUT], passed[Region.SCRATCH]) > 10
