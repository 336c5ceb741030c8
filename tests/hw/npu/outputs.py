"""Tiles of outputs in the order of the core, for the tests."""

import numpy as np

from truncmac.golden import Machine, MapPlace
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.memory import port_names

# Columns are half as many as lanes, as many, twice and four times as many; 1 to 8 a requantiser,
# or two rows at once
RATES = [
    *(
        ArrayConfig(rows, 8, lanes, 1, requantisers=16)
        for rows, lanes in ((4, 16), (4, 8), (8, 4), (16, 2))
    ),
    *(
        ArrayConfig(rows, 8, lanes, 1, requantisers=8 // share)
        for rows, lanes, share in (
            *((4, 16, 1), (8, 16, 2), (2, 16, 4), (4, 16, 8)),
            *((8, 8, 1), (8, 8, 2), (4, 8, 4), (1, 8, 8)),
            *((8, 4, 1), (4, 4, 2), (4, 4, 4), (2, 4, 8)),
            *((16, 2, 1), (8, 2, 2), (4, 2, 4), (4, 2, 8)),
        )
    ),
]


def machine(config, depth=1 << 12):
    return Machine(
        **{"rows": config.rows, "cols": config.cols, "lanes": config.lanes, "planes": 1},
        **{"max_reduction": 999, "groups": 3, "depth": depth, "bus_bytes": 8, "configuration": 0},
    )


def rows_of(shape, tile_x, config, columns=None):
    """(y, x, inside, first channel) of every row of every tile, by definition.

    columns : channels of a tile; by default the array's columns
    """
    height, width, channels = shape
    across = 1 << tile_x
    down = config.rows // across
    for first in range(0, channels, columns or config.cols):
        for top in range(0, height, down):
            for left in range(0, width, across):
                for row in range(config.rows):
                    y, x = top + row // across, left + row % across
                    yield y, x, y < height and x < width, first


def drawn(rng, config):
    """Shape, tile and place of an output."""
    shape = tuple(int(n) for n in rng.integers(1, (9, 9, 3 * config.cols + 1)))
    chip = machine(config)
    place = placed(rng, shape, chip, int(rng.integers(3)))
    return shape, int(rng.integers(chip.row_bits + 1)), place


def placed(rng, shape, chip, group, **more):
    """A random place of a map in a group; `more` sets what is not to be random."""
    drawn_by_chance = {
        "base": int(rng.integers(20)),
        "tile_x": int(rng.integers(chip.row_bits + 1)),
        "phases": tuple(int(n) for n in rng.integers(0, 3, 2)),
    }
    return MapPlace.packed(shape, chip, group=group, **drawn_by_chance | more)


def places_of(where, shape, chip):
    """Group, bank, word and lane of each code of a map, as indices."""
    bank, word = where.locate(shape, chip)
    channel = np.arange(shape[2])
    lane = channel % chip.lanes
    return where.group, bank[..., None], word[..., None] + channel // chip.lanes, lane


def word_of(words, pixel):
    """Group, bank and word of a `pixel_layout()`, of the group and all banks and words of a map."""
    group, banks, first = words
    return group, banks[pixel.y, pixel.x], first[pixel.y, pixel.x] + pixel.block


def sizes(shape, tile_x):
    names = ("output_height", "output_width", "output_channels")
    return dict(zip(names, shape, strict=True)) | {"tile_x": tile_x}


def codes_of(rng, shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


class Banks:
    """Banks beside who reads or writes words; each does one thing in a cycle, or nothing.

    `grant` is to be called before each clock, when all inputs are set, and `serve` after it.
    """

    def __init__(self, dut, held, rng, busy=0.0):
        self.dut, self.held, self.rng, self.busy = dut, held, rng, busy
        self.reads = port_names(dut.config, "read") if hasattr(dut, "read") else ()
        self.writes = port_names(dut.config, "write") if hasattr(dut, "write") else ()
        self.served, self.count = [], 0  # in this cycle, and until now

    def grant(self, ctx):
        """Say who is served in this cycle; who comes first is served first."""
        taken, self.served = set(), []
        for name in (*self.reads, *self.writes):
            asks, place = (ctx.get(getattr(self.dut, port)) for port in (name, f"{name}_place"))
            bank = place.group, place.bank
            free = bank not in taken
            if name != "read":
                free &= self.rng.random() >= self.busy
                ctx.set(getattr(self.dut, f"{name}_ready"), free)
            if asks and free:
                taken.add(bank)
                given = ctx.get(getattr(self.dut, f"{name}_given")) if name in self.writes else 0
                self.served.append((name, asks, (*bank, place.address), given))

    def serve(self, ctx):
        self.count += len(self.served)
        for name, asks, place, given in self.served:
            if name in self.reads:
                word = int.from_bytes(self.held[place].astype(np.uint8).tobytes(), "little")
                ctx.set(getattr(self.dut, f"{name}_answer"), word)
            for lane in range(self.dut.config.lanes) if name in self.writes else ():
                if asks >> lane & 1:
                    self.held[(*place, lane)] = given >> 8 * lane & 255
