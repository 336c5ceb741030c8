"""Cycles of each way to drain: the core's own against its models, the others by hand."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.drain.ways import Drain, Way, bound, count, jobs_of
from tests.sim.cycles.test_control import random_config, random_jobs
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import npu_array
from truncmac.sim.cycles.closed_form import count_sequence
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.points import Products, Sizes
from truncmac.sim.workloads.names import workload_by_name

RESNET20 = workload_by_name("resnet20")
LARGE = npu_array(rows=16, cols=16, lanes=16, planes=2, requantisers=16)


def totals(counters):
    return tuple(sum(job[name] for job in counters) for name in ("cycles", "stalled_drain"))


def counted(jobs, config, way):
    found = count(jobs, config, way)
    return found.cycles, found.stalled_drain


def test_the_cores_own_way_takes_what_the_step_model_counts():
    rng = np.random.default_rng(1)
    for _ in range(60):
        config, jobs = random_config(rng), random_jobs(rng)
        expected = totals(control_counters(config, jobs))
        assert counted(jobs, config, Way.of(config)) == expected, (config, jobs)


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
@pytest.mark.parametrize("requantisers", [4, 16])
def test_so_it_does_on_resnet20(bits, requantisers):
    config = ArrayConfig(16, 16, 16, 2, requantisers=requantisers)
    jobs = jobs_of(RESNET20, config, bits)
    expected = totals(control_counters(config, jobs))
    assert counted(jobs, config, Way.of(config)) == expected


def test_two_rows_at_once_take_what_the_closed_form_says_of_half_the_interval():
    """The closed form has the interval of `rows`; half as many rows, with tiles as many."""
    rng = np.random.default_rng(2)
    stalls = 0
    for _ in range(200):
        config, jobs = random_config(rng), random_jobs(rng)
        config = replace(config, requantisers=min(config.requantisers, config.cols))
        half = -(-config.rows // 2)
        sizes = Sizes(
            **(vars(Sizes.of(config)) | {"departures": np.array(half), "rows": np.array(half)})
        )
        products = Products(
            np.array([job.row_tiles * half for job in jobs]),
            np.array([job.beats * config.lanes for job in jobs]),
            np.array([job.column_tiles * config.cols for job in jobs]),
            np.array([job.bits for job in jobs]),
            np.array([job.fresh for job in jobs]),
        )
        expected = totals(count_sequence(products, sizes).rows())
        assert counted(jobs, config, Way(config.share, rows_at_once=2)) == expected
        stalls += expected[1]
    assert stalls > 1000


def test_they_take_what_the_core_does_that_is_built_so():
    rng = np.random.default_rng(5)
    for _ in range(60):
        jobs, (rows, cols) = random_jobs(rng), rng.integers(1, 5, 2).tolist()
        config = ArrayConfig(2 * rows, cols, requantisers=cols)
        built = replace(config, requantisers=2 * cols)
        expected = totals(control_counters(built, jobs))
        assert counted(jobs, config, Way(1, rows_at_once=2)) == expected
        assert counted(jobs, built, Way.of(built)) == expected


class Stepped:
    """A queue or copies, cycle by cycle: rows move, and a tile ends when there is room."""

    def __init__(self, way, rows):
        self.way, self.rows = way, rows
        self.waiting = deque()  # rows in the array, by the tile that they belong to
        self.queued = deque()
        self.serving = 0  # cycles that are left of the row that is served
        self.held = 0  # rows that the queue holds, with the one that is served

    def may_end(self):
        """Whether a PE has room for the sums of one more tile."""
        tiles = len(set(self.waiting))
        if not self.way.queue and self.serving and not self._begun():
            tiles += 1  # its last row is served from the PEs
        return tiles < self.way.copies

    def _begun(self):
        """Whether the oldest tile has rows that have left already."""
        return 0 < self.waiting.count(self.waiting[0]) < self.rows if self.waiting else False

    def step(self):
        """Pass a cycle of the output units."""
        if self.serving == 1 and self.way.queue:
            self.held -= 1
        self.serving = max(self.serving - 1, 0)

    def move(self):
        """Move a row into the queue, and one to the output units, if there is room."""
        if not self.way.queue:
            self._serve(self.waiting)
            return
        if self.waiting and self.held < self.way.queue:
            self.queued.append(self.waiting.popleft())
            self.held += 1
        self._serve(self.queued)

    def _serve(self, rows):
        if rows and self.serving == 0:
            rows.popleft()
            self.serving = self.way.share


def stepped_ends(lengths, rows, way):
    """When each tile ends, if so many cycles pass from the end of the one before at least."""
    machine, ends, cycle, ready = Stepped(way, rows), [], 0, lengths[0] - 1
    while len(ends) < len(lengths):
        machine.step()
        if cycle >= ready and machine.may_end():
            machine.waiting.extend([len(ends)] * rows)
            ends.append(cycle)
            ready = cycle + lengths[min(len(ends), len(lengths) - 1)]
        machine.move()
        cycle += 1
    return ends


def formula_ends(lengths, config, way):
    drain, ends, end = Drain(config, way), [], -1
    for length in lengths:
        end = max(end + length, drain.free)
        drain.end(end)
        ends.append(end)
    return ends


@pytest.mark.parametrize("kind", ["own", "copies", "queue"])
def test_tiles_end_as_they_do_cycle_by_cycle(kind):
    rng = np.random.default_rng(3)
    late = 0
    for _ in range(150):
        rows, share = rng.integers(1, 7, 2).tolist()
        extra = int(rng.integers(1, 20))
        way = {
            "own": Way(share),
            "copies": Way(share, copies=1 + extra % 3),
            "queue": Way(share, queue=extra),
        }[kind]
        lengths = rng.integers(1, 2 * rows * share + 2, 12).tolist()
        config = ArrayConfig(rows=rows, cols=6)
        found = formula_ends(lengths, config, way)
        assert found == stepped_ends(lengths, rows, way), (rows, way, lengths)
        late += found[-1] - (sum(lengths) - 1)
    assert late > 100


@pytest.mark.parametrize("way", [Way(2, copies=2), Way(2, queue=16)])
def test_room_for_a_tile_evens_out_long_and_short_tiles(way):
    mix = [48, 16] * 10
    assert formula_ends(mix, LARGE, Way(2))[-1] > sum(mix) + 140
    assert formula_ends(mix, LARGE, way)[-1] == sum(mix) - 1


@pytest.mark.parametrize("way", [Way(2, copies=2), Way(2, queue=16)])
def test_room_for_a_tile_does_not_speed_up_a_job_whose_tiles_are_all_short(way):
    """The last tiles wait less for the drain and end sooner, but their results leave as late."""
    job = [Job(9, 1, 64, 1)]
    own, other = count(job, LARGE, Way(2)), count(job, LARGE, way)
    assert other.cycles == own.cycles
    assert own.stalled_drain - 32 <= other.stalled_drain < own.stalled_drain


def test_a_queue_does_nothing_where_a_row_leaves_in_each_cycle_anyway():
    rng = np.random.default_rng(4)
    lengths = rng.integers(1, 40, 50).tolist()
    expected = formula_ends(lengths, LARGE, Way(1))
    assert formula_ends(lengths, LARGE, Way(1, queue=16)) == expected


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_nor_does_it_speed_up_resnet20(bits):
    jobs = jobs_of(RESNET20, LARGE, bits)
    own = count(jobs, LARGE, Way(1)).cycles
    assert count(jobs, LARGE, Way(1, copies=2)).cycles == own
    assert count(jobs, LARGE, Way(1, queue=16)).cycles == own
    assert count(jobs, LARGE, Way(1, rows_at_once=2)).cycles < own


def test_a_tile_is_due_each_interval():
    assert Way(2).interval(8) == 16
    assert Way(2, rows_at_once=2).interval(8) == 8
    assert Way(1, rows_at_once=2).interval(5) == 3


def test_the_bound_is_what_the_array_alone_needs():
    jobs = jobs_of(RESNET20, LARGE, 1)
    assert len(jobs) == 20
    assert (jobs[0].bits, jobs[1].bits) == (8, 1)
    assert bound(jobs, LARGE) == 10_320
    assert bound([Job(3, 3, 2, 5)], LARGE) == 3 * 2 * 10
