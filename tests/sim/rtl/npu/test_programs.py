"""One network on a small NPU, in all that can happen to a run."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pywellen

from tests.golden.networks import small_network
from truncmac.descriptors import ProgramFault, Region
from truncmac.golden import Setting, interpret
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import npu_verilog
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.planning import machine_of
from truncmac.sim.rtl.npu.pauses import PROMPT, Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.runs import BusError, ProgramRun
from truncmac.sim.rtl.simulator import SimulationError
from truncmac.sim.rtl.waves import NPU, write_views

CONFIG = NpuConfig(array=ArrayConfig(4, 8, 4, 1, 300, 4), depth=256)
BUSY = Pauses.everywhere(0.4, seed=3, latency=20)
OK = {"busy": 0, "done": 1, "refused": 0, "fault": 0}


@pytest.fixture(scope="module")
def verilog():
    return npu_verilog(CONFIG)


@pytest.fixture(scope="module")
def compiled():
    settings = [Setting("8", 8), Setting("2", 2)]
    return compile_network(small_network(), CONFIG, settings, keep=True)


@pytest.fixture(scope="module")
def cycles():
    """Cycles of the whole network, by the memory's latency."""
    return {}


def regions(compiled):
    image = np.random.default_rng(1).integers(0, 64, (2, 7, 6)).astype(np.uint8)
    return {
        Region.PROGRAM: np.frombuffer(compiled.program, np.uint8),
        Region.INPUT: compiled.input_of(image),
        Region.OUTPUT: np.full(compiled.output_bytes, 0xA5, np.uint8),
        Region.SCRATCH: np.full(compiled.scratch_bytes, 0xA5, np.uint8),
    }


def left(run):
    """What the reference leaves of a run, and the bytes that it reads and writes."""
    after = {region: data.copy() for region, data in run.regions.items()}
    traffic = interpret(machine_of(CONFIG), after, entry=run.entry)
    return after, traffic


FEW = ("bad_read", "again", "bad_write", "reset", "stopped", "short")
ALL = ("whole", "again", "bad_read", "bad_write", "reset", "short", "stopped", "whole_too")


@pytest.mark.parametrize(
    ("names", "pauses"),
    [
        pytest.param(ALL, PROMPT, marks=pytest.mark.long, id="prompt"),
        pytest.param(ALL, BUSY, marks=pytest.mark.long, id="busy"),
        pytest.param(FEW, BUSY, id="few"),
    ],
)
def test_runs_follow_each_other_whatever_happens_in_one(
    compiled, verilog, cycles, names, pauses, build_root
):
    whole = ProgramRun(regions(compiled), compiled.entries[0].offset)
    again, stopped = replace(whole, again_at=100), replace(whole, stop_at=700)
    kinds = {
        **{"whole": whole, "whole_too": whole, "again": again, "stopped": stopped},
        "bad_read": replace(whole, error=BusError(Region.INPUT, 0, 4)),
        "bad_write": replace(whole, error=BusError(Region.SCRATCH, 0, 4, "DECERR")),
        "reset": replace(whole, reset_at=500),
        "short": replace(whole, entry=compiled.entries[1].offset),
    }
    runs = [kinds[name] for name in names]
    outcomes = run_programs(
        runs, CONFIG, simulator="icarus", pauses=pauses, verilog=verilog, build_root=build_root
    )
    found = dict(zip(names, outcomes, strict=True))
    for run, outcome in zip(runs, outcomes, strict=True):
        assert outcome.writes == (run is again or run is stopped)
        assert outcome.strays == 0
        assert outcome.waited - outcome.cycles == 1
        assert outcome.counters["read_beats"] * CONFIG.bus_bytes == outcome.bytes_read
        if run.error is not None or run is stopped:
            continue
        assert outcome.status == OK | {"refused": int(run is again)}
        assert outcome.ended == (run is not again)
        after, traffic = left(run)
        for region, data in outcome.regions.items():
            assert np.array_equal(data, after[region])
        reads = traffic.descriptors + traffic.weights + traffic.parameters + traffic.loads
        assert reads <= outcome.bytes_read < 1.2 * reads  # in whole words of the bus
        assert outcome.bytes_written == traffic.stores
        assert outcome.index == compiled.descriptors - 1
    assert found["bad_read"].fault is ProgramFault.READ and found["bad_read"].index == 1
    assert found["bad_write"].fault is ProgramFault.WRITE and found["bad_write"].index == 2
    assert found["stopped"].fault is ProgramFault.STOPPED and 700 < found["stopped"].cycles < 800
    assert found["short"].cycles < found["reset"].cycles
    cycles[pauses.latency] = found["reset"].cycles
    assert cycles.get(20, 1 << 20) > 1.05 * cycles.get(1, 0)  # pauses take time


def test_an_npu_that_hangs_is_an_error_with_a_log(compiled, verilog, build_root):
    hung = verilog.replace("assign m_axi_arvalid", "assign \\never_valid ")
    assert "never_valid" in hung
    run = ProgramRun(regions(compiled))
    with pytest.raises(SimulationError, match="did not finish; see ") as error:
        run_programs(
            [run], CONFIG, simulator="icarus", verilog=hung, hang_cycles=500, build_root=build_root
        )
    assert "made no progress" in Path(str(error.value).partition("see ")[2]).read_text()


def test_a_broken_rule_of_the_bus_is_an_error(compiled, verilog, build_root):
    broken = re.sub(r"assign m_axi_wlast = [^;]*;", "assign m_axi_wlast = 1'b1;", verilog, count=1)
    assert broken != verilog
    run = ProgramRun(regions(compiled))
    with pytest.raises(SimulationError, match="^Run 0 broke the rules of AXI4: WLAST in another"):
        run_programs([run], CONFIG, simulator="icarus", verilog=broken, build_root=build_root)


@pytest.mark.parametrize("count", [0, 4097])
def test_too_many_runs_are_refused(count, compiled):
    runs = [ProgramRun(regions(compiled))] * count
    with pytest.raises(ValueError, match=f"^Number of runs must be in 1..4096, not {count}$"):
        run_programs(runs, CONFIG, simulator="icarus")


@pytest.mark.long
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_waveforms_show_what_is_counted(compiled, simulator, tmp_path, build_root):
    vcd = tmp_path / "run.vcd"
    run = ProgramRun(regions(compiled), compiled.entries[1].offset)
    (outcome,) = run_programs(
        [run], CONFIG, simulator=simulator, waves=vcd, optimised=False, build_root=build_root
    )
    found = {
        variable.full_name.removeprefix("truncmac_npu_harness.npu."): variable.signal
        for variable in pywellen.Waveform(str(vcd)).all_vars()
    }
    edges = [time - 1 for time, level in found["aclk"] if level == 1 and time]

    def cycles(*names):
        return sum(all(found[n].value_at(time) == 1 for n in names) for time in edges)

    counters = outcome.counters
    assert cycles("controller.busy") == outcome.cycles
    assert cycles("controller.busy", "controller.run_convolution") == counters["convolving"]
    assert cycles("m_axi_rvalid", "m_axi_rready") == counters["read_beats"]
    assert cycles("m_axi_wvalid", "m_axi_wready") == counters["written_beats"]
    core = "engine.convolver.core.weights__"
    assert cycles(f"{core}valid", f"{core}ready") == counters["core_chunks"]
    gtkwave, surfer = (path.read_text() for path in write_views(vcd))
    shown = re.findall(r"(?m)^variable_add truncmac_npu_harness\.npu\.(\S+)$", surfer)
    assert set(shown) <= set(found)
    assert len(shown) == sum(map(len, NPU.values()))
    assert all(f"truncmac_npu_harness.npu.{name}" in gtkwave for name in shown)
