"""Reset: from undefined registers, in one clock edge, and in the middle of a run.

Amaranth writes `reg x = value`, which hides what reset forgets: here these values are taken out.
"""

import re

import pytest

from tests.support import assert_exact
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.rtl.simulator import SimulationError
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import NO_STALLS, Stalls

CONFIG = ArrayConfig(2, 4, 2, 2, 24, 2)
STALLS = Stalls.everywhere(0.3, seed=5)
INITIAL = re.compile(r"^(  reg (?:\[\d+:0\] )?\S+ ?) = \d+'[hd][0-9a-f]+;$", re.MULTILINE)
MEMORY = re.compile(
    r"^  initial begin\n(?:    \S+\[\d+\] = \d+'[hd][0-9a-f]+;\n)+  end\n", re.MULTILINE
)


def without_initial_values(verilog):
    """The text with every register and memory undefined at the start."""
    stripped, registers = INITIAL.subn(r"\1;", verilog)
    stripped, memories = MEMORY.subn("", stripped)
    assert registers > 50
    assert memories == verilog.count("\n  initial begin\n") > 0
    return stripped


def check(gemms, stalls, **options):
    assert_exact(simulate(gemms, CONFIG, stalls=stalls, **options), CONFIG, stalls)


@pytest.fixture(scope="module")
def undefined():
    return without_initial_values(core_verilog(CONFIG))


@pytest.mark.parametrize("stalls", [NO_STALLS, STALLS])
@pytest.mark.parametrize("edges", [1, 4])
def test_undefined_registers_reach_no_output(undefined, stalls, edges, tmp_path_factory):
    gemms = random_gemms(CONFIG, count=3, seed=2)
    folder = tmp_path_factory.getbasetemp() / "undefined"
    plusargs = [f"+reset_edges={edges}"]
    check(gemms, stalls, simulator="icarus", core=undefined, plusargs=plusargs, build_root=folder)


@pytest.mark.parametrize(
    "at", [3, 58, 333, *(pytest.param(at, marks=pytest.mark.long) for at in (17, 131, 200))]
)
def test_a_reset_at_any_time_begins_anew(undefined, at, tmp_path_factory):
    """The counters are those of a first run: nothing is left of the one before."""
    gemms = random_gemms(CONFIG, bits=[5, 8], count=4, seed=at)
    folder = tmp_path_factory.getbasetemp() / "undefined"
    plusargs = ["+reset_edges=1", f"+reset_at={at}"]
    check(gemms, STALLS, simulator="icarus", core=undefined, plusargs=plusargs, build_root=folder)


STATES = [(2, 4, 0), (4, 1, 200)]


def any_state(seed):
    """Registers and memories without an initial value begin at random on Verilator."""
    return ["+verilator+rand+reset+2", f"+verilator+seed+{seed}", "+hang_cycles=2000"]


@pytest.mark.parametrize(
    ("seed", "edges", "at"),
    [(1, 1, 0), (3, 1, 58), *(pytest.param(*c, marks=pytest.mark.long) for c in STATES)],
)
def test_random_registers_reach_no_output(undefined, seed, edges, at, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "any_state"
    check(
        random_gemms(CONFIG, count=3, seed=seed),
        STALLS,
        core=undefined,
        plusargs=[f"+reset_edges={edges}", f"+reset_at={at}", *any_state(seed)],
        build_root=folder,
    )


def without_reset(verilog, register):
    place = re.search(rf"    {register} <= (\S+) ;", verilog)
    start = verilog.rindex("\nmodule ", 0, place.start())  # names are a module's own
    end = verilog.index("\nendmodule", start)
    reset = f"    if (rst) begin\n      {place[1]}  = "
    assert verilog.count(reset, start, end) == 1
    own = verilog[start:end].replace(reset, reset.replace("rst", "1'h0"))
    return verilog[:start] + own + verilog[end:]


@pytest.mark.parametrize("register", ["leaving", "free", "rest"])
def test_a_register_without_its_reset_is_seen(undefined, register, tmp_path):
    with pytest.raises((SimulationError, RuntimeError), match="did not finish|undefined bits"):
        check(
            random_gemms(CONFIG, bits=[8], count=2),
            NO_STALLS,
            simulator="icarus",
            core=without_reset(undefined, register),
            build_root=tmp_path,
        )


@pytest.mark.long
def test_a_register_without_its_reset_is_seen_from_a_random_state(undefined, tmp_path):
    """Not from every one: a register may begin with its reset's value by chance."""
    seen = 0
    for seed in (1, 2, 3, 4):
        try:
            check(
                random_gemms(CONFIG, bits=[8, 3], count=4),
                NO_STALLS,
                core=without_reset(undefined, "free"),
                plusargs=any_state(seed),
                build_root=tmp_path,
            )
        except (AssertionError, SimulationError):
            seen += 1
    assert seen >= 2
