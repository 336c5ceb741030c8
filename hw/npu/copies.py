"""Walks over a LOAD: which bytes of which row of the image go to which channels of which pixel."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .place import SIZE_BITS, least, map_layout
from .row_buffer import POSITION_BITS

__all__ = ["CopyWalk", "copy_layout", "image_rows", "load_layout"]


def load_layout():
    """A LOAD: sizes, window and the map's place; names are a descriptor's.

    address, pitch : of the image's first pixel in memory, and bytes from a row to the next
    """
    sides = ("input", "output")
    return data.StructLayout(
        {
            **{f"{side}_{size}": SIZE_BITS for side in sides for size in ("width", "height")},
            **{f"{side}_channels": SIZE_BITS for side in sides},
            **dict.fromkeys(("kernel_x", "kernel_y", "pad_left", "pad_top", "pad_code"), 8),
            **dict.fromkeys(("stride_x", "stride_y"), 4),
            "where": map_layout(),
            "address": 32,
            "pitch": 32,
        }
    )


def copy_layout(size):
    """A copy of up to `size` bytes of a row to one word.

    source : the first byte's place in the row, signed: a window may begin before it
    following : where the next window begins
    take : bytes
    x, y, channel : pixel of the map, and the first channel
    ends_row : it is the last of its row of the image
    """
    return data.StructLayout(
        {
            **dict.fromkeys(("source", "following"), signed(POSITION_BITS)),
            "take": range(size + 1),
            **dict.fromkeys(("x", "y", "channel"), SIZE_BITS),
            "ends_row": 1,
        }
    )


def image_rows(m, load, step, *, name):
    """Move over the rows of the map, and for each over the image's rows that it is made of.

    Returns
    -------
    row of the map, row of its windows, whether the image has that row, its number, and whether it
    is the last of all
    """
    y, tap = Signal(SIZE_BITS, name=f"{name}_y"), Signal(8, name=f"{name}_tap")
    first = Signal(SIZE_BITS + 4, name=f"{name}_first")  # y x stride_y
    number = Signal(signed(SIZE_BITS + 6), name=f"{name}_number")
    last_tap = tap == load.kernel_y - 1
    last = last_tap & (y == load.output_height - 1)
    m.d.comb += number.eq(first + tap - load.pad_top)
    with m.If(step):
        m.d.sync += tap.eq(Mux(last_tap, 0, tap + 1))
        with m.If(last_tap):
            m.d.sync += y.eq(Mux(last, 0, y + 1))
            m.d.sync += first.eq(Mux(last, 0, first + load.stride_y))
    return y, tap, (number >= 0) & (number < load.input_height), number, last


class CopyWalk(wiring.Component):
    """Gives the copies of a LOAD. None crosses a word of the map.

    Parameters
    ----------
    lanes : int
        Codes of a word, a power of two.
    size : int
        Bytes of a copy, at most.

    Members
    -------
    loads : In, stream of `load_layout()`; taken with the last copy
    copies : Out, stream of `copy_layout(size)`
    inside : Out, the image has the row that is copied
    number : Out, of that row
    """

    def __init__(self, lanes, size):
        self.lanes = lanes
        self.size = size
        super().__init__(
            {
                "loads": In(stream.Signature(load_layout())),
                "copies": Out(stream.Signature(copy_layout(size))),
                "inside": Out(1),
                "number": Out(SIZE_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        load, copy = self.loads.p, self.copies.p
        window = Signal(SIZE_BITS)  # bytes of a window's row
        done = Signal(SIZE_BITS)  # of these, copied
        rows = Signal(SIZE_BITS)  # bytes of the window's rows before
        left, room = Signal(SIZE_BITS), Signal(range(self.lanes + 1))
        begin = Signal(signed(POSITION_BITS))  # of the window, without the pad
        x, step = Signal(SIZE_BITS), Signal()
        ends_window = copy.take == left
        ends_row = step & copy.ends_row
        y, tap, inside, number, last = image_rows(m, load, ends_row, name="row")
        with m.If(ends_row):
            m.d.sync += rows.eq(Mux(tap == load.kernel_y - 1, 0, rows + window))
        m.d.comb += [
            window.eq(load.kernel_x * load.input_channels),
            left.eq(window - done),
            copy.source.eq(begin + done - load.pad_left * load.input_channels),
            copy.following.eq(begin + (load.stride_x - load.pad_left) * load.input_channels),
            copy.x.eq(x),
            copy.y.eq(y),
            copy.channel.eq(rows + done),
            room.eq(self.lanes - (copy.channel & (self.lanes - 1))),
            copy.take.eq(least(left, room, self.size)),
            copy.ends_row.eq(ends_window & (x == load.output_width - 1)),
            self.copies.valid.eq(self.loads.valid),
            step.eq(self.copies.valid & self.copies.ready),
            self.loads.ready.eq(ends_row & last),
            self.inside.eq(inside),
            self.number.eq(number),
        ]
        with m.If(step):
            m.d.sync += done.eq(Mux(ends_window, 0, done + copy.take))
        with m.If(step & ends_window):
            m.d.sync += x.eq(Mux(copy.ends_row, 0, x + 1))
            m.d.sync += begin.eq(Mux(copy.ends_row, 0, begin + load.stride_x * load.input_channels))
        return m
