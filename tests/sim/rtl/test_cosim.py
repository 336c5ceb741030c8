import contextlib
import re
import signal
import threading
import time
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.rtl.simulator import SimulationError
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import Stalls

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


def test_a_simulator_that_hangs_is_ended_with_a_log(tmp_path):
    endless = "initial begin : spin reg x; x = 0; while (1) x = !x; end\nendmodule"
    top = "module truncmac_core("
    head, tail = core_verilog(CONFIG).split(top, 1)
    with pytest.raises(SimulationError, match="did not finish; see ") as error:
        simulate(
            random_gemms(CONFIG, bits=[8], count=1),
            CONFIG,
            simulator="icarus",
            core=head + top + tail.replace("endmodule", endless, 1),
            build_root=tmp_path,
            patience_s=1.0,
        )
    assert "No progress in 1 s; the simulator was ended" in log_of(error)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_simulator_that_crashes_is_an_error_with_a_log(number, tmp_path):
    ended = []

    def end():
        while not ended:
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):  # a compiler that ends meanwhile
                    if process.name() == "vvp":
                        process.send_signal(number)
                        ended.append(process.pid)
            time.sleep(0.01)

    gemms = random_gemms(CONFIG, count=200)
    thread = threading.Thread(target=end)
    thread.start()
    with pytest.raises(SimulationError, match="did not finish; see ") as error:
        simulate(gemms, CONFIG, simulator="icarus", build_root=tmp_path)
    thread.join()
    assert f"The simulator was ended by signal {number.value}" in log_of(error)
    assert [path.suffix for path in tmp_path.glob("*/run_*")] == [".log"]


def mismatches(place, seed, broken):
    """Of a run of its own; a broken core's sums run on into the next tile."""
    verilog = core_verilog(CONFIG)
    core = verilog.replace("first_beat ?", "1'h0 ?") if broken else None
    gemms = random_gemms(CONFIG, count=4, seed=seed)
    outcomes = simulate(gemms, CONFIG, simulator="icarus", core=core, build_root=place)
    return sum(outcome.mismatches for outcome in outcomes)


def test_runs_at_once_share_a_folder_of_builds(tmp_path):
    """Also of different cores: none runs another's."""
    with get_context("spawn").Pool(2) as pool:
        tasks = [(tmp_path, seed, bool(seed % 2)) for seed in range(4)]
        found = pool.starmap(mismatches, tasks, chunksize=1)
    assert [count > 0 for count in found] == [broken for *_, broken in tasks]
