"""The AXI top's model against counters that the RTL counted, and by hand."""

import pytest

from tests.sim.cycles.recorded import POINTS
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.axi import AxiControl, axi_counters, bus_gaps
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job


@pytest.mark.parametrize("point", [p for p in POINTS if p.widths], ids=lambda point: point.name)
def test_counts_what_the_rtl_counted(point):
    assert axi_counters(point.config, point.jobs, point.widths) == point.counters


def test_cycles_that_a_word_takes_on_its_bus():
    """A wide word takes whole beats of the bus, ceil(bits / width)."""
    config = ArrayConfig(3, 4, 5, 2, max_reduction=10, requantisers=2)
    # Activations 3 x 5 x 8 = 120 bits, weights 4 x 5 x 2 = 40, residuals 4 x 8 = 32. Parameters:
    # M 18, Mr 26, s 6, and B 40: together 90. Results: 2 codes of 8 bits, or 2 sums of 32
    wide, narrow = BusWidths(*[512] * 5), BusWidths(*[32] * 5)
    assert bus_gaps(config, wide, raw=False) == bus_gaps(config, wide, raw=True)
    for raw, results in ((False, 1), (True, 2)):
        found = bus_gaps(config, narrow, raw=raw)
        assert vars(found) == {
            **{"activations": 4, "weights": 2, "parameters": 3, "residuals": 1},
            "results": results,
        }
    mixed = bus_gaps(config, BusWidths(64, 32, 128, 32, 64), raw=True)
    assert list(vars(mixed).values()) == [2, 2, 1, 1, 1]


def test_wide_buses_add_the_feeds_way_in_to_what_the_core_takes():
    """All else is the core's: every chunk, beat and tile, and no other stall."""
    config = ArrayConfig(2, 2, 2, 1, max_reduction=20, requantisers=2)
    jobs = [Job(10, 8, 3, 2), Job(10, 3, 1, 2, fresh=False), Job(7, 1, 4, 1, residual=True)]
    found = axi_counters(config, jobs, BusWidths(*[512] * 5))
    for job, own, core in zip(jobs, found, control_counters(config, jobs), strict=True):
        for name in ("tiles", "beats", "chunks", "stalled_activations", "stalled_output"):
            assert own[name] == core[name]
        # Each column tile's weights are read after they were loaded, the first before all else
        waiting = own["stalled_weights"] - core["stalled_weights"]
        assert 0 < waiting <= own["cycles"] - core["cycles"] + core["stalled_drain"] + 2
        assert own["chunks"] == job.tiles * job.beats * job.bits


@pytest.mark.parametrize("cols", [3, 16])
def test_parameters_of_two_column_tiles_are_sent_before_the_first_job(cols):
    """A set takes `cols` words of 90 bits or so, each three words of a bus of 32.

    A column tile takes few cycles, so that the third waits for its set, which needs longer.
    """
    config = ArrayConfig(1, cols, 2, 1, max_reduction=20, requantisers=cols)
    widths = BusWidths(512, 512, 32, 512, 512)
    assert bus_gaps(config, widths, raw=False).parameters == 3
    for column_tiles in (1, 2, 3):
        (found,) = axi_counters(config, [Job(1, 1, 1, column_tiles)], widths)
        assert (found["stalled_parameters"] > 0) == (column_tiles == 3)


@pytest.mark.parametrize("widths", [(512,) * 5, (32,) * 5, (32, 512, 32, 512, 32)])
def test_skipping_repetitions_changes_no_counter(widths):
    config = ArrayConfig(2, 4, 3, 2, max_reduction=60, requantisers=2)
    jobs = [
        Job(12, 5, 9, 4),
        Job(20, 8, 1, 7, fresh=False),
        Job(1, 1, 12, 3, residual=True),
        Job(3, 2, 2, 12, residual=True),
    ]
    slow = AxiControl(config, jobs, BusWidths(*widths))
    slow.repeats = False
    assert axi_counters(config, jobs, BusWidths(*widths)) == list(slow.run())


def test_a_long_job_is_skipped_through():
    job = Job(beats=500, bits=8, row_tiles=1000, column_tiles=100)
    config = ArrayConfig(max_reduction=4000)
    (counters,) = axi_counters(config, [job], BusWidths(*[512] * 5))
    assert counters["chunks"] == 500 * 8 * 1000 * 100
