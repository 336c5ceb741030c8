"""Every counter of recorded programs is the one that the RTL counted."""

import pytest

from tests.programs.recorded import points, runs_of
from truncmac.descriptors import Region
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.cycles.npu.machine import NpuControl

POINTS = list(points())


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.config.array.name)
def test_counts_what_the_rtl_counted(point):
    npu = NpuControl(point.config, MemoryTiming(point.pauses.latency, point.pauses.gaps))
    for run, bases, counters in zip(
        runs_of(point.config, point.seed), point.bases, point.counters, strict=True
    ):
        assert npu.run(run.regions[Region.PROGRAM].tobytes(), bases, run.entry) == counters


def test_a_program_begins_where_its_region_does_unless_it_is_told():
    point = POINTS[0]
    run = runs_of(point.config, point.seed)[0]
    program, bases = run.regions[Region.PROGRAM].tobytes(), point.bases[0]
    assert run.entry == 0
    timing = MemoryTiming(point.pauses.latency, point.pauses.gaps)
    assert NpuControl(point.config, timing).run(program, bases) == point.counters[0]


def test_all_buses_and_kinds_of_waiting_are_among_the_points():
    assert {point.config.bus_width for point in POINTS} == {64, 128, 256}
    assert len({point.pauses.latency for point in POINTS}) > 2
    assert len({channel for point in POINTS for channel in point.pauses.gaps}) == 5
    arrays = [point.config.array for point in POINTS]
    assert any(array.requantisers > array.lanes for array in arrays)
    assert any(array.rows_at_once == 2 for array in arrays)
    names = POINTS[0].counters[0]
    largest = {name: max(c[name] for point in POINTS for c in point.counters) for name in names}
    assert min(largest.values()) > 0, largest


def test_every_cycle_of_a_program_is_in_one_of_four_counters():
    for point in POINTS:
        for counters in point.counters:
            parts = ("fetching", "convolving", "passing", "moving")
            assert sum(counters[name] for name in parts) == counters["cycles"]
