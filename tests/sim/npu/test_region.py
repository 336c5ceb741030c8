"""Sections of the program's region begin at whole beats, and those that come late fill theirs."""

from truncmac.sim.npu.compiled import Section
from truncmac.sim.npu.region import RegionWriter, aligned


def test_sections():
    region = RegionWriter(8)
    assert region.size == 0
    assert region.reserve("first", 3) == 0
    assert region.add("second", b"abcdefgh") == 8
    assert region.reserve("third", 1) == 16
    assert region.add("fourth", b"z") == 24
    assert region.size == 32
    assert region.sections == [
        Section("first", 0, 3),
        Section("second", 8, 8),
        Section("third", 16, 1),
        Section("fourth", 24, 1),
    ]
    zeros = b"\0" * 7
    assert region.joined([b"123", b"x"]) == b"123\0\0\0\0\0abcdefghx" + zeros + b"z" + zeros


def test_sizes_are_rounded_up_to_beats():
    assert [aligned(size, 16) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]
