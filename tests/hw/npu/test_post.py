"""Means and shortcuts leave what golden's functions give."""

import numpy as np
import pytest

from tests.hw.npu.outputs import machine, placed, places_of, word_of
from tests.support import simulate
from truncmac.golden import avg_pool, shortcut
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.post import PostProcessor
from truncmac.sim.npu.means import reciprocal


def drawn(rng, kind):
    """A random operation: input, fields, and its output by golden, (H, W, C)."""
    shape = tuple(int(n) for n in rng.integers(1, (9, 9, 12)))
    codes = rng.integers(0, 256, shape).astype(np.uint8)
    stride = tuple(int(n) for n in rng.integers(1, 4, 2))
    batch = codes.transpose(2, 0, 1)[None]
    values = {"stride_y": stride[0], "stride_x": stride[1], "kernel_x": 1, "kernel_y": 1}
    if kind == "shortcut":
        found = shortcut(batch, shape[2] + int(rng.integers(0, 7)), stride)
    else:
        kernel = tuple(int(rng.integers(1, n + 1)) for n in shape[:2])
        values |= {"kernel_y": kernel[0], "kernel_x": kernel[1]}
        factor, shift = reciprocal(kernel[0] * kernel[1])
        values |= {"mean": 1, "reciprocal": factor, "shift": shift}
        pads, code = tuple(int(rng.integers(0, k)) for k in kernel), int(rng.integers(0, 256))
        values |= {"pad_top": pads[0], "pad_left": pads[1], "pad_code": code}
        around = [(0, 0), (0, 0), *((pad, pad) for pad in pads)]
        found = avg_pool(np.pad(batch, around, constant_values=code), kernel, stride)
    return codes, values, found[0].transpose(1, 2, 0)


@pytest.mark.parametrize("busy", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["mean", "shortcut"])
@pytest.mark.parametrize(
    ("rows", "lanes"),
    [(4, 2), *(pytest.param(*s, marks=pytest.mark.long) for s in ((2, 8), (8, 1)))],
)
def test_random_operations(rows, lanes, kind, busy):
    rng, config = np.random.default_rng(rows), ArrayConfig(rows, 8, lanes, 1)
    dut, chip = PostProcessor(config), machine(config)
    held = np.zeros((3, rows, chip.depth, lanes), np.int64)
    words = [None]  # group, bank and word of each pixel of the output

    async def memory(ctx):
        pixel = None  # that is written
        while True:
            ready = int(rng.random() >= busy)
            ctx.set(dut.write_ready, ready)
            ports = (dut.read, dut.read_place, dut.write, dut.write_given, dut.places, dut.pixel)
            _, _, read, place, write, given, told, found = await ctx.tick().sample(*ports)
            if read:
                word = held[place.group, place.bank, place.address].astype(np.uint8)
                ctx.set(dut.read_answer, int.from_bytes(word.tobytes(), "little"))
            for lane in range(lanes):
                if ready and write >> lane & 1:
                    held[(*word_of(words[0], pixel), lane)] = given >> 8 * lane & 255
            pixel = found if told else pixel

    async def drive(ctx):
        for _ in range(10):
            codes, values, expected = drawn(rng, kind)
            source = placed(rng, codes.shape, chip, 0)
            target = placed(rng, expected.shape, chip, 2)
            held[:] = rng.integers(0, 256, held.shape)
            held[places_of(source, codes.shape, chip)] = codes
            before = held.copy()
            for side, shape in (("input", codes.shape), ("output", expected.shape)):
                names = (f"{side}_height", f"{side}_width", f"{side}_channels")
                values |= dict(zip(names, shape, strict=True))
            values |= {"input": vars(source)}
            words[0] = target.group, *target.locate(expected.shape, chip)
            ctx.set(dut.operations.payload, values)
            ctx.set(dut.operations.valid, 1)
            await ctx.tick().until(dut.operations.ready)
            ctx.set(dut.operations.valid, 0)
            await ctx.tick()
            places = places_of(target, expected.shape, chip)
            assert np.array_equal(held[places], expected)
            held[places] = before[places]
            assert np.array_equal(held, before)  # nothing else was written

    simulate(dut, drive, background=[memory], cycles=200_000)
