"""Maps lie as their convolutions and pools read them fastest."""

from itertools import product

import pytest

from tests.sim.npu.test_steps import network
from truncmac.golden import AvgPool, Conv2d, Machine, MaxPool, example_network
from truncmac.integers import ceil_div
from truncmac.sim.npu.layouts import (
    Layout,
    accesses,
    choose_layouts,
    is_conflict_free,
    pool_cycles,
    tiles,
)
from truncmac.sim.npu.steps import network_steps


def machine(rows=16, cols=16, lanes=8):
    return Machine(
        rows=rows,
        cols=cols,
        lanes=lanes,
        planes=1,
        max_reduction=4608,
        groups=3,
        depth=4096,
        bus_bytes=8,
        configuration=0,
    )


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ((7, 7), 4),  # tiles of 8 x 2: one across, four down
        ((8, 8), 4),
        ((32, 32), 64),
        ((14, 14), 14),  # 16 x 1, or 2 x 8 with two down and seven across
        ((1, 1), 1),
        ((5, 3), 2),  # 4 x 4, two down
        ((3, 40), 9),  # 16 x 1, three across and three down
    ],
)
def test_tiles_are_as_few_as_there_can_be(size, count):
    conv = Conv2d("conv", "image", out_bits=4, padding=(1, 1))
    steps = network_steps(network(conv, image=(8, *size), weights={"conv": (4, 8, 3, 3)}))
    layout = choose_layouts(steps, machine())["image"]
    assert tiles((*size, 4), layout.tile_x, machine().row_bits) == count
    assert count == min(ceil_div(size[1], 1 << x) * ceil_div(size[0], 16 >> x) for x in range(5))


@pytest.mark.parametrize("stride", [*product((1, 2, 4), (1, 2, 4))])
def test_a_layout_follows_its_readers_stride(stride):
    conv = Conv2d("conv", "image", out_bits=4, stride=stride)
    steps = network_steps(network(conv, image=(8, 40, 40), weights={"conv": (4, 8, 3, 3)}))
    layout = choose_layouts(steps, machine())["image"]
    assert tuple(1 << phase for phase in layout.phases) == stride
    assert is_conflict_free(layout, steps.steps[1])


def test_a_stride_of_three_is_read_one_pixel_after_the_other():
    conv = Conv2d("conv", "image", out_bits=4, stride=(1, 3))
    steps = network_steps(network(conv, image=(8, 30, 30), weights={"conv": (20, 8, 3, 3)}))
    layouts = choose_layouts(steps, machine())
    assert layouts["image"].phases == (0, 0)
    assert not is_conflict_free(layouts["image"], steps.steps[1])
    # 28 x 10 pixels: 18 tiles of 16 x 1 or 8 x 2 .. 2 x 8; two column tiles; nine taps of a word
    fewest = min(ceil_div(10, 1 << x) * ceil_div(28, 16 >> x) for x in range(5))
    assert accesses(steps, layouts, machine()) == fewest * 2 * 9 * 16


def test_of_readers_that_disagree_the_one_with_more_work_wins():
    half = Conv2d("half", "image", out_bits=4, stride=(2, 2), padding=(1, 1))
    full = Conv2d("full", "image", out_bits=4, padding=(1, 1))
    for outputs, stride in ((16, 1), (16 * 64, 2)):
        weights = {"full": (16, 8, 3, 3), "half": (outputs, 8, 3, 3), "last": (1, outputs, 1, 1)}
        last = Conv2d("last", "half", out_bits=4)
        joined = Conv2d("joined", "full", out_bits=4, residual="last", stride=(2, 2))
        steps = network_steps(
            network(
                *(half, full, last, joined),
                image=(8, 32, 32),
                weights=weights | {"joined": (1, 16, 1, 1)},
            )
        )
        layout = choose_layouts(steps, machine())["image"]
        assert layout.phases == (stride - 1, stride - 1)


def test_a_layout_follows_a_maximum_pool_but_no_mean():
    """A mean takes one word after the other, wherever they lie."""
    pool = MaxPool("pool", "image", (3, 3), (2, 2), (1, 1))
    steps = network_steps(network(pool, image=(9, 40, 32), weights={}))
    layout = choose_layouts(steps, machine())["image"]
    assert layout.phases == (1, 1)
    # 20 x 16 pixels are 20 tiles, of two blocks; the nine taps of a tile come before its rows leave
    assert pool_cycles(layout, steps.steps[1], machine(), 20) == 20 * 2 * 16
    assert accesses(steps, {"image": layout, "pool": layout}, machine()) == 20 * 2 * 16
    crossed = Layout(layout.tile_x, (0, 1))
    assert pool_cycles(crossed, steps.steps[1], machine(), 20) == 20 * 2 * 9 * 16
    mean = AvgPool("mean", "image", (3, 3), (2, 2))
    mean = network_steps(network(mean, image=(9, 40, 32), weights={}))
    assert choose_layouts(mean, machine())["image"].phases == (0, 0)


def test_a_convolution_with_more_work_than_a_pool_has_its_own_stride():
    pool = MaxPool("pool", "image", (3, 3), (2, 2), (1, 1))
    last = Conv2d("last", "conv", out_bits=4, residual="pool", stride=(2, 2))
    for outputs, phase in ((1, 1), (16 * 20, 0)):
        weights = {"conv": (outputs, 8, 1, 1), "last": (8, outputs, 1, 1)}
        conv = Conv2d("conv", "image", out_bits=4)
        steps = network_steps(network(pool, conv, last, image=(8, 32, 32), weights=weights))
        assert choose_layouts(steps, machine())["image"].phases == (phase, phase)


def test_one_window_needs_no_phases():
    """Whatever its stride, a single window is in different banks."""
    conv = Conv2d("conv", "image", out_bits=4, stride=(2, 2))
    steps = network_steps(network(conv, image=(8, 3, 3), weights={"conv": (4, 8, 3, 3)}))
    assert is_conflict_free(Layout(0, (0, 0)), steps.steps[1])
    assert choose_layouts(steps, machine())["image"].phases == (0, 0)


def test_accesses_of_resnet20_are_near_the_bound():
    """Beats of all tiles, against those of tiles without any rounding of rows."""
    steps = network_steps(example_network("resnet20"))
    chip = machine(8, 8)
    layouts = choose_layouts(steps, chip)
    products = [step for step in steps.steps if step.layer is not None]
    bound = sum(
        ceil_div(step.shape[0] * step.shape[1], 8)
        * ceil_div(step.shape[2], 8)
        * step.kernel[0]
        * step.kernel[1]
        * ceil_div(step.source_shape[2], 8)
        for step in products
    )
    assert accesses(steps, layouts, chip) == bound
