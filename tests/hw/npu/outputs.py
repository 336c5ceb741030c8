"""Tiles of outputs in the order of the core, for the tests."""

import numpy as np

from truncmac.golden import Machine, MapPlace


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


def placed(rng, shape, chip, group):
    """A random place of a map in a group."""
    return MapPlace.packed(
        shape,
        chip,
        group=group,
        base=int(rng.integers(20)),
        tile_x=int(rng.integers(chip.row_bits + 1)),
        phases=tuple(int(n) for n in rng.integers(0, 3, 2)),
    )


def places_of(where, shape, chip):
    """Group, bank, word and lane of each code of a map, as indices."""
    bank, word = where.locate(shape, chip)
    channel = np.arange(shape[2])
    lane = channel % chip.lanes
    return where.group, bank[..., None], word[..., None] + channel // chip.lanes, lane


def sizes(shape, tile_x):
    names = ("output_height", "output_width", "output_channels")
    return dict(zip(names, shape, strict=True)) | {"tile_x": tile_x}


def codes_of(rng, shape):
    return rng.integers(0, 256, shape).astype(np.uint8)
