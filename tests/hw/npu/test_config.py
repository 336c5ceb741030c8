"""The NPU's sizes are checked, and a program's hash follows all of them."""

from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig, npu_array


def test_defaults():
    config = NpuConfig()
    assert config.array == ArrayConfig(requantisers=4)
    assert config.bus_bytes == 8
    assert config.memory_bytes == 3 * 8 * 1024 * 8


@pytest.mark.parametrize(
    ("sizes", "requantisers"),
    [
        # A window of 144 has 18 beats of 8 lanes; 8 rows leave in 16 cycles at 2 columns a unit
        ({}, 4),
        ({"rows": 16, "cols": 16}, 16),
        # 9 beats of 16 lanes: even one unit for each column takes 16 cycles for 16 rows
        ({"rows": 16, "cols": 16, "lanes": 16, "planes": 2}, 32),
        ({"rows": 15, "cols": 16, "lanes": 16, "planes": 2}, 16),
        ({"rows": 10, "cols": 4, "lanes": 16, "planes": 2}, 8),
        ({"rows": 9, "cols": 4, "lanes": 16, "planes": 2}, 4),
        ({"rows": 8, "cols": 8, "lanes": 16, "planes": 2}, 8),
        ({"rows": 2, "cols": 8, "lanes": 8}, 1),
        ({"rows": 16, "cols": 16, "requantisers": 2}, 2),
    ],
)
def test_output_units_keep_up_with_short_reductions(sizes, requantisers):
    assert npu_array(**sizes).requantisers == requantisers


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"bus_width": 32}, ValueError, "64, 128 or 256, not 32"),
        ({"groups": 2}, ValueError, r"groups must be in 3\.\.8, not 2"),
        ({"groups": 9}, ValueError, r"groups must be in 3\.\.8, not 9"),
        ({"depth": 15}, ValueError, r"depth must be in 16\.\.65536, not 15"),
        ({"depth": 65537}, ValueError, "not 65537"),
        ({"outstanding": 0}, ValueError, r"outstanding must be in 1\.\.16, not 0"),
        ({"depth": 16.0}, TypeError, "depth must be an integer, not 16.0"),
        ({"outstanding": True}, TypeError, "outstanding must be an integer, not True"),
        ({"array": ArrayConfig(rows=12)}, ValueError, "rows.*power of two, not 12"),
        ({"array": ArrayConfig(256, 8, 8)}, ValueError, "rows.* at most 128, not 256"),
        ({"array": ArrayConfig(cols=6)}, ValueError, "cols.*power of two, not 6"),
        ({"array": ArrayConfig(lanes=3)}, ValueError, "lanes.*power of two, not 3"),
        ({"array": ArrayConfig(cols=2, lanes=2)}, ValueError, "at least 8 bits, not 4"),
        ({"array": ArrayConfig(max_reduction=1 << 15)}, ValueError, "32768 needs 33"),
        ({"array": ArrayConfig(multiplier_bits=28)}, ValueError, "multiplier 28 bits.*27 bits"),
    ],
)
def test_sizes_that_no_npu_has_are_refused(changes, error, match):
    with pytest.raises(error, match=match):
        NpuConfig(**changes)


def test_the_widest_that_fit():
    config = NpuConfig(array=ArrayConfig(max_reduction=1 << 14, multiplier_bits=27))
    assert (config.array.sum_width, config.array.bias_width) == (32, 59)


def test_the_hash_follows_every_size():
    config = NpuConfig()
    array = config.array
    others = [
        replace(config, bus_width=128),
        replace(config, groups=4),
        replace(config, depth=2048),
        replace(config, outstanding=2),
        *(
            replace(config, array=replace(array, **{name: value}))
            for name, value in (
                ("rows", 4),
                ("cols", 16),
                ("lanes", 4),
                ("planes", 2),
                ("max_reduction", 4600),
                ("requantisers", 2),
                ("multiplier_bits", 19),
            )
        ),
    ]
    assert len({each.configuration for each in (config, *others)}) == len(others) + 1
    assert NpuConfig().configuration == config.configuration < 1 << 32
