"""The emitted Verilog against golden: awkward arrays, single streams that stall, planted bugs.

The bulk of random products is in test_campaign.py.
"""

import pytest

from tests.support import assert_exact
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import NO_STALLS, Stalls

# rows, cols, lanes, planes, max_reduction, requantisers
VERILATOR = [(3, 6, 2, 2, 50, 3), (6, 3, 2, 2, 50, 6)]
ICARUS = [(4, 4, 4, 1, 300, 2), (1, 1, 1, 8, 20, 1), (2, 3, 3, 4, 40, 1), (5, 2, 1, 2, 9, 2)]
CASES = [
    *(("verilator", sizes) for sizes in VERILATOR),
    *(pytest.param("icarus", sizes, marks=pytest.mark.long) for sizes in ICARUS[:-1]),
    ("icarus", ICARUS[-1]),
]


@pytest.mark.parametrize(("simulator", "sizes"), CASES)
def test_every_output_equals_golden(simulator, sizes, build_root):
    config = ArrayConfig(*sizes)
    count = 40 if simulator == "verilator" else 8
    for seed, stalls in enumerate([NO_STALLS, Stalls.everywhere(0.3, seed=1)]):
        gemms = random_gemms(config, count=count, seed=seed)
        outcomes = simulate(
            gemms, config, simulator=simulator, stalls=stalls, build_root=build_root
        )
        assert_exact(outcomes, config, stalls)


STREAMS = ["activations", "tiles", "weights", "parameters", "results"]


@pytest.mark.parametrize(
    "stream", [STREAMS[0], *(pytest.param(s, marks=pytest.mark.long) for s in STREAMS[1:])]
)
def test_each_stream_may_stall_alone(stream, build_root):
    config = ArrayConfig(*ICARUS[0])
    gemms = random_gemms(config, count=10, seed=5)
    for share in (0.1, 0.9):
        stalls = Stalls(**{stream: share})
        outcomes = simulate(gemms, config, stalls=stalls, build_root=build_root)
        assert_exact(outcomes, config, stalls)


def test_both_simulators_give_the_same_counters(build_root):
    config = ArrayConfig(*ICARUS[0])
    gemms = random_gemms(config, count=4, seed=9)
    stalls = Stalls.everywhere(0.2, seed=4)
    runs = [
        simulate(gemms, config, simulator=simulator, stalls=stalls, build_root=build_root)
        for simulator in ("verilator", "icarus")
    ]
    assert [outcome.counters for outcome in runs[0]] == [outcome.counters for outcome in runs[1]]


def test_every_busy_cycle_is_accounted_for(build_root):
    config = ArrayConfig(*ICARUS[0])
    reasons = ["chunks", *(f"stalled_{what}" for what in ("activations", "weights"))]
    reasons += ["stalled_parameters", "stalled_drain"]
    outcomes = simulate(random_gemms(config, count=10), config, build_root=build_root)
    assert_exact(outcomes, config)
    for outcome in outcomes:
        counters = outcome.counters
        assert counters["busy"] == sum(counters[name] for name in reasons), outcome.gemm.name
        beats = -(-outcome.gemm.reduction // config.lanes) * counters["tiles"]
        assert counters["beats"] == beats
        assert counters["chunks"] == beats * outcome.gemm.bits
        assert counters["stalled_output"] == 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("first_beat ?", "1'h0 ?"),  # sums run on into the next tile
        # And into the next beat
        pytest.param("first_chunk ?", "1'h0 ?", marks=pytest.mark.long),
        # All rows give the last one's D; results never leave the PEs
        pytest.param("else if (drain)", "else if (1'h0)", marks=pytest.mark.long),
        pytest.param("if (capture)", "if (1'h0)", marks=pytest.mark.long),
        # A lane's weight is another's
        pytest.param("& { weights[2]", "& { weights[1]", marks=pytest.mark.long),
    ],
)
def test_a_planted_bug_is_seen(right, wrong, build_root, tmp_path):
    config = ArrayConfig(*ICARUS[0])
    verilog = core_verilog(config)
    assert right in verilog
    gemms = random_gemms(config, bits=[8, 2], count=10)
    outcomes = simulate(
        gemms,
        config,
        simulator="icarus",
        core=verilog.replace(right, wrong),
        build_root=tmp_path,
    )
    assert sum(outcome.mismatches for outcome in outcomes) > 0
