"""A loaded image lies in the map, its windows packed, whatever its rows' places in memory."""

import numpy as np
import pytest

from tests.hw.npu.outputs import machine, placed, places_of
from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.loader import Loader

SIZES = ("height", "width", "channels")
DEPTH = 1 << 13  # words of a bank: more than the largest map has, wherever it begins


def beats_of(data, skip, size):
    """Beats that hold bytes from byte `skip` of the first on: (word, keep, last)."""
    padded = [None] * skip + list(data)
    padded += [None] * (-len(padded) % size)
    for start in range(0, len(padded), size):
        part = padded[start : start + size]
        word = sum((255 if byte is None else byte) << 8 * i for i, byte in enumerate(part))
        keep = sum((byte is not None) << i for i, byte in enumerate(part))
        yield word, keep, start + size == len(padded)


def packed(image, load):
    """The map by definition, (OH, OW, KY KX C)."""
    height, width, channels = image.shape
    found = np.empty((load["output_height"], load["output_width"], load["output_channels"]), int)
    for y, x in np.ndindex(found.shape[:2]):
        window = []
        for tap_y, tap_x in np.ndindex(load["kernel_y"], load["kernel_x"]):
            high = y * load["stride_y"] + tap_y - load["pad_top"]
            wide = x * load["stride_x"] + tap_x - load["pad_left"]
            inside = 0 <= high < height and 0 <= wide < width
            window += image[high, wide].tolist() if inside else [load["pad_code"]] * channels
        found[y, x] = window
    return found


def image_rows(load):
    """Rows of the image in the order in which they are read."""
    for y, tap in np.ndindex(load["output_height"], load["kernel_y"]):
        row = y * load["stride_y"] + tap - load["pad_top"]
        if 0 <= row < load["input_height"]:
            yield row


def drawn(rng, config, *, plain, long=False, far=False):
    """A LOAD, and the shape of its image; plain ones pack nothing; long rows fill no buffer.

    From one of the far windows to the next are more bytes than a buffer has, and to the one beyond
    the row.
    """
    height, width, channels = (int(n) for n in rng.integers(1, (9, 9, 12)))
    if long:
        height, width, channels = 2, 70 * 32 // 3, 3
    kernel_y, kernel_x = (1, 1) if plain else (int(n) for n in rng.integers(1, 4, 2))
    stride_y, stride_x = (1, 1) if plain else (int(n) for n in rng.integers(1, 5, 2))
    pad_top, pad_left = (0, 0) if plain else (int(n) for n in rng.integers(0, 4, 2))
    size = (height, width) if plain else tuple(int(n) for n in rng.integers(1, 9, 2))
    if long:
        size = (1, width // stride_x)
    if far:
        height, width, channels = 3, 20, 300
        kernel_y, kernel_x, stride_y, stride_x, pad_left = 1, 1, 1, 15, 0
        size = (3, 6)
    shape = (*size, kernel_y * kernel_x * channels)
    return {
        **{"input_height": height, "input_width": width, "input_channels": channels},
        **{"output_height": shape[0], "output_width": shape[1], "output_channels": shape[2]},
        **{"kernel_y": kernel_y, "kernel_x": kernel_x, "stride_y": stride_y},
        **{"stride_x": stride_x, "pad_top": pad_top, "pad_left": pad_left},
        **{"pad_code": int(rng.integers(256)), "address": int(rng.integers(1 << 30))},
        "pitch": int(rng.integers(1 << 16)),
    }, placed(rng, shape, machine(config, DEPTH), int(rng.integers(3)))


EXTREMES = {7: {"far": True}, 9: {"long": True}}
SIZED = [(4, 2, 64), (2, 16, 64), (8, 4, 128), (2, 8, 64), (8, 1, 256)]  # rows, lanes, width
QUICK = [(4, 2, 64, 0.5), (2, 16, 64, 0.5), (2, 16, 64, 0.0), (8, 4, 128, 0.0)]
CASES = [
    pytest.param(
        *(*sizes, busy),
        marks=() if (*sizes, busy) in QUICK else pytest.mark.long,
        id="-".join(map(str, (*sizes, busy))),
    )
    for sizes in SIZED
    for busy in (0.0, 0.5)
]


@pytest.mark.parametrize(("rows", "lanes", "width", "busy"), CASES)
def test_random_images(rows, lanes, width, busy):
    rng, config = np.random.default_rng(rows), ArrayConfig(rows, 8, lanes, 1)
    dut, chip = Loader(config, width), machine(config, DEPTH)
    held = np.zeros((3, rows, chip.depth, lanes), np.int64)
    image, writes, parts, size = [None], [], [], width // 8

    async def memory(ctx):
        while True:
            ready = int(rng.random() >= busy)
            ctx.set(dut.write_ready, ready)
            _, _, write, place, given = await ctx.tick().sample(
                dut.write, dut.write_place, dut.write_given
            )
            writes.append(write)
            for lane in range(lanes):
                if ready and write >> lane & 1:
                    held[place.group, place.bank, place.address, lane] = given >> 8 * lane & 255

    async def bus(ctx):
        while True:
            ctx.set(dut.requests.ready, 1)
            valid = False
            while not valid:
                ports = dut.requests.payload, dut.requests.valid
                _, _, request, valid = await ctx.tick().sample(*ports)
            ctx.set(dut.requests.ready, 0)
            codes, load, rows_left = image[0]
            count = codes.shape[1] * codes.shape[2]
            if not parts:  # of a row, each of whole beats
                row = next(rows_left)
                place = (load["address"] + row * load["pitch"]) % (1 << 32)
                parts.extend(beats_of(codes[row].reshape(-1).tolist(), place % size, size))
                begin, end = place // size * size, place + count
            assert request.address == begin
            beats = -(-int(request.bytes) // size)
            assert 0 < beats <= 16
            begin += beats * size
            assert int(request.address) + int(request.bytes) == min(begin, end)
            for word, keep, _ in parts[:beats]:
                while rng.random() < busy:
                    await ctx.tick()
                ctx.set(dut.data.payload, {"data": word, "keep": keep, "last": 0})
                ctx.set(dut.data.valid, 1)
                _, _, taken = await ctx.tick().sample(dut.data.ready)
                assert taken  # what is asked for has room
                ctx.set(dut.data.valid, 0)
            del parts[:beats]

    async def drive(ctx):
        for number in range(12):
            load, where = drawn(rng, config, plain=number % 4 == 0, **EXTREMES.get(number, {}))
            codes = rng.integers(0, 256, [load[f"input_{n}"] for n in SIZES]).astype(np.uint8)
            image[0] = codes, load, image_rows(load)
            held[:] = -1
            ctx.set(dut.loads.payload, load | {"where": vars(where)})
            ctx.set(dut.loads.valid, 1)
            await ctx.tick().until(dut.loads.ready)
            ctx.set(dut.loads.valid, 0)
            await ctx.tick()
            assert next(image[0][2], None) is None
            expected = packed(codes, load)
            places = places_of(where, expected.shape, chip)
            assert np.array_equal(held[places], expected), load
            held[places] = -1
            assert (held == -1).all()

    simulate(dut, drive, background=[memory, bus], cycles=200_000)
