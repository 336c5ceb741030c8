"""Words lie where golden says."""

from itertools import product

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.support import simulate_logic
from truncmac.golden import Machine, MapPlace
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.memory import place_layout
from truncmac.hw.npu.place import map_layout, word_place


class Placer(wiring.Component):
    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "where": In(map_layout()),
                **dict.fromkeys(("x", "y", "block"), In(16)),
                "place": Out(place_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        found = word_place(m, self.config, self.where, self.x, self.y, self.block, name="found")
        m.d.comb += self.place.eq(found)
        m.d.sync += Signal().eq(0)
        return m


@pytest.mark.parametrize("rows", [1, 2, 8, 16])
def test_all_layouts(rows):
    chip = Machine(
        **{"rows": rows, "cols": 4, "lanes": 4, "planes": 1, "max_reduction": 999},
        **{"groups": 3, "depth": 1 << 16, "bus_bytes": 8, "configuration": 0},
    )
    dut, rng, shape = Placer(ArrayConfig(rows, 4, 4, 1)), np.random.default_rng(rows), (40, 50, 11)

    async def testbench(ctx):
        for tile_x, phase_y, phase_x in product(range(chip.row_bits + 1), range(4), range(4)):
            where = MapPlace.packed(
                shape,
                chip,
                group=int(rng.integers(3)),
                base=int(rng.integers(100)),
                tile_x=tile_x,
                phases=(phase_y, phase_x),
            )
            bank, word = where.locate(shape, chip)
            ctx.set(dut.where, vars(where))
            for _ in range(12):
                y, x, block = (int(n) for n in rng.integers(0, (40, 50, 3)))
                for port, value in (("y", y), ("x", x), ("block", block)):
                    ctx.set(getattr(dut, port), value)
                found = ctx.get(dut.place)
                assert (found.group, found.bank) == (where.group, bank[y, x])
                assert found.address == word[y, x] + block

    simulate_logic(dut, testbench)
