import math
import re

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.platforms import PLATFORMS, Memory, Platform, platform_by_name


def test_sizes_change_the_array_and_nothing_else():
    fpga = PLATFORMS["fpga"]
    assert fpga.with_sizes({}) == fpga
    changed = fpga.with_sizes({"rows": 4, "planes": 2})
    assert changed.config == ArrayConfig(4, 16, 8, 2)
    assert (changed.clock_hz, changed.memory, changed.name) == (
        fpga.clock_hz,
        fpga.memory,
        "fpga",
    )
    assert fpga.with_sizes({"requantisers": 16}).config.requantisers == 16


def test_a_name_that_is_none_is_answered_with_those_that_are():
    assert platform_by_name("edge") is PLATFORMS["edge"]
    message = "Platform must be one of edge, fpga, datacentre, not 'moon'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        platform_by_name("moon")


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_rates_are_positive_and_finite(value):
    message = f"dram_bytes_per_s must be more than 0 and finite, not {value}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Memory(1, 1, value)
    message = f"The clock must be more than 0 Hz and finite, not {value:g}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Platform("p", clock_hz=value)
