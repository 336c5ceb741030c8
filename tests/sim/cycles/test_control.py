"""The model of control against itself, with and without skipping what repeats; the RTL is its
judge in tests/verilog/test_cycles.py."""

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.control import Control, control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.stalls import Gaps, Stalls


def random_config(rng):
    cols = int(rng.integers(1, 9))
    requantisers = int(rng.choice([n for n in range(1, cols + 1) if cols % n == 0]))
    planes = int(rng.choice([1, 2, 4, 8]))
    rows, lanes = rng.integers(1, 7, 2).tolist()
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


@pytest.mark.parametrize("slowest", [1, 2, 3, 8])
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
