import math
import re
from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.platforms import PLATFORMS, Memory, Platform, platform_by_name

# Transfers a second and bits of a channel, and the share of its peak that is counted on.
# LPDDR4-3200 (JESD209-4): one channel of 16 bits, half of it; DDR3-1066 (JESD79-3): a chip of 16
# bits; HBM2 (JESD235A): 1024 bits at 2 Gb/s, of which a tile has less than a half
CHANNELS = {
    "edge": (3200e6, 16, 0.5, 0.5),
    "fpga": (1066e6, 16, 0.95, 1.0),
    "datacentre": (2e9, 1024, 0.3, 0.5),
}
KIB = 1024


@pytest.mark.parametrize("name", CHANNELS)
def test_the_dram_of_a_platform_is_what_its_channel_gives(name):
    transfers, width, least, most = CHANNELS[name]
    peak = transfers * width / 8
    assert least * peak <= PLATFORMS[name].memory.dram_bytes_per_s <= most * peak


@pytest.mark.parametrize(
    ("name", "sizes", "clock", "kib", "dram"),
    [
        ("edge", (8, 8, 8, 1), 200e6, 128, 3.2e9),
        ("fpga", (16, 16, 8, 1), 100e6, 256, 2.1e9),
        ("datacentre", (64, 64, 16, 1), 1e9, 4096, 100e9),
    ],
)
def test_sizes_and_clocks_of_the_platforms(name, sizes, clock, kib, dram):
    """Sizes in KiB, clocks in Hz, DRAM in bytes a second."""
    platform = PLATFORMS[name]
    assert platform.name == name and list(PLATFORMS) == ["edge", "fpga", "datacentre"]
    assert (platform.config, platform.clock_hz) == (ArrayConfig(*sizes), clock)
    assert platform.memory == Memory(kib * KIB, kib * KIB, dram)


def test_dram_bytes_of_a_cycle():
    """3.2 GB/s at 200 MHz: 16 bytes; the default platform is the edge's."""
    assert PLATFORMS["edge"].dram_bytes_per_cycle == 16
    assert Platform("edge") == PLATFORMS["edge"]


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


def test_surroundings_change_and_the_array_stays():
    edge = PLATFORMS["edge"]
    assert edge.with_surroundings() == edge
    changed = edge.with_surroundings(
        clock_mhz=50.0, dram_gbs=0.5, activation_kib=10.0, weight_kib=20.5
    )
    assert (changed.config, changed.name, changed.clock_hz) == (edge.config, "edge", 50e6)
    assert changed.memory == Memory(10_240, 20_992, 0.5e9)
    only = edge.with_surroundings(weight_kib=1)
    assert (only.clock_hz, only.memory) == (edge.clock_hz, replace(edge.memory, weight_bytes=1024))


@pytest.mark.parametrize("kib", [0, -1.0, math.nan, 2**30])
def test_a_scratchpad_has_a_size(kib):
    message = f"A scratchpad must have more than 0 and less than 2**30 KiB, not {kib}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PLATFORMS["edge"].with_surroundings(activation_kib=kib)


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
