"""A loaded image lies in the map, whatever its rows' places in memory."""

import numpy as np
import pytest

from tests.hw.npu.outputs import drawn, machine, places_of
from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.loader import Loader


def beats_of(data, skip, size):
    """Beats that hold bytes from byte `skip` of the first on: (word, keep, last)."""
    padded = [None] * skip + list(data)
    padded += [None] * (-len(padded) % size)
    for start in range(0, len(padded), size):
        part = padded[start : start + size]
        word = sum((255 if byte is None else byte) << 8 * i for i, byte in enumerate(part))
        keep = sum((byte is not None) << i for i, byte in enumerate(part))
        yield word, keep, start + size == len(padded)


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize(
    ("rows", "lanes"),
    [(4, 2), *(pytest.param(*s, marks=pytest.mark.long) for s in ((2, 8), (8, 1)))],
)
def test_random_images(rows, lanes, busy, width):
    rng, config = np.random.default_rng(rows), ArrayConfig(rows, 8, lanes, 1)
    dut, chip = Loader(config, width), machine(config)
    held = np.zeros((3, rows, chip.depth, lanes), np.int64)

    async def memory(ctx):
        while True:
            ready = int(rng.random() >= busy)
            ctx.set(dut.write_ready, ready)
            _, _, write, place, given = await ctx.tick().sample(
                dut.write, dut.write_place, dut.write_given
            )
            for lane in range(lanes):
                if ready and write >> lane & 1:
                    held[place.group, place.bank, place.address, lane] = given >> 8 * lane & 255

    async def drive(ctx):
        for _ in range(8):
            shape, _, where = drawn(rng, config)
            codes = rng.integers(0, 256, shape).astype(np.uint8)
            address, pitch = int(rng.integers(0, 1 << 30)), int(rng.integers(0, 1 << 16))
            held[:] = -1
            sizes = dict(zip(("height", "width", "channels"), shape, strict=True))
            load = {"where": vars(where), "address": address, "pitch": pitch}
            ctx.set(dut.loads.payload, sizes | load)
            ctx.set(dut.loads.valid, 1)
            beats = []
            for y in range(shape[0]):
                ctx.set(dut.requests.ready, 1)
                (request,) = await ctx.tick().sample(dut.requests.payload).until(dut.requests.valid)
                ctx.set(dut.requests.ready, 0)
                assert request.address == address + y * pitch
                assert request.bytes == shape[1] * shape[2]
                skip = int(request.address) % (width // 8)
                beats += beats_of(codes[y].reshape(-1).tolist(), skip, width // 8)
            for number, (word, keep, last) in enumerate(beats, start=1):
                while rng.random() < busy:
                    await ctx.tick()
                ctx.set(dut.data.payload, {"data": word, "keep": keep, "last": last})
                ctx.set(dut.data.valid, 1)
                (taken,) = await ctx.tick().sample(dut.loads.ready).until(dut.data.ready)
                ctx.set(dut.data.valid, 0)
                assert taken == (number == len(beats))
            ctx.set(dut.loads.valid, 0)
            await ctx.tick()
            places = places_of(where, shape, chip)
            assert np.array_equal(held[places], codes)
            held[places] = -1
            assert (held == -1).all()

    simulate(dut, drive, background=[memory], cycles=200_000)
