import re
from pathlib import Path

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.cosim import SimulationError, simulate
from truncmac.sim.stalls import Stalls
from truncmac.sim.stimulus import random_gemms

CONFIG = ArrayConfig(2, 2, 1, 8, 4, 2)


def log_of(error):
    """Text of the log that a message names."""
    return Path(str(error.value).partition("see ")[2]).read_text()


def test_stall_shares_out_of_range_are_refused():
    message = "Stall share of weights must be in 0.0..0.99, not 1.0"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Stalls(weights=1.0)


def test_a_core_that_hangs_is_an_error_with_a_log(tmp_path):
    verilog = core_verilog(CONFIG).replace("assign tiles__ready", "assign \\not_ready ")
    assert "not_ready" in verilog
    with pytest.raises(SimulationError, match="did not finish") as error:
        simulate(
            random_gemms(CONFIG, bits=[8], count=1),
            CONFIG,
            simulator="icarus",
            core=verilog,
            build_root=tmp_path,
        )
    assert "no progress" in log_of(error)


def test_verilog_that_does_not_compile_is_an_error_with_a_log(tmp_path):
    with pytest.raises(SimulationError, match="icarus could not build the array; see ") as error:
        simulate([], CONFIG, simulator="icarus", core="module truncmac_core(", build_root=tmp_path)
    assert "syntax error" in log_of(error)


def test_progress_is_told(tmp_path):
    seen = []
    gemms = random_gemms(CONFIG, bits=[1, 8], count=3)
    simulate(
        gemms,
        CONFIG,
        simulator="icarus",
        build_root=tmp_path,
        on_build=lambda: seen.append("built"),
        on_progress=seen.append,
    )
    assert seen[0] == "built"
    assert seen[-1] == len(gemms)
