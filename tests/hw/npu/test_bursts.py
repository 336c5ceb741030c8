"""Bursts of all requests are those that AXI4 allows, and no shorter than they must be."""

import numpy as np
import pytest

from tests.support import get, put, simulate
from truncmac.hw.npu.bursts import BURST, BurstCutter


def bursts_of(address, beats, size):
    """By definition: up to the end of the request, of the page, or `BURST` beats."""
    while beats:
        length = min(beats, BURST, (4096 - address % 4096) // size)
        yield address, length
        address, beats = address + length * size, beats - length


@pytest.mark.parametrize("width", [64, 128, 256])
def test_random_requests(width):
    rng, size = np.random.default_rng(width), width // 8
    requests = [(int(rng.integers(0, 3 * 4096 // size)) * size, n) for n in range(1, 70)]
    requests += [(4096 - size, 1), (4096 - size, 2), (0, 4096 // size), ((1 << 32) - size, 1)]
    expected = [burst for request in requests for burst in bursts_of(*request, size)]
    dut, found = BurstCutter(width), []

    async def ask(ctx):
        for address, beats in requests:
            await put(ctx, dut.requests, {"address": address, "beats": beats})

    async def take(ctx):
        while len(found) < len(expected):
            burst = await get(ctx, dut.bursts)
            found.append((burst.address, burst.length))
            if rng.random() < 0.3:
                await ctx.tick()

    simulate(dut, ask, take)
    assert found == expected
