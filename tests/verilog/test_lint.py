"""The generated Verilog under Verilator's strictest lint, Icarus and Yosys."""

import functools
import os
import subprocess
from pathlib import Path

import pytest

import truncmac.hw
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.sim.netlist.yosys import YOSYS
from truncmac.sim.tools import find_tool, simulator_environment

WAIVERS = Path(truncmac.hw.__file__).parent / "lint.vlt"
CONFIGS = [
    ArrayConfig(),
    ArrayConfig(1, 1, 1, 8, 1),
    ArrayConfig(4, 2, 1, 8, 9, 4),
    ArrayConfig(3, 6, 5, 4, 100, 2),
]


GENERATED = [(TOP, functools.cache(core_verilog)), (AXI_TOP, functools.cache(axi_verilog))]


@pytest.fixture(params=GENERATED, ids=[TOP, AXI_TOP])
def top(request):
    return request.param


def write(folder, top, config):
    name, generate = top
    path = folder / f"{name}.v"
    path.write_text(generate(config))
    return path


def lint(*sources):
    command = ["verilator", "--lint-only", "-Wall", *map(str, sources)]
    environment = os.environ | dict(simulator_environment("verilator"))
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_verilator_warns_of_nothing_but_the_generators_style(tmp_path, top, config):
    result = lint(WAIVERS, write(tmp_path, top, config), "--top-module", top[0])
    assert result.stderr == ""
    assert result.returncode == 0


def test_lint_sees_a_defect(tmp_path, top):
    path = write(tmp_path, top, CONFIGS[0])
    path.write_text(path.read_text().replace("assign", "assign undriven = not_there;\nassign", 1))
    result = lint(WAIVERS, path, "--top-module", top[0])
    assert result.returncode != 0


NEW_CLASSES = {
    "LATCH": "reg planted; always @* if ({reset}) planted = {clock};",
    "UNDRIVEN": "wire planted; wire planted_too = planted;",
    "CASEINCOMPLETE": "reg planted; always @(posedge {clock}) case ({reset}) 1'b0: planted <= 1; "
    "endcase",
    "BLKSEQ": "reg planted; always @(posedge {clock}) planted = {reset};",
    "CASEOVERLAP": "reg planted; always @* case ({reset}) 1'b0: planted = 1'b1; 1'b0: planted = "
    "1'b0; default: planted = 1'b0; endcase",
}


@pytest.mark.parametrize("name", NEW_CLASSES)
def test_a_new_class_of_warning_fails(tmp_path, top, name):
    """What `lint.vlt` does not name is no style of the generator."""
    path = write(tmp_path, top, CONFIGS[1])
    verilog = path.read_text()
    header = f"module {top[0]}("
    assert verilog.count(header) == 1
    ports = {TOP: ("clk", "rst"), AXI_TOP: ("aclk", "aresetn")}[top[0]]
    planted = NEW_CLASSES[name].format(clock=ports[0], reset=ports[1])
    before, module = verilog.split(header)
    path.write_text(before + header + module.replace("endmodule", f"{planted}\nendmodule", 1))
    result = lint(WAIVERS, path, "--top-module", top[0])
    assert result.returncode != 0
    assert f"%Warning-{name}:" in result.stderr


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_icarus_accepts_it_as_verilog_2005(tmp_path, top, config):
    path = write(tmp_path, top, config)
    command = ["iverilog", "-g2005", "-Wall", "-s", top[0], "-o", str(tmp_path / "x"), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    warnings = [line for line in result.stderr.splitlines() if "timescale" not in line]
    assert warnings == []


def test_yosys_reads_it_without_a_warning(tmp_path, top, monkeypatch):
    name = write(tmp_path, top, CONFIGS[-1]).name
    monkeypatch.chdir(tmp_path)
    script = f"read_verilog {name}; hierarchy -check -top {top[0]}; proc; check -assert"
    command = [find_tool(YOSYS, "dev"), "-q", "-p", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stdout + result.stderr


NPU = NPU_TOP, npu_verilog
NPU_WAIVERS = WAIVERS.parent / "npu" / "lint.vlt"
NPUS = [
    # All codes of a row are in one word
    NpuConfig(array=npu_array(rows=2, cols=4, lanes=4, planes=1, max_reduction=100), depth=64),
    # Two rows leave at once
    NpuConfig(array=ArrayConfig(2, 4, 2, 1, 100, 8), depth=64),
    NpuConfig(
        array=npu_array(rows=1, cols=8, lanes=2, planes=8, max_reduction=64),
        **{"bus_width": 256, "groups": 4, "depth": 100, "outstanding": 1},
    ),
]


@pytest.mark.parametrize(
    "config",
    [NPUS[0], *(pytest.param(config, marks=pytest.mark.long) for config in NPUS[1:])],
    ids=lambda config: config.array.name,
)
def test_every_tool_takes_the_npu(tmp_path, monkeypatch, config):
    path = write(tmp_path, NPU, config)
    result = lint(WAIVERS, NPU_WAIVERS, path, "--top-module", NPU_TOP)
    assert (result.returncode, result.stderr) == (0, "")
    test_icarus_accepts_it_as_verilog_2005(tmp_path, NPU, config)
    script = f"read_verilog {path.name}; hierarchy -check -top {NPU_TOP}; proc; check -assert"
    monkeypatch.chdir(tmp_path)
    command = [find_tool(YOSYS, "dev"), "-q", "-p", script]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert "Warning" not in read.stdout + read.stderr


@pytest.mark.long
def test_a_latch_in_the_npu_is_seen(tmp_path):
    path = write(tmp_path, NPU, NPUS[0])
    before, start, after = path.read_text().partition("module truncmac_npu(")
    planted = "reg planted; always @* if (aresetn) planted = aclk;"
    path.write_text(before + start + after.replace("endmodule", f"{planted}\nendmodule", 1))
    result = lint(WAIVERS, NPU_WAIVERS, path, "--top-module", NPU_TOP)
    assert "%Warning-LATCH:" in result.stderr
