"""Means and shortcuts read the pixels of their windows, and write a word a window, by hand."""

import pytest

from truncmac.descriptors import Operation
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.npu.passes import Passer

CONFIG = ArrayConfig(4, 8, 2, 1)
PLACES = {"input": (1, 1, 0, 0), "output": (2, 0, 0, 0)}  # group, tile_x, phase_x, phase_y


def fields(**changes):
    found = {"input_width": 7, "input_height": 5, "output_width": 3, "output_height": 2}
    found |= {"output_channels": 3, "stride_x": 2, "stride_y": 3}
    for role, place in PLACES.items():
        names = (f"{role}_map_{name}" for name in ("group", "tile_x", "phase_x", "phase_y"))
        found |= dict(zip(names, place, strict=True))
    return found | changes


def run(operation, values):
    """Banks that are read, None outside, and written; and the cycles."""
    passer = Passer(CONFIG)
    passer.begin(operation, values)
    read, written, cycle, over = [], [], 0, False
    while not over:
        if passer.steps:
            read.append(passer.reads())
        if (bank := passer.writes()) is not None:
            written.append(bank)
        over = passer.tick(granted=True)
        cycle += 1
    return read, written, cycle


def bank(x, y):
    """Of an input's pixel: two columns and two rows of pixels are a block."""
    return (1, x % 2 + 2 * (y % 2)) if 0 <= x < 7 and 0 <= y < 5 else None


def test_a_mean_reads_its_windows():
    values = fields(kernel_x=3, kernel_y=2, pad_left=1, pad_top=2)
    read, written, cycles = run(Operation.POOL, values)
    expected = [
        bank(2 * x + kx - 1, 3 * y + ky - 2)
        for y in range(2)
        for x in range(3)
        for _ in range(2)  # words of three channels
        for ky in range(2)
        for kx in range(3)
    ]
    assert read == expected
    assert None in expected
    assert written == [(2, y) for y in range(2) for _ in range(6)]
    # A tap a cycle, a lane's division a cycle, and the write: the next tap is read meanwhile
    words = 12
    assert cycles == words * (6 + CONFIG.lanes + 1) + 1


@pytest.mark.parametrize("channels", [1, 4])
def test_a_shortcut_reads_a_pixel_for_each_word(channels):
    values = fields(output_channels=channels, stride_x=3, output_width=3)
    read, written, cycles = run(Operation.SHORTCUT, values)
    blocks = (channels + 1) // 2
    expected = [bank(3 * x, 3 * y) for y in range(2) for x in range(3) for _ in range(blocks)]
    assert read == expected
    assert len(written) == len(read)
    assert cycles == 2 * len(read) + 1
