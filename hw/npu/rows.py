"""Walks over the rows of a convolution's results, in the order in which the core gives them."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .place import BLOCK_BITS, SIZE_BITS
from .walk import origins

__all__ = ["RowWalk", "outputs_layout", "row_layout"]


def outputs_layout():
    """Sizes of a convolution's output, and log2 of its tiles' columns."""
    return data.StructLayout(
        {
            **dict.fromkeys(("output_width", "output_height", "output_channels"), SIZE_BITS),
            "tile_x": 4,
        }
    )


def row_layout():
    """One row of a tile.

    x, y : its output pixel
    inside : that is inside the output
    channel : of the tile's first column
    ends : it is the last of its tile
    last : it is the last of all rows
    """
    return data.StructLayout(
        {**dict.fromkeys(("x", "y", "channel"), SIZE_BITS), "inside": 1, "ends": 1, "last": 1}
    )


class RowWalk(wiring.Component):
    """Gives the rows of all tiles: column tile by column tile, in each row of tiles by row.

    Parameters
    ----------
    config : ArrayConfig, whose rows are a power of two
    columns : int
        Channels of a tile; by default the array's columns.

    Members
    -------
    outputs : In, stream of `outputs_layout()`; taken with its last row
    rows : Out, stream of `row_layout()`
    """

    def __init__(self, config, *, columns=None):
        self.config = config
        self.columns = columns or config.cols
        self.row_bits = exact_log2(config.rows)
        super().__init__(
            {
                "outputs": In(stream.Signature(outputs_layout())),
                "rows": Out(stream.Signature(row_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        outputs, found = self.outputs.p, self.rows.p
        tile_x, tile_y = outputs.tile_x[:BLOCK_BITS], Signal(BLOCK_BITS)
        row = Signal(range(max(self.config.rows, 2)))
        step, last_row = Signal(), Signal()
        m.d.comb += [
            tile_y.eq(self.row_bits - tile_x),
            self.rows.valid.eq(self.outputs.valid),
            step.eq(self.rows.valid & self.rows.ready),
            last_row.eq(row == self.config.rows - 1),
        ]
        with m.If(step):
            m.d.sync += row.eq(Mux(last_row, 0, row + 1))
        ends, x = origins(m, "x", outputs.output_width, 1 << tile_x, step & last_row)
        ends, y = origins(m, "y", outputs.output_height, 1 << tile_y, ends)
        ends, channel = origins(m, "channel", outputs.output_channels, self.columns, ends)
        m.d.comb += [
            found.x.eq(x + (row & ((1 << tile_x) - 1))),
            found.y.eq(y + (row >> tile_x)),
            found.channel.eq(channel),
            found.inside.eq((found.x < outputs.output_width) & (found.y < outputs.output_height)),
            found.ends.eq(last_row),
            found.last.eq(ends),
            self.outputs.ready.eq(ends),
        ]
        return m
