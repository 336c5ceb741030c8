"""Takes the core's results: codes into a map, or sums into memory."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from .memory import place_layout
from .place import map_layout, word_place
from .rows import RowWalk, outputs_layout

__all__ = ["ResultWriter", "sum_layout"]

SUM_BITS = 32
PIXEL_BITS = 32


def sum_layout():
    """A raw sum: `number` of it among all of the layer's, pixel by pixel, and its `value`."""
    return data.StructLayout({"number": PIXEL_BITS, "value": signed(SUM_BITS)})


class ResultWriter(wiring.Component):
    """Writes the rows of all tiles; what is outside the output, or beyond its channels, is dropped.

    It gathers a row, then writes its words one by one.

    Parameters
    ----------
    config : ArrayConfig, whose rows, columns and lanes are powers of two

    Members
    -------
    outputs : In, stream of `outputs_layout()`; taken with the last row
    raw : In, the results are sums
    where : In, `map_layout()` of the output
    results : In, stream of the core's results
    write, write_place, write_given, write_ready : to the activation memory
    sums : Out, stream of `sum_layout()`
    busy : Out, a row is on its way
    """

    def __init__(self, config):
        self.config = config
        part = data.ArrayLayout(signed(config.sum_width), config.requantisers)
        super().__init__(
            {
                "outputs": In(stream.Signature(outputs_layout())),
                "raw": In(1),
                "where": In(map_layout()),
                "results": In(stream.Signature(part)),
                "write": Out(config.lanes),
                "write_place": Out(place_layout(config)),
                "write_given": Out(config.pe_activation_bits),
                "write_ready": In(1),
                "sums": Out(stream.Signature(sum_layout())),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.walk = walk = RowWalk(config)
        row = walk.rows.p
        values = [Signal(signed(config.sum_width), name=f"value_{c}") for c in range(config.cols)]
        part = Signal(range(max(config.share, 2)))
        whole = Signal()  # a row is gathered
        index = Signal(range(config.cols))  # of the word, or the sum, that is written
        m.d.comb += [
            walk.outputs.payload.eq(self.outputs.payload),
            walk.outputs.valid.eq(self.outputs.valid),
            self.outputs.ready.eq(walk.outputs.ready),
            self.results.ready.eq(~whole),
            self.busy.eq(whole | (part != 0)),
        ]
        with m.If(self.results.valid & self.results.ready):
            for unit in range(config.requantisers):
                for turn in range(config.share):
                    with m.If(part == turn):
                        m.d.sync += values[turn * config.requantisers + unit].eq(
                            self.results.p[unit]
                        )
            m.d.sync += part.eq(Mux(part == config.share - 1, 0, part + 1))
            m.d.sync += whole.eq(part == config.share - 1)

        step, last = Signal(), Signal()
        with m.If(self.raw):
            self._sums(m, row, values, index, whole, step, last)
        with m.Else():
            self._words(m, row, values, index, whole, step, last)
        with m.If(step):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
        with m.If(step & last):
            m.d.sync += whole.eq(0)
        m.d.comb += walk.rows.ready.eq(step & last)
        return m

    def _sums(self, m, row, values, index, whole, step, last):
        """Give the sums of a row's columns one by one."""
        outputs = self.outputs.p
        pixel = row.y * outputs.output_width + row.x
        channel = Signal(17)
        m.d.comb += [
            channel.eq(row.channel + index),
            self.sums.valid.eq(whole & row.inside & (channel < outputs.output_channels)),
            self.sums.p.number.eq(pixel * outputs.output_channels + channel),
            step.eq(whole & (~self.sums.valid | self.sums.ready)),
            last.eq(index == self.config.cols - 1),
        ]
        for column, value in enumerate(values):
            with m.If(index == column):
                m.d.comb += self.sums.p.value.eq(value)

    def _words(self, m, row, values, index, whole, step, last):
        """Write the words of a row's codes; a row of fewer columns than lanes is a part of one."""
        config, outputs = self.config, self.outputs.p
        lane_bits = exact_log2(config.lanes)
        count = max(config.cols // config.lanes, 1)
        first = Signal(17)  # channel of the word's first code, or of the row's
        m.d.comb += first.eq(row.channel + index * config.lanes)
        place = word_place(
            m, config, self.where, row.x, row.y, first >> lane_bits, name="output_word"
        )
        codes = [value.as_unsigned()[:ACTIVATION_BITS] for value in values]
        columns = min(config.cols, config.lanes)
        known = Cat((first + lane) < outputs.output_channels for lane in range(columns))
        shift = first[:lane_bits] if config.cols < config.lanes else 0
        with m.If(whole & row.inside):
            m.d.comb += self.write.eq((known << shift)[: config.lanes])
        for number in range(count):
            with m.If(index == number):
                given = Cat(codes[number * columns : (number + 1) * columns])
                places = range(0, config.lanes, columns)
                m.d.comb += self.write_given.eq(Cat(given for _ in places))
        m.d.comb += [
            self.write_place.eq(place),
            step.eq(whole & ((self.write == 0) | self.write_ready)),
            last.eq(index == count - 1),
        ]
