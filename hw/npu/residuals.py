"""Reads the codes that a convolution adds, a row of a tile after the other."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from .memory import place_layout
from .place import PHASE_BITS, SIZE_BITS, map_layout, word_place
from .rows import RowWalk, outputs_layout

__all__ = ["ResidualReader", "residual_layout"]


def residual_layout():
    """What a convolution adds, and the log2 of the strides with which its pixels are read."""
    return data.StructLayout(
        {
            "where": map_layout(),
            "channels": SIZE_BITS,
            **dict.fromkeys(("shift_x", "shift_y"), PHASE_BITS),
        }
    )


class ResidualReader(wiring.Component):
    """Gives a word of residual codes for each row of each tile.

    Rows outside the output get zeros, and so do channels that the residual lacks.

    Parameters
    ----------
    config : ArrayConfig, whose rows, columns and lanes are powers of two

    Members
    -------
    outputs : In, stream of `outputs_layout()`; taken with the last row
    residual : In, `residual_layout()`
    read, read_place, read_answer : of the activation memory
    residuals : Out, stream of cols x 8 bits
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "outputs": In(stream.Signature(outputs_layout())),
                "residual": In(residual_layout()),
                "read": Out(1),
                "read_place": Out(place_layout(config)),
                "read_answer": In(config.pe_activation_bits),
                "residuals": Out(stream.Signature(config.residual_word_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        lane_bits = exact_log2(config.lanes)
        count = max(config.cols // config.lanes, 1)
        m.submodules.walk = walk = RowWalk(config)
        wiring.connect(m, wiring.flipped(self.outputs), walk.outputs)
        row = walk.rows.p
        index = Signal(range(count + 1))  # of the word that is read; the last is here
        first = Signal(SIZE_BITS + 1)
        m.d.comb += first.eq(row.channel + index * config.lanes)
        residual = self.residual
        x, y = row.x << residual.shift_x, row.y << residual.shift_y
        place = word_place(
            m, config, residual.where, x, y, first >> lane_bits, name="residual_word"
        )
        whole = index == count
        m.d.comb += [
            self.read_place.eq(place),
            self.read.eq(walk.rows.valid & ~whole & row.inside & (first < residual.channels)),
            self.residuals.valid.eq(walk.rows.valid & whole),
            walk.rows.ready.eq(self.residuals.valid & self.residuals.ready),
        ]
        with m.If(walk.rows.valid & ~whole):
            m.d.sync += index.eq(index + 1)
        with m.If(walk.rows.ready):
            m.d.sync += index.eq(0)
        self._gather(m, row, index, count)
        return m

    def _gather(self, m, row, index, count):
        """Join the answers of a row's words; the last is the memory's own."""
        config = self.config
        if config.cols < config.lanes:
            part = row.channel[: exact_log2(config.lanes)] * ACTIVATION_BITS
            found = (self.read_answer >> part)[: config.residual_word_bits]
        else:
            kept = Signal(config.residual_word_bits)
            width = config.pe_activation_bits
            for number in range(count - 1):
                with m.If(index == number + 1):
                    m.d.sync += kept.word_select(number, width).eq(self.read_answer)
            found = Signal(config.residual_word_bits)
            m.d.comb += found.eq(kept)
            m.d.comb += found.word_select(count - 1, width).eq(self.read_answer)
        left = Signal(signed(SIZE_BITS + 1))  # channels from the row's first on
        m.d.comb += left.eq(self.residual.channels - row.channel)
        for column in range(config.cols):
            code = found.word_select(column, ACTIVATION_BITS)
            given = self.residuals.payload.word_select(column, ACTIVATION_BITS)
            m.d.comb += given.eq(Mux(row.inside & (left > column), code, 0))
