import gc
import re
import subprocess

import pytest
from amaranth.back import verilog

from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import TOP, core_verilog

MODULE = re.compile(r"^module \\?(\S+?)\s*\(", re.MULTILINE)


def test_every_module_is_written_once_however_large_the_array():
    small, large = (core_verilog(ArrayConfig(rows=size, cols=size, lanes=2)) for size in (2, 6))
    modules = [MODULE.findall(text) for text in (small, large)]
    names = [sorted(re.sub(r"\$\d+", "", name) for name in found) for found in modules]
    assert names[0] == names[1]
    assert len(set(modules[1])) == len(modules[1])
    assert {TOP, "truncmac_row", "truncmac_cluster", "truncmac_pe", "truncmac_row_sum"} <= set(
        names[0]
    )


def test_text_is_the_same_each_time_and_names_no_file():
    config = ArrayConfig(rows=2, cols=2, lanes=2)
    text = core_verilog(config)
    assert text == core_verilog(config)
    assert "src =" not in text


@pytest.mark.parametrize("sizes", [(1, 1, 1, 8), (2, 3, 4, 2)])
def test_icarus_accepts_it_as_verilog_2005(tmp_path, sizes):
    source = tmp_path / "core.v"
    source.write_text(core_verilog(ArrayConfig(*sizes)))
    command = ["iverilog", "-g2005", "-Wall", "-s", TOP, "-o", str(tmp_path / "core"), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    warnings = [line for line in result.stderr.splitlines() if "timescale" not in line]
    assert warnings == []


def test_a_shared_module_follows_what_holds_it_and_its_parts_follow_it():
    modules = MODULE.findall(core_verilog(ArrayConfig(rows=2, cols=2, lanes=2)))
    shared = [name for name in modules if "." not in name]
    assert shared == [
        TOP,
        *("truncmac_row", "truncmac_output_unit", "truncmac_row_sum", "truncmac_cluster"),
        "truncmac_pe",
    ]
    holders = [name.split(".")[0] for name in modules]
    assert holders == sorted(holders, key=shared.index)


def test_yosys_starts_once_and_the_garbage_collector_goes_on(monkeypatch):
    runs, write = [], verilog._convert_rtlil_text
    monkeypatch.setattr(
        verilog, "_convert_rtlil_text", lambda text: runs.append(gc.isenabled()) or write(text)
    )
    core_verilog(ArrayConfig(rows=2, cols=2, lanes=2))
    assert runs == [True]
