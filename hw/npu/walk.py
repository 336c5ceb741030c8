"""Walks over a convolution's windows: which tap of which tile is read in each beat."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .memory import ADDRESS_BITS
from .place import SIZE_BITS

__all__ = ["TapWalk", "origins", "reader_members", "tap_layout", "window_layout"]

TAP_BITS = 18  # of a position in the input, signed: up to a width, and beyond either side
WIDTHS = {
    **dict.fromkeys(("input_width", "input_height", "input_channels"), SIZE_BITS),
    **dict.fromkeys(("output_width", "output_height", "column_tiles"), SIZE_BITS),
    **dict.fromkeys(("base", "step_x", "step_y"), 16),
    **dict.fromkeys(("kernel_x", "kernel_y", "pad_left", "pad_code"), 8),
    "pad_top": signed(8),
    **dict.fromkeys(("stride_x", "stride_y", "dilation_x", "dilation_y"), 4),
    **dict.fromkeys(("tile_x", "phase_x", "phase_y"), 4),
}


def window_layout():
    """A convolution's window and its input map; names are a descriptor's.

    column_tiles : how often all tiles are walked over
    pad_top : signed; below zero, so many rows of the input are passed over
    The others are sizes, window and the input map's place.
    """
    return data.StructLayout(WIDTHS)


def reader_members(config):
    """Ports of what gives the core an array's words of windows: see `WindowReader`."""
    return {
        "windows": In(stream.Signature(window_layout())),
        "words": Out(stream.Signature(config.activation_word_bits)),
        "read": Out(config.rows),
        "addresses": Out(config.rows * ADDRESS_BITS),
        "answers": In(config.activation_word_bits),
    }


def tap_layout():
    """One beat of one tile.

    origin_x, origin_y : the tile's first output pixel
    tap_x, tap_y : column and row of the input that an output pixel 0 reads
    block : of channels
    last : it is the tile's last beat
    """
    return data.StructLayout(
        {
            **dict.fromkeys(("origin_x", "origin_y"), SIZE_BITS),
            **dict.fromkeys(("tap_x", "tap_y"), signed(TAP_BITS)),
            "block": SIZE_BITS,
            "last": 1,
        }
    )


class TapWalk(wiring.Component):
    """Gives the beats of all tiles: column tile by column tile, in each row of tiles by row.

    In a tile the reduction runs over the window's rows, its columns, and blocks of channels.

    Parameters
    ----------
    config : ArrayConfig, whose rows and lanes are powers of two

    Members
    -------
    windows : In, stream of `window_layout()`; taken with its last beat
    taps : Out, stream of `tap_layout()`
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "windows": In(stream.Signature(window_layout())),
                "taps": Out(stream.Signature(tap_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        window, tap = self.windows.p, self.taps.p
        lanes = self.config.lanes
        rows = exact_log2(self.config.rows)
        step = Signal()
        m.d.comb += [
            self.taps.valid.eq(self.windows.valid),
            step.eq(self.taps.valid & self.taps.ready),
        ]
        blocks = (window.input_channels + (lanes - 1)) >> exact_log2(lanes)
        wraps = self._counter(m, tap.block, blocks, step)
        for axis, size in (("x", "left"), ("y", "top")):
            wraps = self._taps(m, axis, window[f"pad_{size}"], wraps)
        m.d.comb += tap.last.eq(wraps)
        across = (1 << window.tile_x)[: rows + 1]
        down = (1 << (rows - window.tile_x)[: (rows + 1).bit_length()])[: rows + 1]
        for axis, size, reach in (("x", "width", across), ("y", "height", down)):
            wraps, origin = origins(m, axis, window[f"output_{size}"], reach, wraps)
            m.d.comb += tap[f"origin_{axis}"].eq(origin)
        column = Signal(SIZE_BITS)
        wraps = self._counter(m, column, window.column_tiles, wraps)
        m.d.comb += self.windows.ready.eq(wraps)
        return m

    def _counter(self, m, output, count, step):
        """Count to `count`; whether a step ends the round."""
        value = Signal.like(output)
        last = Signal()
        m.d.comb += output.eq(value) if output is not value else []
        m.d.comb += last.eq(value == count - 1)
        with m.If(step):
            m.d.sync += value.eq(Mux(last, 0, value + 1))
        return step & last

    def _taps(self, m, axis, pad, step):
        """Move from tap to tap along an axis; whether a step ends the window's row or column."""
        window = self.windows.p
        index, moved = Signal(8), Signal(TAP_BITS)
        last = Signal()
        m.d.comb += last.eq(index == window[f"kernel_{axis}"] - 1)
        m.d.comb += self.taps.p[f"tap_{axis}"].eq(moved - pad)
        with m.If(step):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
            m.d.sync += moved.eq(Mux(last, 0, moved + window[f"dilation_{axis}"]))
        return step & last


def origins(m, name, size, reach, step):
    """Move from tile to tile along an axis, `reach` at each step, up to `size`.

    Returns whether a step ends the round, and where the tile at hand begins.
    """
    origin = Signal(SIZE_BITS, name=name)
    following = Signal(SIZE_BITS + 1, name=f"next_{name}")
    last = Signal(name=f"last_{name}")
    m.d.comb += following.eq(origin + reach)
    m.d.comb += last.eq(following >= size)
    with m.If(step):
        m.d.sync += origin.eq(Mux(last, 0, following))
    return step & last, origin
