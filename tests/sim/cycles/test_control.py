"""The model of control against counters that the RTL counted, and itself where it skips.

The RTL itself is its judge in tests/verilog/test_cycles.py.
"""

import re

import numpy as np
import pytest

from tests.sim.cycles.recorded import POINTS
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.control import Control, control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.latencies import RESTART
from truncmac.sim.stalls import Gaps, Stalls


def random_config(rng):
    cols = int(rng.integers(1, 9))
    requantisers = int(rng.choice([n for n in range(1, cols + 1) if cols % n == 0]))
    planes = int(rng.choice([1, 2, 4, 8]))
    rows, lanes = rng.integers(1, 7, 2).tolist()
    if rows % 2 == 0 and rng.random() < 0.3:
        requantisers = 2 * cols  # two rows at once
    return ArrayConfig(rows, cols, lanes, planes, 4608, requantisers)


def random_jobs(rng, count=3):
    return [
        Job(
            *rng.integers(1, [30, 9, 12, 8]).tolist(),
            fresh=bool(rng.random() < 0.7),
            residual=bool(rng.random() < 0.4),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    "point", [p for p in POINTS if p.widths is None], ids=lambda point: point.name
)
def test_counts_what_the_rtl_counted(point):
    found = control_counters(point.config, point.jobs, point.stalls, together=point.together)
    assert found == point.counters


class _Timed(Control):
    """Notes of each cycle whether a job is at work in it."""

    def pass_cycle(self, job, accepted):
        self.seen = [*getattr(self, "seen", []), self.active]
        return super().pass_cycle(job, accepted)


def test_a_job_starts_three_cycles_after_the_one_before():
    """The host sees that the core is idle, gives it a tile, and it is at work."""
    jobs = [Job(2, 8, 3, 2), Job(1, 1, 1, 1), Job(4, 3, 2, 2)]
    model = _Timed(ArrayConfig(2, 3, 2, 1), jobs, Stalls())
    model.repeats = False
    counted = [dict(counters)["cycles"] for counters in model.run()]
    work = "".join("x" if active else "." for active in model.seen).strip(".")
    assert [len(part) for part in re.findall("x+", work)] == counted
    assert {len(part) + 1 for part in re.findall(r"\.+", work)} == {3} == {RESTART}


@pytest.mark.parametrize("slowest", [1, 2, 3, pytest.param(8, marks=pytest.mark.long)])
def test_skipping_repetitions_changes_no_counter(slowest):
    rng = np.random.default_rng(slowest)
    for _ in range(40):
        config, jobs = random_config(rng), random_jobs(rng)
        stalls = Stalls(gaps=Gaps(*rng.integers(1, slowest, 5, endpoint=True).tolist()))
        slow = Control(config, jobs, stalls)
        slow.repeats = False
        assert control_counters(config, jobs, stalls) == list(slow.run()), (config, jobs, stalls)


def test_a_long_job_is_skipped_through():
    job = Job(beats=5000, bits=8, row_tiles=10_000, column_tiles=1000)
    counters = control_counters(ArrayConfig(max_reduction=40_000), [job])[0]
    assert counters["busy"] == counters["chunks"] == 5000 * 8 * 10_000 * 1000


def test_every_busy_cycle_has_one_reason():
    rng = np.random.default_rng(0)
    names = ("chunks", *(f"stalled_{what}" for what in ("activations", "weights", "drain")))
    for seed in range(10):
        config, jobs = random_config(rng), random_jobs(rng)
        for counters in control_counters(config, jobs, Stalls.everywhere(0.3, seed)):
            reasons = sum(counters[name] for name in (*names, "stalled_parameters"))
            assert reasons <= counters["busy"] <= reasons + counters["stalled_output"]
