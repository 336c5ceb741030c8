import numpy as np
import pytest

from truncmac.descriptors import Region
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.rtl.npu.image import COUNTERS, ORIGIN, MemoryImage
from truncmac.sim.rtl.npu.runs import BusError, ProgramRun

CONFIG = NpuConfig(bus_width=128)


def regions(*sizes):
    return {
        region: np.arange(size).astype(np.uint8) for region, size in zip(Region, sizes, strict=True)
    }


def test_equal_programs_lie_in_memory_once_and_nothing_else_is_shared():
    runs = [ProgramRun(regions(100, 5, 7, 0)), ProgramRun(regions(100, 5, 7, 3))]
    image = MemoryImage.of(CONFIG, runs)
    first, second = (places for _, places in image.runs)
    assert first[Region.PROGRAM] == second[Region.PROGRAM] == ORIGIN
    others = [places[region] for places in (first, second) for region in list(Region)[1:]]
    assert len(set(others)) == len(others)
    assert all(place % 32 == 0 for place in others)


def test_files(tmp_path):
    error = BusError(Region.INPUT, 2, 3, "DECERR")
    run = ProgramRun(regions(20, 5, 7, 0), entry=64, error=error, again_at=9, reset_at=8)
    image = MemoryImage.of(CONFIG, [run])
    options = image.write(tmp_path)
    words = (tmp_path / "memory.hex").read_text().split()
    assert words[:2] == ["0f0e0d0c0b0a09080706050403020100", "00" * 12 + "13121110"]
    assert len(words) * 16 == image.size
    places = image.runs[0][1]
    assert options[2] == f"+left_first={(places[Region.OUTPUT] - ORIGIN) // 16}"
    writes = [int(line, 16) for line in (tmp_path / "writes.hex").read_text().split()]
    assert writes[0] == 0x20 << 32 | ORIGIN
    assert writes[1] == 0x24 << 32 | 20
    assert writes[-3:] == [0x14 << 32 | 64, 0x0C << 32 | 6, 1 << 63 | 0x08 << 32 | 0x101]
    word = int((tmp_path / "runs.hex").read_text(), 16)
    fields = [word >> 32 * index & 0xFFFFFFFF for index in range(14)]
    first = places[Region.INPUT]
    assert fields[2:4] == [first, first + 5]
    assert fields[8:] == [first + 2, first + 5, 3, 9, 0x101, 8]


def test_a_stop_is_another_write_where_the_start_was(tmp_path):
    image = MemoryImage.of(CONFIG, [ProgramRun(regions(20, 5, 7, 0), stop_at=77)])
    image.write(tmp_path)
    word = int((tmp_path / "runs.hex").read_text(), 16)
    assert [word >> 32 * index & 0xFFFFFFFF for index in (11, 12, 13)] == [77, 0x102, 0]


def test_what_the_harness_writes(tmp_path):
    image = MemoryImage.of(CONFIG, [ProgramRun(regions(20, 5, 7, 2))])
    left = np.zeros(image.end - image.left, np.uint8)
    place = image.runs[0][1][Region.SCRATCH] - image.left
    left[place : place + 2] = 8, 9
    lines = [bytes(word[::-1]).hex() for word in left.reshape(-1, 16)]
    (tmp_path / "left.hex").write_text("\n".join(["// 0x0", *lines]))
    counters = " ".join(f"{index + 100:08x}" for index in range(len(COUNTERS)))
    counts = f"00000902 00000003 00000010 {counters} 00000011 00000000 20 1f 1 2"
    (tmp_path / "results.hex").write_text(f"{counts} 0\n")
    (outcome,) = image.outcomes(tmp_path)
    assert outcome.fault.name == "READ" and not outcome.ended
    assert (outcome.index, outcome.cycles, outcome.waited, outcome.writes) == (3, 16, 17, 0)
    assert list(outcome.counters.values()) == [100 + index for index in range(len(COUNTERS))]
    assert "core_cycles" in outcome.counters
    assert (outcome.bytes_read, outcome.bytes_written, outcome.strays) == (32, 31, 3)
    assert outcome.regions[Region.SCRATCH].tolist() == [8, 9]
    (tmp_path / "results.hex").write_text(f"{counts} 5\n")
    with pytest.raises(ValueError, match="^Run 0 broke the rules of AXI4: a burst .*; an offer"):
        image.outcomes(tmp_path)
