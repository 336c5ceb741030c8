"""Random programs on small NPUs, with a memory that is not ours, and with the harness' own."""

import re

import pytest

from truncmac.descriptors import Region
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.rtl.npu.pauses import Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.runs import BusError, ProgramRun
from truncmac.sim.rtl.npu.stimulus import random_programs, wrong_bytes

TINY = NpuConfig(array=ArrayConfig(2, 4, 2, 1, 2000, 4), depth=4096)


def run(config, simulator, build_root, *, axi_ram=True, count=2, seed=0, bits=(8, 1)):
    programs = random_programs(config, bits=bits, count=count, seed=seed)
    outcomes = run_programs(
        [program.run for program in programs],
        config,
        simulator=simulator,
        pauses=Pauses.everywhere(0.3, seed),
        axi_ram=axi_ram,
        optimised=False,
        build_root=build_root,
    )
    for program, outcome in zip(programs, outcomes, strict=True):
        assert outcome.ended and outcome.strays == 0
        wrong, size = wrong_bytes(config, program.run, outcome)
        assert (wrong, size > 0) == (0, True), program.network
    return programs, outcomes


@pytest.mark.long
def test_random_networks_on_icarus_with_a_memory_that_is_not_ours(build_root):
    programs, outcomes = run(TINY, "icarus", build_root)
    assert len(programs) == 4
    outcomes[0].regions[Region.SCRATCH][5] ^= 1
    assert wrong_bytes(TINY, programs[0].run, outcomes[0])[0] == 1


def test_a_random_network_on_icarus_with_the_harness_memory(build_root):
    run(TINY, "icarus", build_root, axi_ram=False, count=1, bits=(1,))


@pytest.mark.long
def test_random_networks_on_verilator_with_the_harness_memory(build_root):
    run(TINY, "verilator", build_root, axi_ram=False, count=8, seed=1, bits=(8, 5, 2, 1))


CONFIGS = [
    NpuConfig(array=ArrayConfig(4, 8, 4, 1, 2000, 8), bus_width=128, depth=2048),
    NpuConfig(array=ArrayConfig(8, 8, 8, 2, 2000, 8), bus_width=256, depth=512, groups=4),
    NpuConfig(array=ArrayConfig(2, 16, 4, 4, 2000, 16), depth=4096, outstanding=1),
    NpuConfig(array=ArrayConfig(16, 2, 4, 8, 2000, 2), bus_width=128, depth=1024),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("config", "axi_ram"),
    list(zip(CONFIGS, (True, False, True, False), strict=True)),
    ids=[config.array.name for config in CONFIGS],
)
def test_random_networks_on_npus_of_other_sizes(config, axi_ram, build_root):
    run(config, "verilator", build_root, axi_ram=axi_ram, count=8, seed=2, bits=(8, 5, 2, 1))


def test_a_k_that_random_networks_lack_is_refused():
    message = "Bit-width k of a random network must be one of 8, 5, 2, 1, not 3"
    with pytest.raises(ValueError, match=f"^{message}$"):
        random_programs(TINY, bits=(8, 3))


def test_what_axi_ram_lacks_is_refused():
    (program,) = random_programs(TINY, bits=(8,), count=1)
    broken = ProgramRun(program.run.regions, error=BusError(Region.INPUT, 0, 1))
    for runs, pauses, message in (
        (
            [broken],
            Pauses(),
            "With AxiRam a run has no bus error, second start, stop or reset",
        ),
        (
            [program.run],
            Pauses(latency=3),
            "AxiRam has pauses at random only, no latency and no gaps",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            run_programs(runs, TINY, simulator="icarus", pauses=pauses, axi_ram=True)
