import json
import re

import pytest

from truncmac.sim.fpga import FpgaReport

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

    def place_and_route(config, out, **options):
        options.pop("on_step")("Synthesising")
        found.append((config, str(out), options))
        return REPORT

    monkeypatch.setattr("truncmac.fpga.place_and_route", place_and_route)
    return found


def test_the_wrapper_is_not_in_the_array(run, calls):
    code, out, _ = run("fpga", "--rows", "2", "--cols", "4", "--device", "25k", "--no-dsp")
    assert code == 0
    assert "2 x 4 PEs, 8 lanes x 1 planes on an LFE5U-25F: 113.0 MHz" in out
    assert re.search(r"(?m)^ LUTs +1,000 +200 +24,000 +4.2%", out)
    assert re.search(r"(?m)^ DSPs 18x18 +5 +0 +28 +17.9%", out)
    ((config, folder, options),) = calls
    assert (config.rows, config.cols, folder) == (2, 4, "build/fpga")
    assert options == {"device": "25k", "target_mhz": 100.0, "seed": 1, "dsps": False}


def test_json(run, calls):
    code, out, _ = run("fpga", "--json")
    assert code == 0
    assert json.loads(out)["used"] == REPORT.used
