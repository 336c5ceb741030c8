"""Each stride is read in its way, one convolution after the other."""

import pytest

from tests.hw.npu.windows import DEPTH, run
from truncmac.hw.npu.im2col import Im2col
from truncmac.hw.npu.window import WindowReader

SIZES = [(2, 2), *(pytest.param(*s, marks=pytest.mark.long) for s in ((8, 4), (16, 1)))]


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize(("rows", "lanes"), SIZES)
def test_random_windows_of_all_strides(rows, lanes, stalls):
    run(Im2col, rows, lanes, stalls=stalls, count=16, any_stride=True)


def test_windows_of_the_strides_of_the_map_take_a_cycle_a_word():
    run(Im2col, 4, 2, stalls=False, cycles=lambda n: n + WindowReader.LATENCY + 2)


def test_maps_lie_anywhere_in_the_deepest_memory():
    run(Im2col, 2, 4, stalls=False, count=4, any_stride=True, first=(1 << 16) - DEPTH)
