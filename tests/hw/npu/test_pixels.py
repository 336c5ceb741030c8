"""Windows of any stride are those that golden's im2col makes, a pixel a cycle."""

import pytest

from tests.hw.npu.windows import run
from truncmac.hw.npu.pixels import PixelReader

SIZES = [(1, 1), (4, 2), *(pytest.param(*s, marks=pytest.mark.long) for s in ((8, 4), (16, 1)))]


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize(("rows", "lanes"), SIZES)
def test_random_windows_of_any_stride(rows, lanes, stalls):
    run(
        *(PixelReader, rows, lanes),
        **{"stalls": stalls, "count": 6, "any_stride": True},
        cycles=lambda n: n * (rows + PixelReader.OVERHEAD) + 2,
    )
