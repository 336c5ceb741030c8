"""Windows by address are those that golden's im2col makes."""

import pytest

from tests.hw.npu.windows import run
from truncmac.hw.npu.window import WindowReader

SIZES = [
    (1, 1),
    (4, 2),
    *(pytest.param(*s, marks=pytest.mark.long) for s in ((2, 4), (8, 8), (16, 1))),
]


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize(("rows", "lanes"), SIZES)
def test_random_windows_take_a_cycle_a_word(rows, lanes, stalls):
    run(WindowReader, rows, lanes, stalls=stalls, cycles=lambda n: n + WindowReader.LATENCY + 2)
