"""Walks over the rows of a convolution's results, in the order in which the core gives them."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .place import BLOCK_BITS, SIZE_BITS
from .walk import origins

__all__ = ["RowWalk", "outputs_layout", "pixels", "row_layout"]


def outputs_layout():
    """Sizes of a convolution's output, and log2 of its tiles' columns."""
    return data.StructLayout(
        {
            **dict.fromkeys(("output_width", "output_height", "output_channels"), SIZE_BITS),
            "tile_x": 4,
        }
    )


def row_layout(together=1):
    """One row of a tile, or the first of those that come `together`.

    x, y : its output pixel
    inside : that is inside the output
    x_1, y_1, inside_1 and so on : of the rows after it; `pixels` has those of all
    channel : of the tile's first column
    ends : it is the last of its tile
    last : it is the last of all rows
    """
    return data.StructLayout(
        {
            **dict.fromkeys(("x", "y", "channel"), SIZE_BITS),
            **dict.fromkeys(("inside", "ends", "last"), 1),
            **{
                f"{name}_{number}": width
                for number in range(1, together)
                for name, width in (("x", SIZE_BITS), ("y", SIZE_BITS), ("inside", 1))
            },
        }
    )


def pixels(row, together):
    """Return (x, y, inside) of each of the rows in a `row_layout(together)`."""
    suffixes = ("", *(f"_{number}" for number in range(1, together)))
    return [tuple(row[f"{name}{each}"] for name in ("x", "y", "inside")) for each in suffixes]


class RowWalk(wiring.Component):
    """Gives the rows of all tiles: column tile by column tile, in each row of tiles by row.

    Parameters
    ----------
    config : ArrayConfig, whose rows are a power of two
    columns : int
        Channels of a tile; by default the array's columns.
    together : int
        Rows that are given at once, a divisor of the array's.

    Members
    -------
    outputs : In, stream of `outputs_layout()`; taken with its last row
    rows : Out, stream of `row_layout(together)`
    """

    def __init__(self, config, *, columns=None, together=1):
        self.config = config
        self.together = together
        self.columns = columns or config.cols
        self.row_bits = exact_log2(config.rows)
        super().__init__(
            {
                "outputs": In(stream.Signature(outputs_layout())),
                "rows": Out(stream.Signature(row_layout(together))),
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
            last_row.eq(row == self.config.rows - self.together),
        ]
        with m.If(step):
            m.d.sync += row.eq(Mux(last_row, 0, row + self.together))
        ends, x = origins(m, "x", outputs.output_width, 1 << tile_x, step & last_row)
        ends, y = origins(m, "y", outputs.output_height, 1 << tile_y, ends)
        ends, channel = origins(m, "channel", outputs.output_channels, self.columns, ends)
        given = pixels(found, self.together)
        for number, (own_x, own_y, _) in enumerate(given):
            own = row | number if number else row  # `together` is a power of two
            m.d.comb += own_x.eq(x + (own & ((1 << tile_x) - 1)))
            m.d.comb += own_y.eq(y + (own >> tile_x))
        m.d.comb += [
            found.channel.eq(channel),
            *(
                inside.eq((own_x < outputs.output_width) & (own_y < outputs.output_height))
                for own_x, own_y, inside in given
            ),
            found.ends.eq(last_row),
            found.last.eq(ends),
            self.outputs.ready.eq(ends),
        ]
        return m
