"""Maximum pools leave the largest code of each window, in as many cycles as are said."""

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from tests.hw.npu.outputs import machine, placed, places_of, word_of
from tests.hw.npu.windows import drawn
from tests.support import simulate
from truncmac.golden import MapPlace
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.im2col import Im2col
from truncmac.hw.npu.pixels import PixelReader
from truncmac.hw.npu.pooler import Pooler
from truncmac.hw.npu.window import WindowReader
from truncmac.integers import ceil_div

SOURCE, TARGET = 0, 1  # groups
SIZES = [
    (1, 1),
    (4, 2),
    *(pytest.param(*s, marks=pytest.mark.long) for s in ((2, 8), (8, 4), (16, 2))),
]
SHARED = ("read", "addresses", "answers")
WRITING = ("pixel", "places", "write", "write_given")


class Reading(wiring.Component):
    """A pooler, and what reads its windows."""

    def __init__(self, config):
        self.pooler, self.windows = Pooler(config), Im2col(config)
        ours = self.pooler.signature.members
        members = {name: ours[name] for name in ("operations", *WRITING)}
        super().__init__(members | {name: self.windows.signature.members[name] for name in SHARED})

    def elaborate(self, platform):
        m = Module()
        m.submodules.pooler, m.submodules.windows = self.pooler, self.windows
        wiring.connect(m, self.pooler.windows, self.windows.windows)
        wiring.connect(m, self.windows.words, self.pooler.words)
        wiring.connect(m, wiring.flipped(self.operations), self.pooler.operations)
        for part, names in ((self.pooler, WRITING), (self.windows, SHARED)):
            for name in names:
                ours, theirs = getattr(self, name), getattr(part, name)
                given = part.signature.members[name].flow == Out
                m.d.comb += ours.eq(theirs) if given else theirs.eq(ours)
        return m


def largest(codes, window):
    """The output by definition, (OH, OW, C)."""
    found = np.zeros((window["output_height"], window["output_width"], codes.shape[2]), np.uint8)
    for y, x in np.ndindex(found.shape[:2]):
        for tap_y, tap_x in np.ndindex(window["kernel_y"], window["kernel_x"]):
            row = y * window["stride_y"] + tap_y - window["pad_top"]
            column = x * window["stride_x"] + tap_x - window["pad_left"]
            inside = 0 <= row < codes.shape[0] and 0 <= column < codes.shape[1]
            code = codes[row, column] if inside else window["pad_code"]
            found[y, x] = np.maximum(found[y, x], code)
    return found


def cycles_of(window, config):
    """Cycles from the first with the operation to that of its last word."""
    crosses = any(
        window[f"stride_{axis}"] != 1 << window[f"phase_{axis}"] and window[f"output_{size}"] > 1
        for axis, size in (("x", "width"), ("y", "height"))
    )
    # Until a block's first word is here, and from a word to the next
    first, period = WindowReader.LATENCY, 1
    if crosses:
        period = config.rows + PixelReader.OVERHEAD
        first = period - 1
    across = 1 << window["tile_x"]
    tiles = ceil_div(window["output_width"], across)
    tiles *= ceil_div(window["output_height"], config.rows // across)
    taps = window["kernel_x"] * window["kernel_y"]
    begin = free = 0
    for _ in range(ceil_div(window["input_channels"], config.lanes)):
        word = begin + first
        for _ in range(tiles):
            end = max(word + (taps - 1) * period, free)  # the tile's last word is taken
            word, free = end + period, end + config.rows
        begin = end + 2
    return free + 2  # a row is written a cycle later


async def banks(ctx, dut, held, words):
    """Both groups of the activation memory, (group, bank, word, lane).

    words : group, bank and word of each pixel of the output
    """
    rows, lanes = held.shape[1], held.shape[3]
    answers, pixel = [0] * rows, None
    ports = (dut.read, dut.addresses, dut.write, dut.write_given, dut.places, dut.pixel)
    async for *_, read, addresses, write, given, told, found in ctx.tick().sample(*ports):
        for bank in range(rows):
            if read >> bank & 1:
                word = held[SOURCE, bank, addresses >> 16 * bank & 0xFFFF].astype(np.uint8)
                answers[bank] = int.from_bytes(word.tobytes(), "little")
        ctx.set(dut.answers, sum(word << 8 * lanes * bank for bank, word in enumerate(answers)))
        for lane in range(lanes):
            if write >> lane & 1:
                held[(*word_of(words[0], pixel), lane)] = given >> 8 * lane & 255
        pixel = found if told else None


def check(rows, lanes, cases):
    """Run pools (codes, place, window), and compare what they leave, and their cycles."""
    config = ArrayConfig(rows, 4, lanes, 1, requantisers=1)
    dut, chip, rng = Reading(config), machine(config), np.random.default_rng(rows)
    held, words = np.zeros((2, rows, chip.depth, lanes), np.int64), [None]

    async def drive(ctx):
        for codes, source, window in cases:
            window |= {"column_tiles": 1, "dilation_x": 1, "dilation_y": 1}
            expected = largest(codes, window)
            target = placed(rng, expected.shape, chip, TARGET)
            held[:] = rng.integers(0, 256, held.shape)
            held[places_of(source, codes.shape, chip)] = codes
            before = held.copy()
            words[0] = target.group, *target.locate(expected.shape, chip)
            ctx.set(dut.operations.payload, window)
            ctx.set(dut.operations.valid, 1)
            cycles, done = 0, False
            while not done:
                *_, done = await ctx.tick().sample(dut.operations.ready)
                cycles += 1
            ctx.set(dut.operations.valid, 0)
            await ctx.tick().repeat(int(rng.integers(1, 3)))
            places = places_of(target, expected.shape, chip)
            assert np.array_equal(held[places], expected), window
            held[places] = before[places]
            assert np.array_equal(held, before)  # nothing else was written
            assert cycles == cycles_of(window, config), window

    async def memory(ctx):
        await banks(ctx, dut, held, words)

    simulate(dut, drive, background=[memory], cycles=200_000)


@pytest.mark.parametrize("any_stride", [False, True])
@pytest.mark.parametrize(("rows", "lanes"), SIZES)
def test_random_pools(rows, lanes, any_stride):
    rng = np.random.default_rng(rows)
    chip = machine(ArrayConfig(rows, 4, lanes, 1, requantisers=1))
    check(rows, lanes, [drawn(rng, chip, any_stride=any_stride) for _ in range(10)])


def padded_pool(chip, size, channels):
    """Place and window of a pool of 3 x 3 windows at a stride of 2, padded by a pixel."""
    shape, tile_x = (size, size, channels), min(chip.row_bits, 3)
    place = MapPlace.packed(shape, chip, group=SOURCE, base=0, tile_x=tile_x, phases=(1, 1))
    pairs = {"input_width": size, "output_width": ceil_div(size, 2), "kernel_x": 3, "stride_x": 2}
    pairs |= {"input_height": size, "output_height": ceil_div(size, 2)}
    window = pairs | {"kernel_y": 3, "stride_y": 2, "pad_left": 1, "pad_top": 1, "pad_code": 0}
    window |= {name: value for name, value in vars(place).items() if name != "group"}
    return place, window | {"input_channels": channels}


@pytest.mark.parametrize(
    ("rows", "cycles"),
    [
        (4, (3 + 16 * 9 + 1) + (3 + 16 * 9) + 4 + 1),  # by its taps, and the last tile's rows
        pytest.param(16, (3 + 9) + 8 * 16 + 1, marks=pytest.mark.long),  # by its rows
    ],
)
def test_a_tile_takes_its_taps_or_its_rows(rows, cycles):
    """An 8 x 8 output of two blocks of channels, counted by hand."""
    config = ArrayConfig(rows, 4, 2, 1, requantisers=1)
    place, window = padded_pool(machine(config), 16, 3)
    assert cycles_of(window, config) == cycles
    check(rows, 2, [(np.random.default_rng(0).integers(0, 256, (16, 16, 3)), place, window)])


def test_the_pool_of_resnet18_takes_its_rows():
    """112 x 112 pixels of 64 channels, on 16 rows of 8 lanes."""
    config = ArrayConfig(16, 16, 8, 1)
    _, window = padded_pool(machine(config), 112, 64)
    assert cycles_of(window, config) == (3 + 9) + 56 * 56 // 16 * 8 * 16 + 1 == 25_101
