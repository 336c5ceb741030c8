"""Each stride is read in its way, one convolution after the other."""

import pytest

from tests.hw.npu.windows import run
from truncmac.hw.npu.im2col import Im2col

SIZES = [(2, 2), *(pytest.param(*s, marks=pytest.mark.long) for s in ((8, 4), (16, 1)))]


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize(("rows", "lanes"), SIZES)
def test_random_windows_of_all_strides(rows, lanes, stalls):
    run(Im2col, rows, lanes, stalls=stalls, count=16, any_stride=True)
