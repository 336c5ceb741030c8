"""The shipped network's layers on the RTL, in both simulators."""

import re

import pytest

from tests.support import assert_exact
from truncmac.golden import builtin_images, builtin_network, example_images, example_network
from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.network import run_network


@pytest.mark.parametrize(
    ("simulator", "images", "sizes", "widths"),
    [
        ("verilator", 16, (8, 8, 8, 1, 1152), (8, 4, 2, 1)),
        pytest.param("icarus", 1, (4, 4, 4, 1, 300, 2), (1,), marks=pytest.mark.long),
        pytest.param("icarus", 1, (4, 4, 4, 1, 300, 2), (8, 4, 2), marks=pytest.mark.long),
    ],
)
def test_every_layer_equals_golden(simulator, images, sizes, widths, build_root):
    network, (codes, _) = builtin_network(), builtin_images()
    config = ArrayConfig(*sizes)

    reports = run_network(
        network,
        codes[:images],
        widths,
        config,
        simulator=simulator,
        build_root=build_root,
    )

    assert tuple(report.bits for report in reports) == widths
    for report in reports:
        assert [o.gemm.name for o in report.outcomes] == [p.name for p in network.products]
        assert_exact(report.outcomes, config)
    cycles = [report.cycles for report in reports]
    assert cycles == sorted(cycles, reverse=True)


@pytest.mark.parametrize(
    ("sizes", "widths"),
    [
        ((8, 8, 8, 1, 1152), (1,)),
        pytest.param((16, 16, 8, 1), (8, 4, 2, 1), marks=pytest.mark.long),
    ],
)
def test_resnet20_equals_golden_layer_by_layer_at_every_bit_width(sizes, widths, build_root):
    network, config = example_network("resnet20"), ArrayConfig(*sizes)
    assert set(widths) <= set(network.bit_widths)
    images = example_images("resnet20", 1)
    reports = run_network(network, images, widths, config, build_root=build_root)
    assert tuple(report.bits for report in reports) == widths
    for report in reports:
        assert [o.gemm.name for o in report.outcomes] == [p.name for p in network.products]
        assert report.macs == 40_551_040
        assert_exact(report.outcomes, config)


def test_a_reduction_longer_than_built_for_is_refused_before_anything_runs(tmp_path):
    network, (codes, _) = builtin_network(), builtin_images()
    message = (
        "Layer 'conv3' has reduction K = 288; the array is built for K up to 287. "
        "Build it with --max-reduction 288"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        run_network(
            network, codes[:1], [8], ArrayConfig(max_reduction=287), build_root=tmp_path / "sim"
        )
    assert not (tmp_path / "sim").exists()
