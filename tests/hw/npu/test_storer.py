"""A stored map lies in memory, channels innermost, and nothing beside it is written."""

import numpy as np
import pytest

from tests.hw.npu.outputs import drawn, machine, places_of
from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.storer import Storer


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize(
    ("rows", "lanes", "width"),
    [
        *((4, 2, 64), (2, 16, 64), (8, 4, 128)),
        *(pytest.param(*s, marks=pytest.mark.long) for s in ((2, 8, 64), (8, 1, 256))),
    ],
)
def test_random_maps(rows, lanes, busy, width):
    rng, config, size = np.random.default_rng(rows), ArrayConfig(rows, 8, lanes, 1), width // 8
    dut, chip = Storer(config, width), machine(config)
    held = rng.integers(0, 256, (3, rows, chip.depth, lanes)).astype(np.uint8)
    rows_asked, beats = [], []

    async def memory(ctx):
        while True:
            ready = rng.random() >= busy
            ctx.set(dut.read_ready, int(ready))
            _, _, read, place = await ctx.tick().sample(dut.read, dut.read_place)
            if read and ready:
                word = held[place.group, place.bank, place.address]
                ctx.set(dut.read_answer, int.from_bytes(word.tobytes(), "little"))

    async def bus(ctx):
        while True:
            asks, takes = (rng.random(2) >= busy).tolist()
            ctx.set(dut.requests.ready, asks)
            ctx.set(dut.beats.ready, takes)
            ports = (dut.requests.valid, dut.requests.payload, dut.beats.valid, dut.beats.payload)
            _, _, valid, request, given, beat = await ctx.tick().sample(*ports)
            if valid and asks:
                rows_asked.append((int(request.address), int(request.bytes)))
            if given and takes:
                beats.append((int(beat.data), int(beat.strobe)))

    async def drive(ctx):
        for _ in range(8):
            shape, _, where = drawn(rng, config)
            codes = held[places_of(where, shape, chip)]
            address, pitch = int(rng.integers(0, 1 << 20)), int(rng.integers(512, 1024))
            sizes = dict(zip(("height", "width", "channels"), shape, strict=True))
            store = {"where": vars(where), "address": address, "pitch": pitch}
            ctx.set(dut.stores.payload, sizes | store)
            ctx.set(dut.stores.valid, 1)
            rows_asked.clear()
            beats.clear()
            await ctx.tick().until(dut.stores.ready)
            ctx.set(dut.stores.valid, 0)
            await ctx.tick()
            assert rows_asked == [
                (address + y * pitch, shape[1] * shape[2]) for y in range(shape[0])
            ]
            written, given = {}, iter(beats)
            for begin, count in rows_asked:
                place = begin // size * size
                while place < begin + count:
                    data, strobe = next(given)
                    for byte in range(size):
                        if strobe >> byte & 1:
                            written[place + byte] = data >> 8 * byte & 255
                    place += size
            assert next(given, None) is None
            expected = {
                address + y * pitch + i: int(code)
                for y in range(shape[0])
                for i, code in enumerate(codes[y].reshape(-1))
            }
            assert written == expected

    simulate(dut, drive, background=[memory, bus], cycles=200_000)
