"""Estimated cycles of operations, by hand."""

from dataclasses import replace

from tests.sim.npu.test_bands import conv
from truncmac.descriptors import Operation
from truncmac.golden import Linear
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.estimate import OVERHEAD, Estimate
from truncmac.sim.npu.layouts import Layout
from truncmac.sim.npu.planning import machine_of

CONFIG = NpuConfig(array=ArrayConfig(rows=8, cols=8, lanes=8, planes=1, requantisers=2))
STEP = replace(
    conv("a", "x", 32, 32),
    source_shape=(32, 32, 16),
    shape=(32, 32, 20),
    kernel=(3, 3),
    layer=Linear("a", "x", out_bits=4),
)


def estimate(*widths, config=CONFIG):
    return Estimate(config, machine_of(config), [{"a": (bits, bits)} for bits in widths])


def test_a_convolution_takes_its_beats_or_the_drain_or_its_weights():
    flat = Layout(3, (0, 0))
    # 4 rows of 32 pixels are 16 tiles; 3 column tiles; 3 x 3 taps of two blocks
    assert estimate(8).step(STEP, flat, 4) == (3 * 16 * 18 * 8 + OVERHEAD,)
    # At k = 1 a tile is drained through two units for eight columns: 8 rows x 4 columns
    assert estimate(8, 1).step(STEP, flat, 4)[1] == 3 * 16 * 32 + OVERHEAD
    # One tile waits for weights of 18 beats x 8 planes x 8 bytes and 8 x 16 bytes of parameters
    small = replace(STEP, name="a", shape=(32, 8, 20))
    assert estimate(8).step(small, flat, 1) == (3 * (18 * 8 + 16) + OVERHEAD,)
    # Its stride is not the layout's: all pixels of a tile are in one bank
    strided = replace(STEP, stride=(2, 2))
    assert estimate(2).step(strided, flat, 4) == (3 * 16 * 18 * 8 + OVERHEAD,)


def test_a_maximum_pool_takes_the_taps_or_the_rows_of_its_tiles():
    flat = Layout(3, (0, 0))
    # 4 rows of 32 pixels are 16 tiles of 8; 20 channels are 3 blocks
    pool = replace(STEP, operation=Operation.POOL, layer=None, kernel=(3, 3))
    assert estimate(8, 1).step(pool, flat, 4) == (16 * 3 * 9 + OVERHEAD,) * 2
    assert estimate(8).step(replace(pool, kernel=(2, 3)), flat, 4) == (16 * 3 * 8 + OVERHEAD,)
    # Its stride is not the layout's: each tap takes the eight pixels one after the other
    strided = replace(pool, stride=(2, 1), kernel=(3, 2))
    assert estimate(8).step(strided, flat, 4) == (16 * 3 * 48 + OVERHEAD,)
    assert estimate(8).step(strided, Layout(3, (1, 0)), 4) == (16 * 3 * 8 + OVERHEAD,)


def test_means_and_shortcuts_take_a_cycle_for_each_tap_of_a_word_and_more():
    mean = replace(STEP, operation=Operation.POOL, layer=None, kernel=(3, 2), mean=True)
    assert estimate(8).step(mean, Layout(3, (0, 0)), 4) == ((6 + 8 + 1) * 4 * 32 * 3 + OVERHEAD,)
    copy = replace(mean, operation=Operation.SHORTCUT, kernel=(1, 1), mean=False)
    assert estimate(8).step(copy, Layout(3, (0, 0)), 4) == (2 * 4 * 32 * 3 + OVERHEAD,)


def test_a_transfer_takes_its_words_or_its_bytes():
    assert estimate(8).transfer((4, 5, 3), 60) == 20 + OVERHEAD
    assert estimate(8).transfer((4, 5, 16), 320) == 40 + OVERHEAD
    assert estimate(8).transfer((4, 5, 3), 1000) == 125 + OVERHEAD
    wide = replace(CONFIG, bus_width=256)
    assert estimate(8, config=wide).transfer((4, 5, 3), 1000) == 32 + OVERHEAD
