"""From a pixel to the word that holds it."""

from amaranth import Mux, Signal
from amaranth.lib import data
from amaranth.utils import exact_log2

from .memory import ADDRESS_BITS, place_layout

__all__ = ["least", "map_layout", "pixel_layout", "word_place"]

SIZE_BITS = 16  # of a map's width, height and channels
BLOCK_BITS = 3  # of the logarithm of a block's pixels along an axis
PHASE_BITS = 2  # of the logarithm of a stride


def map_layout():
    """Where a map lies: the fields of a descriptor, as in `golden.maps.MapPlace`."""
    return data.StructLayout(
        {
            **dict.fromkeys(("base", "step_x", "step_y"), ADDRESS_BITS),
            **dict.fromkeys(("group", "tile_x", "phase_x", "phase_y"), 4),
        }
    )


def pixel_layout():
    """A block of channels of a pixel of a map."""
    return data.StructLayout(dict.fromkeys(("x", "y", "block"), SIZE_BITS))


def word_place(m, config, where, x, y, block, *, name):
    """The place of the word of block `block` of channels of pixel (x, y) of a map.

    Parameters
    ----------
    config : ArrayConfig, whose rows are a power of two
    where : `map_layout()`
    x, y, block : unsigned values
    """
    row_bits = exact_log2(config.rows)
    phase_x, phase_y = where.phase_x[:PHASE_BITS], where.phase_y[:PHASE_BITS]
    tile_x = where.tile_x[:BLOCK_BITS]
    tile_y = Signal(BLOCK_BITS, name=f"{name}_tile_y")
    column, row = x >> phase_x, y >> phase_y
    phase = ((y & ((1 << phase_y) - 1)) << phase_x) + (x & ((1 << phase_x) - 1))
    depth = where.step_x >> (phase_x + phase_y)
    found = Signal(place_layout(config), name=name)
    across = (row >> tile_y) * where.step_y + (column >> tile_x) * where.step_x
    turn = (row & ((1 << tile_y) - 1)) << tile_x
    m.d.comb += [
        tile_y.eq(row_bits - tile_x),
        found.group.eq(where.group),
        found.bank.eq((column & ((1 << tile_x) - 1)) + turn),
        found.address.eq(where.base + across + phase * depth + block),
    ]
    return found


def least(*values):
    """The least of unsigned values."""
    found = values[0]
    for value in values[1:]:
        found = Mux(found < value, found, value)
    return found
