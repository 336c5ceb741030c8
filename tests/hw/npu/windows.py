"""Runs what reads windows on random convolutions, against im2col by definition."""

import numpy as np

from tests.support import simulate
from truncmac.golden import Machine, MapPlace
from truncmac.hw.config import ArrayConfig

DEPTH = 1 << 12


def machine(rows, lanes):
    return Machine(
        **{"rows": rows, "cols": 4, "lanes": lanes, "planes": 1, "max_reduction": 999},
        **{"groups": 1, "depth": DEPTH, "bus_bytes": 8, "configuration": 0},
    )


def expected_words(codes, values, rows, lanes):
    """Words of all beats by definition: (column tiles x tiles x taps x blocks, rows, lanes).

    What a row outside the output reads has no meaning, and is -1 here.
    """
    height, width, channels = codes.shape
    tile_x = 1 << values["tile_x"]
    tile_y = rows // tile_x
    stride_x, stride_y = values["stride_x"], values["stride_y"]
    blocks = -(-channels // lanes)
    words = []
    for top in range(0, values["output_height"], tile_y):
        for left in range(0, values["output_width"], tile_x):
            for tap_y, tap_x in np.ndindex(values["kernel_y"], values["kernel_x"]):
                pixels = np.full((rows, blocks * lanes), -1)
                for row in range(rows):
                    high, wide = top + row // tile_x, left + row % tile_x
                    if high >= values["output_height"] or wide >= values["output_width"]:
                        continue
                    pixels[row] = 0
                    y = high * stride_y + tap_y * values["dilation_y"] - values["pad_top"]
                    x = wide * stride_x + tap_x * values["dilation_x"] - values["pad_left"]
                    inside = 0 <= y < height and 0 <= x < width
                    pixels[row, :channels] = codes[y, x] if inside else values["pad_code"]
                words += list(pixels.reshape(rows, blocks, lanes).transpose(1, 0, 2))
    return words * values["column_tiles"]


def banks_of(codes, place, chip):
    """What each bank holds, (rows, words), as integers; what nothing wrote is odd garbage."""
    banks = np.random.default_rng(0).integers(0, 256, (chip.rows, DEPTH, chip.lanes), np.uint8)
    bank, word = place.locate(codes.shape, chip)
    channel = np.arange(codes.shape[2])
    banks[bank[..., None], word[..., None] + channel // chip.lanes, channel % chip.lanes] = codes
    return [[int.from_bytes(each.tobytes(), "little") for each in words] for words in banks]


def drawn(rng, chip, *, any_stride=False):
    """A convolution with all that it can have, and its map, of its strides or of any."""
    phases = tuple(int(n) for n in rng.integers(0, 3, 2))
    strides = [1 << phase for phase in phases]
    if any_stride:
        strides = [int(n) for n in rng.integers(1, 6, 2)]
    kernel, dilation = (tuple(int(n) for n in rng.integers(1, most, 2)) for most in (4, 4))
    shape = tuple(int(n) for n in rng.integers((1, 1, 1), (14, 14, 3 * chip.lanes + 1)))
    pads = tuple(int(n) for n in rng.integers((-min(2, shape[0] - 1), 0), (4, 4)))
    reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    size = [
        max(1, (n + 2 * p - r - 1) // s + 1)
        for n, p, r, s in zip(shape[:2], pads, reach, strides, strict=True)
    ]
    place = MapPlace.packed(
        shape,
        chip,
        group=0,
        base=int(rng.integers(0, 50)),
        tile_x=int(rng.integers(0, chip.row_bits + 1)),
        phases=phases,
    )
    values = {
        **{"input_width": shape[1], "input_height": shape[0], "input_channels": shape[2]},
        **{"output_width": size[1], "output_height": size[0]},
        **{"column_tiles": int(rng.integers(1, 3)), "base": place.base},
        **{"step_x": place.step_x, "step_y": place.step_y, "tile_x": place.tile_x},
        **{"phase_x": place.phase_x, "phase_y": place.phase_y},
        **{"kernel_y": kernel[0], "kernel_x": kernel[1]},
        **{"dilation_y": dilation[0], "dilation_x": dilation[1]},
        **{"stride_y": strides[0], "stride_x": strides[1]},
        **{"pad_top": pads[0], "pad_left": pads[1], "pad_code": int(rng.integers(0, 256))},
    }
    return rng.integers(0, 256, shape, np.uint8), place, values


def run(reader, rows, lanes, *, stalls, count=12, any_stride=False, cycles=None, first=0):
    """Check the words of `count` convolutions.

    Parameters
    ----------
    reader : class of what reads
    stalls : words are not always taken
    any_stride : strides are not always those of the layout
    cycles : how many the words of a convolution may take, as a function of their number, where
        nothing stalls
    first : word of the memory at which the banks begin
    """
    rng = np.random.default_rng(rows + 100 * stalls)
    chip = machine(rows, lanes)
    dut = reader(ArrayConfig(rows, 4, lanes, 1, 999))
    cases = [drawn(rng, chip, any_stride=any_stride) for _ in range(count)]
    memory = [None]
    reads, width = [], 8 * lanes

    async def banks(ctx):
        answers = [0] * rows
        async for *_, read, addresses in ctx.tick().sample(dut.read, dut.addresses):
            reads.append(read)
            for bank in range(rows):
                if read >> bank & 1:
                    address = (addresses >> 16 * bank & 0xFFFF) - first
                    assert 0 <= address < DEPTH
                    answers[bank] = memory[0][bank][address]
            ctx.set(dut.answers, sum(a << width * bank for bank, a in enumerate(answers)))

    async def drive(ctx):
        for codes, place, values in cases:
            memory[0] = banks_of(codes, place, chip)
            ctx.set(dut.windows.payload, values | {"base": values["base"] + first})
            ctx.set(dut.windows.valid, 1)
            before, found = len(reads), []
            done = False
            while not done:
                ready = not stalls or rng.random() < 0.6
                ctx.set(dut.words.ready, ready)
                _, _, valid, word, done = await ctx.tick().sample(
                    dut.words.valid, dut.words.payload, dut.windows.ready
                )
                if valid and ready:
                    data = word.to_bytes(rows * lanes, "little")
                    found.append(np.frombuffer(data, np.uint8).reshape(rows, lanes))
            ctx.set(dut.windows.valid, 0)
            await ctx.tick()
            expected = expected_words(codes, values, rows, lanes)
            assert len(found) == len(expected), values
            for beat, (one, other) in enumerate(zip(found, expected, strict=True)):
                assert ((other < 0) | (one == other)).all(), (beat, values)
            if cycles and not stalls:
                assert len(reads) - before - 1 <= cycles(len(expected))

    simulate(dut, drive, background=[banks], cycles=400_000)
