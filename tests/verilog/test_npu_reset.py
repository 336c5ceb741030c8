"""Reset of the NPU: from undefined and random registers, in one edge, and in mid-program.

As in test_reset.py, the values with which Amaranth's registers begin are taken out.
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network
from tests.programs.cycles import differences
from tests.verilog.test_reset import any_state, without_initial_values, without_reset
from truncmac.golden import Setting
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import npu_verilog
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.rtl.npu.network import program_run
from truncmac.sim.rtl.npu.pauses import PROMPT
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.stimulus import wrong_bytes
from truncmac.sim.rtl.simulator import SimulationError

pytestmark = pytest.mark.long

CONFIG = NpuConfig(array=ArrayConfig(2, 8, 2, 1, 300, 4), depth=300)
HANG_CYCLES = 10_000  # without a transfer: longer than a layer of this network takes


@pytest.fixture(scope="module")
def undefined():
    return without_initial_values(npu_verilog(CONFIG))


@pytest.fixture(scope="module")
def runs():
    """Every kind of operation at k = 8 and k = 2, with every map left in memory."""
    settings = [Setting("8", 8), Setting("2", 2)]
    compiled = compile_network(small_network(), CONFIG, settings, keep=True)
    image = np.random.default_rng(1).integers(0, 64, (2, 7, 6)).astype(np.uint8)
    return [program_run(compiled, entry, image) for entry in compiled.entries]


def check(runs, verilog, root, plusargs=(), **options):
    """Every byte is the reference's, and every counter the model's from a reset on."""
    outcomes = run_programs(
        runs,
        CONFIG,
        verilog=verilog,
        optimised=False,
        hang_cycles=HANG_CYCLES,
        plusargs=plusargs,
        build_root=root,
        **options,
    )
    for run, outcome in zip(runs, outcomes, strict=True):
        assert outcome.ended and outcome.strays == 0
        assert wrong_bytes(CONFIG, run, outcome)[0] == 0
    assert differences(runs, outcomes, CONFIG, PROMPT) == []


@pytest.mark.parametrize("edges", [1, 4])
def test_undefined_registers_reach_no_output(undefined, runs, edges, build_root):
    check(runs, undefined, build_root, [f"+reset_edges={edges}"], simulator="icarus")


@pytest.mark.parametrize("at", [1, 40, 333, 1201, 2500])
def test_a_reset_at_any_time_begins_anew(undefined, runs, at, build_root):
    """The counters are those of a first program: nothing is left of the one before."""
    again = [replace(runs[0], reset_at=at), runs[1]]
    check(again, undefined, build_root, ["+reset_edges=1"], simulator="icarus")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_registers_reach_no_output(undefined, runs, seed, build_root):
    again = [replace(runs[0], reset_at=100 * seed), runs[1]]
    state = [option for option in any_state(seed) if "hang" not in option]
    check(again, undefined, build_root, ["+reset_edges=1", *state])


@pytest.mark.parametrize("register", ["room", "unanswered", "free", "turn"])
def test_a_register_without_its_reset_is_seen(undefined, runs, register, tmp_path):
    """The handshakes hang or are undefined, or a byte or counter is another."""
    broken = without_reset(undefined, register)
    with pytest.raises((SimulationError, AssertionError, ValueError)):
        check(runs, broken, tmp_path, simulator="icarus")
