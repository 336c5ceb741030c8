"""A few random programs on small NPUs: bytes are the reference's, and counters the model's."""

import pytest

from tests.programs.cycles import differences
from truncmac.golden import Setting
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.stimulus import random_images, random_network
from truncmac.sim.rtl.npu.network import program_run
from truncmac.sim.rtl.npu.pauses import PROMPT, Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.stimulus import random_programs, wrong_bytes

NPUS = {
    "64_bits": (
        NpuConfig(array=ArrayConfig(2, 4, 2, 1, 2000, 4), depth=300, outstanding=2),
        Pauses(latency=5, gaps={"r": 2, "w": 3}),
    ),
    "two_rows_leave_at_once": (
        NpuConfig(array=ArrayConfig(4, 4, 2, 2, 2000, 8), bus_width=128, depth=700),
        PROMPT,
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", NPUS)
def test_bytes_and_counters_are_those_of_reference_and_model(name, tmp_path):
    config, pauses = NPUS[name]
    runs = [program.run for program in random_programs(config, bits=(8, 2), count=6, seed=3)]
    outcomes = run_programs(runs, config, simulator="icarus", pauses=pauses, build_root=tmp_path)
    assert [o.ended for o in outcomes] == [True] * len(runs)
    wrong = [wrong_bytes(config, *pair)[0] for pair in zip(runs, outcomes, strict=True)]
    assert wrong == [0] * len(runs)
    assert differences(runs, outcomes, config, pauses) == []


@pytest.mark.long
def test_a_leap_waits_for_what_is_about_to_be_read_ahead(tmp_path):
    """Layers follow each other, and one tells of its weights while tiles of a beat repeat."""
    config = NpuConfig(array=ArrayConfig(4, 8, 2, 2, 600, 4), depth=300, outstanding=2)
    network = random_network(11013)
    compiled = compile_network(network, config, [Setting("8", 8), Setting("1", 1)])
    image = random_images(network, 11000)[0]
    runs = [program_run(compiled, entry, image) for entry in compiled.entries]
    outcomes = run_programs(runs, config, simulator="icarus", build_root=tmp_path)
    assert differences(runs, outcomes, config, PROMPT) == []
