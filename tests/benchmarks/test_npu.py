import pytest
from typer.testing import CliRunner

from benchmarks import npu
from tests.sim.netlist.tiny import write_tiny
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.characterise.blocks import BLOCKS, NpuBlocks, npu_memories
from truncmac.sim.energy.macros import load_srams
from truncmac.sim.netlist.paths import TracedPath

CORE = TracedPath("truncmac_output_unit/a", "truncmac_output_unit/b", 4900.0, 100.0, (), 31)
LONGER = TracedPath("truncmac_npu.engine.post/tap", "truncmac_bank/x", 6900.0, 100.0, (), 47)


@pytest.fixture
def measured(monkeypatch):
    """Arguments of the measurement, which is replaced by one of known figures."""
    seen = []

    def measure(config, library, options, macros, cache):
        seen.append((config, macros))
        areas = dict.fromkeys(BLOCKS, 100_000.0) | {"core": 1_000_000.0}
        return NpuBlocks(
            area_um2=areas,
            memories=npu_memories(config, macros),
            core_period_ps=5000.0,
            core_worst=CORE,
            period_ps=7000.0,
            outputs_ps=1000.0,
            paths=[LONGER],
            fo4_ps=50.0,
        )

    monkeypatch.setattr(npu, "measure_blocks", measure)
    monkeypatch.setenv("COLUMNS", "200")
    return seen


def run(tmp_path, *arguments):
    app = npu.typer.Typer()
    app.command()(npu.main)
    result = CliRunner().invoke(app, ["--liberty", str(write_tiny(tmp_path)), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_tables_of_blocks_memories_and_paths(tmp_path, measured):
    text = run(tmp_path, "--macros", "ihp-sg13g2", "--cache", str(tmp_path))
    assert measured == [(NpuConfig(), load_srams("ihp-sg13g2"))]
    lines = [line.split() for line in text.splitlines()]
    assert ["core", "1.0000", "100.0%"] in lines
    assert ["post", "0.1000", "10.0%"] in lines
    assert ["NPU", "2.1000", "210.0%"] in lines
    macro = "RM_IHPSG13_1P_1024x64_c2_bm_bist"
    assert ["24", "of", "activations", "1,024", "64", "192.0", "1", macro, "6.335"] in lines
    assert ["truncmac_output_unit/a", "truncmac_output_unit/b", "5,000", "100.0", "31"] in lines
    assert ["engine.post/tap", "truncmac_bank/x", "7,000", "140.0", "47"] in lines


def test_without_figures_of_macros_the_area_is_not_known(tmp_path, measured):
    text = run(tmp_path, "--rows", "4", "--bus-width", "128", "--count", "0")
    ((config, macros),) = measured
    assert (config.array.rows, config.bus_width, macros) == (4, 128, [])
    lines = [line.split() for line in text.splitlines()]
    assert ["12", "of", "activations", "1,024", "64", "96.0", "not", "known"] in lines
    assert "engine.post/tap" not in text
