"""Random products in bulk on the RTL, a part of them in both simulators."""

import re
from dataclasses import replace

import pytest

from tools.campaign import CAMPAIGNS, PROFILES, SEED_VARIABLE, Campaign, default_seed, run_campaign
from tools.sweep import compare_with_models
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.rtl.cosim import simulate

LEAST = {"4x4": 1_000_000, "8x8": 500_000, "16x16": 200_000}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        pytest.param(name, part, marks=pytest.mark.long)
        for name, part in (("4x4", 64), *((name, 1) for name in CAMPAIGNS))
    ],
)
def test_every_output_and_every_count_is_exact(name, part, build_root, capsys):
    """A part of the campaign, or all of it."""
    seed, campaign = default_seed(), CAMPAIGNS[name]
    cycles = campaign.subset if part == 1 else 270
    campaign = replace(campaign, outputs=campaign.outputs // part, subset=cycles)
    totals = run_campaign(campaign, seed, build_root)
    assert totals.differences == [], f"run again with {SEED_VARIABLE}={seed}"
    assert totals.outputs >= LEAST[name] // part
    assert min(totals.by_bits.values()) > totals.outputs / 20
    assert len(PROFILES) == 4 and min(totals.by_profile.values()) > totals.outputs / 8
    assert totals.changes > 100 / part
    assert totals.icarus > 1000 / part
    assert f"seed {totals.seeds[-1]}" in capsys.readouterr().out


def test_k_changes_from_tile_to_tile_without_a_pause(build_root):
    """So a run of many products takes no more cycles than its chunks, and the way in and out."""
    small = replace(CAMPAIGNS["4x4"], outputs=800)
    *_, sweep = next(small.runs(1))
    together = replace(sweep, together=len(sweep.gemms))
    outcomes = together.run(build_root)
    counters = outcomes[0].counters
    assert counters["busy"] == sum(
        counters[name] for name in ("chunks", "stalled_drain", "stalled_parameters")
    )
    config = sweep.config
    jobs = [Job.of(gemm, config) for gemm in sweep.gemms]
    (expected,) = control_counters(config, jobs, together=len(jobs))
    assert counters == expected
    apart = sum(outcome.cycles for outcome in replace(sweep, together=1).run(build_root))
    assert counters["cycles"] < apart


def test_the_seed_decides_everything():
    small = replace(CAMPAIGNS["4x4"], outputs=100)
    names = [[g.name for *_, sweep in small.runs(seed) for g in sweep.gemms] for seed in (1, 1, 90)]
    assert names[0] == names[1] != names[2]


def test_a_seed_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv(SEED_VARIABLE, "17")
    assert default_seed() == 17
    monkeypatch.setenv(SEED_VARIABLE, "x")
    with pytest.raises(ValueError, match=f"^{SEED_VARIABLE} must be a whole number, not 'x'$"):
        default_seed()


def test_a_difference_of_one_output_or_one_cycle_is_told(build_root):
    *_, sweep = next(replace(CAMPAIGNS["4x4"], outputs=100).runs(5))
    outcomes = sweep.run(build_root)
    assert compare_with_models(sweep, outcomes) == []
    outcomes[3] = replace(outcomes[3], outputs=outcomes[3].outputs + 1)
    count = outcomes[3].outputs.size
    later = dict(outcomes[7].counters)
    later["cycles"] += 1
    outcomes[7] = replace(outcomes[7], counters=later)
    first, second = compare_with_models(sweep, outcomes)
    assert first.endswith(f"{outcomes[3].gemm.name}: {count} outputs differ from golden")
    assert re.search(rf"{outcomes[7].gemm.name}: RTL and control count .*'cycles'", second)


def test_a_core_that_is_right_but_slow_is_seen(tmp_path, monkeypatch):
    config = ArrayConfig(2, 2, 1, 8, 9, 1)
    with monkeypatch.context() as patch:
        patch.setattr(ArrayConfig, "interval", property(lambda self: 2 * self.rows * self.share))
        slow = core_verilog(config)
    *_, sweep = next(Campaign(config, 200, longest=9, tiles=3, subset=0).runs(1))
    outcomes = simulate(
        sweep.gemms, config, simulator="icarus", core=slow, together=16, build_root=tmp_path
    )
    assert sum(outcome.mismatches for outcome in outcomes) == 0
    assert len(compare_with_models(sweep, outcomes)) == len(outcomes)
