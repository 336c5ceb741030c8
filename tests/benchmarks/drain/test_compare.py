"""The table, with areas that are made up."""

# amaranth: UnusedElaboratable=no

from types import SimpleNamespace

import pytest
from amaranth.hdl import Fragment
from typer.testing import CliRunner

from benchmarks.drain import compare, parts
from benchmarks.drain.parts import Synthesis
from tests.sim.netlist.tiny import write_tiny


def elaborated(component, name):
    """No Verilog of a component, which counts as used all the same."""
    Fragment.get(component, None)
    return ""


@pytest.fixture
def run(monkeypatch):
    """Runs the program on arrays of 16 x 16 PEs; the core is of 9 mm2, every part of 0.1."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(compare, "ARRAYS", compare.ARRAYS[1:])
    monkeypatch.setattr(parts, "core_verilog", lambda config: "")
    monkeypatch.setattr(parts, "hierarchical_verilog", elaborated)
    asked = []

    def areas(self, verilog, top):
        asked.append(top)
        if top == "truncmac_core":
            return {"truncmac_core": 5e6, "truncmac_output_unit.requantiser": 4e6}
        return {top: 0.1e6}

    monkeypatch.setattr(Synthesis, "areas", areas)

    def run(*arguments):
        app = compare.typer.Typer()
        app.command()(compare.main)
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        lines = [line.split() for line in result.output.splitlines()]
        return SimpleNamespace(lines=lines, asked=asked)

    return run


BUILT = ["a", "row", "at", "once", "16", "16"]
CYCLES = ["40,868", "21,284", "14,355", "14,355", "1.39"]


def test_without_a_library_cycles_alone_are_shown(run):
    found = run()
    assert ["bound", "39,696", "20,112", "10,320", "10,320"] in found.lines
    assert [*BUILT, *CYCLES] in found.lines
    twice = ["two", "rows", "at", "once", "2", "x", "16", "8"]
    assert [*twice, "40,204", "20,620", "10,828", "10,828", "1.05"] in found.lines
    assert found.asked == []


def test_areas_of_one_netlist_are_marked(run, tmp_path):
    found = run("--liberty", str(write_tiny(tmp_path)), "--cache", str(tmp_path))
    assert [*BUILT, "9.000*", "1.000", *CYCLES] in found.lines
    copies = ["two", "copies", "of", "the", "sums", "16", "16"]
    assert [*copies, "36.200", "4.022", *CYCLES] in found.lines  # 272 registers of 0.1 mm2
    serial = ["queue", "of", "a", "tile,", "units", "of", "2", "cycles", "16", "32"]
    assert [*serial, "6.700", "0.744"] == next(x for x in found.lines if x[:8] == serial[:8])[:12]
    assert ["requantiser", "0.2500"] in found.lines
    assert set(found.asked) == {"truncmac_core", "part"}
