"""Banks of pixels are those of the reference's layout, and rows come in the core's order."""

import numpy as np
import pytest

from truncmac.golden import MapPlace
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.sim.cycles.npu.places import Place, RowWalk
from truncmac.sim.npu.planning import machine_of


@pytest.mark.parametrize("tile_x", [0, 1, 3])
@pytest.mark.parametrize("phases", [(0, 0), (1, 0), (0, 2), (3, 1)])
def test_banks_are_the_references(tile_x, phases):
    machine = machine_of(NpuConfig(array=npu_array(rows=8)))
    place = MapPlace(
        base=5,
        **{"step_x": 64, "step_y": 999, "group": 2, "tile_x": tile_x},
        **{"phase_x": phases[0], "phase_y": phases[1]},
    )
    values = {f"residual_map_{name}": value for name, value in vars(place).items()}
    banks, _ = place.locate((13, 17, 1), machine)
    ours = Place(values, "residual", machine.rows)
    for y in range(13):
        assert [ours.bank(x, y) for x in range(17)] == [(2, int(bank)) for bank in banks[y]]


@pytest.mark.parametrize("tile_x", [0, 1, 2])
@pytest.mark.parametrize("size", [(5, 7, 9), (4, 4, 4), (1, 1, 1)])
def test_rows_come_tile_by_tile(tile_x, size):
    height, width, channels = size
    walk = RowWalk(4)
    walk.begin({"output_width": width, "output_height": height}, tile_x, 4, channels)
    across, down = 1 << tile_x, 4 >> tile_x
    expected = [
        (channel, left + x, top + y)
        for channel in range(0, channels, 4)
        for top in range(0, height, down)
        for left in range(0, width, across)
        for y, x in np.ndindex(down, across)
    ]
    for number, (channel, x, y) in enumerate(expected):
        assert (walk.channel, walk.x, walk.y) == (channel, x, y)
        assert walk.inside == (x < width and y < height)
        assert walk.ends == (number % 4 == 3)
        assert walk.step() == (number == len(expected) - 1)
    assert (walk.channel, walk.x, walk.y) == (0, 0, 0)


def test_rows_that_come_at_once():
    one, two = RowWalk(4), RowWalk(4, together=2)
    sizes = {"output_width": 5, "output_height": 3}
    for walk in (one, two):
        walk.begin(sizes, 1, 4, 8)
    over = False
    while not over:
        expected = []
        for _ in range(2):
            expected.append((one.x, one.y, one.inside))
            ends = one.ends
            last = one.step()
        assert two.pixels == expected
        assert (two.x, two.y, two.inside) == expected[0]
        assert two.ends == ends
        over = two.step()
        assert over == last
        assert two.index == one.index
