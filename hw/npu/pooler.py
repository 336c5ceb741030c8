"""Maximum pools: the largest code of each window, for the pixels of a whole tile at once."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from ..delays import register
from .place import SIZE_BITS, pixel_layout
from .rows import RowWalk
from .walk import window_layout

__all__ = ["Pooler"]


class Pooler(wiring.Component):
    """Takes the taps of all rows of a tile, a tap a cycle, and writes the rows one by one.

    The blocks of channels are done one after the other: the map's windows are asked for once for
    each. The rows of a tile leave while the next tile's taps come, so that a tile of a block takes
    as many cycles as it has taps or rows, whichever are more.

    Parameters
    ----------
    config : ArrayConfig, whose rows and lanes are powers of two

    Members
    -------
    operations : In, stream of `window_layout()`, of a pool whose output has the input's channels;
        `column_tiles` and the dilations are 1. It is taken with its last word.
    windows : Out, stream of `window_layout()`; taken when the last of its words has left
    words : In, stream of rows x lanes x 8 bits, those of the windows
    pixel : Out, `pixel_layout()` of the output
    places : Out, what is written in the next cycle lies there
    write, write_given : to the activation memory, which writes at once, because what is read lies
        in another group
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "operations": In(stream.Signature(window_layout())),
                "windows": Out(stream.Signature(window_layout())),
                "words": In(stream.Signature(config.activation_word_bits)),
                "pixel": Out(pixel_layout()),
                "places": Out(1),
                "write": Out(config.lanes),
                "write_given": Out(config.pe_activation_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kept = Signal(self.config.activation_word_bits)  # codes of a tile's rows that must leave
        full, leaves = Signal(), Signal()  # there are some; the last row leaves
        taken, last = Signal(), Signal()
        larger = self._larger(m, taken, last)
        self._ask(m)
        m.d.comb += [
            taken.eq(self.words.valid & self.words.ready),
            last.eq(self._last_tap(m, taken)),
            self.words.ready.eq(~last | ~full | leaves),
        ]
        with m.If(taken & last):
            m.d.sync += [kept.eq(larger), full.eq(1)]
        with m.Elif(full):
            m.d.sync += [kept.eq(kept >> self.config.pe_activation_bits), full.eq(~leaves)]
        m.d.comb += leaves.eq(self._write(m, kept, full))
        return m

    def _ask(self, m):
        """Ask for the windows of one block of channels after the other.

        The lanes without a channel are not written, so that all may be read.
        """
        window, asked, lanes = self.operations.p, self.windows, self.config.lanes
        block = Signal(SIZE_BITS + 1)
        over = (block << exact_log2(lanes)) >= window.input_channels
        m.d.comb += [
            asked.payload.eq(window),
            asked.p.base.eq(window.base + block),
            asked.p.input_channels.eq(lanes),
            asked.valid.eq(self.operations.valid & ~over),
        ]
        with m.If(self.operations.ready):
            m.d.sync += block.eq(0)
        with m.Elif(asked.valid & asked.ready):
            m.d.sync += block.eq(block + 1)

    def _last_tap(self, m, step):
        """Count the taps of a window; whether the one at hand is its last."""
        last = 1
        for axis in "xy":
            tap, ends = Signal(8, name=f"tap_{axis}"), Signal(name=f"ends_{axis}")
            m.d.comb += ends.eq(tap == self.operations.p[f"kernel_{axis}"] - 1)
            with m.If(step & last):
                m.d.sync += tap.eq(Mux(ends, 0, tap + 1))
            last = last & ends
        return last

    def _larger(self, m, taken, last):
        """Of each code the largest so far, with the word at hand."""
        found = Signal(self.config.activation_word_bits)
        for place in range(self.config.rows * self.config.lanes):
            best = Signal(ACTIVATION_BITS, name=f"best_{place}")
            code = self.words.payload.word_select(place, ACTIVATION_BITS)
            larger = found.word_select(place, ACTIVATION_BITS)
            m.d.comb += larger.eq(Mux(code > best, code, best))
            with m.If(taken):
                m.d.sync += best.eq(Mux(last, 0, larger))
        return found

    def _write(self, m, kept, full):
        """Write the first row of `kept` a cycle later; whether it is the last of its tile."""
        window, lanes = self.operations.p, self.config.lanes
        m.submodules.walk = walk = RowWalk(self.config, columns=lanes)
        row = walk.rows.p
        for name in ("output_width", "output_height", "tile_x"):
            m.d.comb += walk.outputs.p[name].eq(window[name])
        known = Cat((row.channel + lane) < window.input_channels for lane in range(lanes))
        ended, writes = Signal(), Signal(lanes)
        m.d.sync += [ended.eq(walk.outputs.ready), writes.eq(Mux(self.places, known, 0))]
        m.d.comb += [
            walk.outputs.p.output_channels.eq(window.input_channels),
            walk.outputs.valid.eq(self.operations.valid),
            walk.rows.ready.eq(full),
            self.operations.ready.eq(ended),
            self.pixel.x.eq(row.x),
            self.pixel.y.eq(row.y),
            self.pixel.block.eq(row.channel >> exact_log2(lanes)),
            self.places.eq(full & row.inside),
            self.write.eq(writes),
            self.write_given.eq(register(m, kept[: len(self.write_given)], full, name="written")),
        ]
        return full & row.ends
