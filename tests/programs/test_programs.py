"""A few random programs on small NPUs: bytes are the reference's, and counters the model's."""

import pytest

from tests.programs.cycles import differences
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
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
