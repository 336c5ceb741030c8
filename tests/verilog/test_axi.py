"""Builds the AXI top and runs its cocotb bench, in both simulators."""

import json
from pathlib import Path

import pytest

from tests.simulators import running
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig

TESTS = 7
READABLE = Path(__file__).with_name("axi_bench.vlt")
CASES = [
    # rows, cols, lanes, planes, max_reduction, requantisers; activations, ... results
    pytest.param(*("verilator", (4, 4, 4, 1, 40, 2), (64, 64, 64, 64, 64)), marks=pytest.mark.long),
    pytest.param(
        *("verilator", (2, 8, 2, 2, 30, 4), (512, 512, 512, 512, 512)), marks=pytest.mark.long
    ),
    pytest.param(*("verilator", (4, 4, 2, 2, 20, 8), (64, 64, 64, 64, 64)), marks=pytest.mark.long),
    ("icarus", (3, 4, 3, 4, 20, 1), (32, 32, 32, 32, 32)),
    pytest.param(*("icarus", (2, 2, 1, 8, 9, 2), (128, 256, 32, 64, 128)), marks=pytest.mark.long),
]


@pytest.mark.parametrize(("simulator", "sizes", "widths"), CASES)
def test_bench(simulator, sizes, widths, tmp_path):
    run_bench(simulator, sizes, widths, tmp_path)


def run_bench(simulator, sizes, widths, tmp_path):
    """Build the top and run its bench in a folder, which counted.json is written to."""
    source = tmp_path / f"{AXI_TOP}.v"
    source.write_text(axi_verilog(ArrayConfig(*sizes), BusWidths(*widths)))
    environment = {
        "TRUNCMAC_SIZES": json.dumps(sizes),
        "TRUNCMAC_WIDTHS": json.dumps(widths),
    }
    results = running.run_bench(
        *(simulator, AXI_TOP, source, READABLE, "tests.verilog.axi_bench", tmp_path, environment)
    )
    log = (tmp_path / "run.log").read_text()
    assert results == (TESTS, 0), log[-20_000:]
