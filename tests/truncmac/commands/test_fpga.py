import json
import re

import pytest

from truncmac.sim.fpga.report import FpgaReport
from truncmac.sim.fpga.route import RouteSettings

REPORT = FpgaReport(
    device="LFE5U-25F",
    used={"luts": 1200, "ffs": 500, "dsps": 5, "brams": 0},
    available={"luts": 24000, "ffs": 24000, "dsps": 28, "brams": 56},
    wrapper={"luts": 200, "ffs": 100, "dsps": 0, "brams": 0},
    fmax_mhz=112.99,
    versions={"truncmac": "1"},
)


@pytest.fixture
def calls(monkeypatch):
    found = []

    def place_and_route(config, out, settings, on_step):
        on_step("Synthesising")
        found.append((config, str(out), settings))
        return REPORT

    monkeypatch.setattr("truncmac.commands.fpga.place_and_route", place_and_route)
    return found


def test_the_wrapper_is_not_in_the_array(run, calls):
    code, out, _ = run("fpga", "--rows", "2", "--cols", "4", "--device", "25k", "--no-dsp")
    assert code == 0
    assert "2 x 4 PEs, 8 lanes x 1 planes on an LFE5U-25F: 113.0 MHz" in out
    assert re.search(r"(?m)^ LUTs +1,000 +200 +24,000 +4.2%", out)
    assert re.search(r"(?m)^ DSPs 18x18 +5 +0 +28 +17.9%", out)
    ((config, folder, settings),) = calls
    assert (config.rows, config.cols, folder) == (2, 4, "build/fpga")
    assert settings == RouteSettings(device="25k", target_mhz=100.0, seed=1, dsps=False)


def test_json(run, calls):
    code, out, _ = run("fpga", "--json")
    assert code == 0
    assert json.loads(out)["used"] == REPORT.used


def test_the_arrays_of_a_front(run, monkeypatch, tmp_path):
    from truncmac.sim.fpga import jobs as fpga_jobs

    def place_and_route(config, out, settings):
        if config.rows == 3:
            raise RuntimeError("nextpnr failed: no BELs remaining")
        for name in fpga_jobs.WRITTEN:
            (out / name).touch()
        report = vars(REPORT) | {"array": vars(config)}
        (out / "fpga.json").write_text(json.dumps(report))

    monkeypatch.setattr(fpga_jobs, "place_and_route", place_and_route)
    space = ("--rows", "2..4", "--cols", "4", "--lanes", "4", "--planes", "1", "-k", "8,2")
    run("explore", *space, "--workers", "0", "--out", "out")
    args = ("fpga", "--designs", "out/front.json", "--workers", "0", "--out", "placed")
    code, out, _ = run(*args)
    assert code == 1  # one failed
    assert "3x4_l4_p1_k288_q1x18_85k: nextpnr failed: no BELs remaining" in out
    for rows in (2, 4):
        assert re.search(rf"(?m)^ {rows} x 4 +4 +1 +1 +1,000 +400 +5 +0 +113.0", out)
        found = json.loads(
            (tmp_path / f"placed/{rows}x4_l4_p1_k288_q1x18_85k/fpga.json").read_text()
        )
        assert found["array"]["rows"] == rows
    code, out, _ = run(*args, "--json")
    assert [entry.get("fmax_mhz") for entry in json.loads(out)] == [112.99, None, 112.99]
    (tmp_path / "bad.json").write_text("[]")
    assert run("fpga", "--designs", "bad.json")[2] == (
        "truncmac: bad.json: must be written by truncmac explore\n"
    )
