from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.schedule.rivals import (
    RivalArray,
    bound_cycles,
    convolutions,
    rival_array,
    scale_sim_cycles,
)
from truncmac.sim.workloads.names import workload_by_name
from truncmac.sim.workloads.shapes import LayerShape, Workload

AMPLE = Memory(1 << 30, 1 << 30, 1e15)


def test_the_bound_is_that_of_the_reference_points():
    workload = workload_by_name("resnet20")
    for config in (ArrayConfig(16, 16, 8, 1), ArrayConfig(8, 4, 3, 2)):
        found = analyse(workload, Platform("p", config, 1e8, AMPLE), range(1, 9))
        bounds = [bound_cycles(workload.layers, config, k) for k in range(1, 9)]
        assert [total["bound_cycles"] for total in found.total_records()] == bounds


@pytest.mark.parametrize(
    ("name", "size", "theirs", "least"),
    [
        ("resnet20", 16, 206_817, (0.97, 0.96, 0.74)),
        ("resnet20", 32, 83_423, (0.94, 0.88, 0.60)),
        ("resnet18", 16, 9_131_676, (0.99, 0.99, 0.98)),
        ("resnet18", 32, 2_806_392, (0.99, 0.99, 0.98)),
    ],
)
def test_ours_is_ahead_of_scale_sim_at_equal_throughput_and_follows_k(name, size, theirs, least):
    """Of what layers of a k of their own allow, at k = 4, 2 and 1, at least this share is reached.

    ResNet-20 on 32 x 32 PEs has tiles too short for the drain, and short of work, at k = 1.
    """
    whole = workload_by_name(name)
    workload = replace(whole, layers=convolutions(whole))
    config = ArrayConfig(size, size, 8, 1)
    assert config.peak_macs == size * size
    assert scale_sim_cycles(workload.layers, size, size) == theirs
    found = analyse(workload, Platform("p", config, 1e9, AMPLE), [8, 4, 2, 1])
    totals = found.total_records()
    assert totals[0]["array_cycles"] < 0.86 * theirs
    for total, share in zip(totals[1:], least, strict=True):
        scaling = totals[0]["array_cycles"] / total["array_cycles"]
        assert share * total["possible_speedup"] <= scaling
        assert total["possible_speedup"] < total["ideal_speedup"] == 8 / total["k"]


def test_the_rival_has_as_many_macs_a_cycle():
    """4 x 4 PEs of 8 lanes do 16 MACs a cycle at k = 8; three images are one product."""
    workload = Workload("w", (LayerShape("layer", 5, 30, 7),))
    rival = rival_array(workload, ArrayConfig(4, 4, 8, 1), images=3)
    folds = 8 * 2  # of 30 elements on 4 rows, 7 columns on 4
    assert rival == RivalArray(rows=4, cols=4, cycles=folds * (15 + 2 * 4 + 4 - 2) - 1)
    assert rival_array(workload, ArrayConfig(1, 3, 1, 1)) is None


def test_scale_sim_cycles_of_the_residual_networks_convolutions():
    """As SCALE-Sim reports them: projections included, without the fully connected layers."""
    for name, figures in {
        "resnet20": (206_817, 83_423),
        "resnet18": (9_131_676, 2_806_392),
    }.items():
        layers = convolutions(workload_by_name(name))
        assert (scale_sim_cycles(layers, 16, 16), scale_sim_cycles(layers, 32, 32)) == figures


def test_the_bound_is_rounded_up_once():
    layers = (LayerShape("a", 3, 5, 7, bits=8), LayerShape("b", 2, 5, 7, groups=3))
    config = ArrayConfig(rows=4, cols=4, lanes=8, planes=2)
    assert bound_cycles(layers, config, 3) == -(-(105 * 4 + 210 * 2) // 128)
    assert bound_cycles(layers[:1], config, 1) == 4
    assert bound_cycles([LayerShape("c", 16, 8, 1)], config, 2) == 1
