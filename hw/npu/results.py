"""Takes the core's results: codes into a map, or sums into memory."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from ..delays import register
from .memory import place_layout, port_names, writing_members
from .place import SIZE_BITS, map_layout, word_place
from .rows import RowWalk, outputs_layout, pixels

__all__ = ["ResultWriter", "sum_layout"]

SUM_BITS = 32
PIXEL_BITS = 32


def sum_layout():
    """A raw sum: `number` of it among all of the layer's, pixel by pixel, and its `value`."""
    return data.StructLayout({"number": PIXEL_BITS, "value": signed(SUM_BITS)})


class ResultWriter(wiring.Component):
    """Writes the rows of all tiles; what is outside the output, or beyond its channels, is dropped.

    It takes a part of a row in every cycle: it joins those of a word, and lets words wait in a
    queue for their banks. Where a part has several words, each passes through a port of its own.
    They lie in the same bank, so each port goes on behind the one before: it writes a word of an
    earlier row meanwhile. Rows that leave the array at once have ports of their own. Sums leave one
    by one.

    Parameters
    ----------
    config : ArrayConfig, whose rows, columns and lanes are powers of two

    Members
    -------
    outputs : In, stream of `outputs_layout()`; taken with the last row
    raw : In, the results are sums
    where : In, `map_layout()` of the output
    results : In, stream of the core's results
    write... : `writing_members(config)`
    sums : Out, stream of `sum_layout()`
    busy : Out, a row is on its way
    """

    def __init__(self, config):
        self.config = config
        self.names = port_names(config, "write")
        self.columns = min(config.cols, config.lanes)  # of a row, in a word
        self.parts = max(self.columns // config.row_units, 1)  # of a word
        self.words = len(self.names) // config.rows_at_once  # of a row that a part fills
        part = data.ArrayLayout(signed(config.sum_width), config.requantisers)
        super().__init__(
            {
                "outputs": In(stream.Signature(outputs_layout())),
                "raw": In(1),
                "where": In(map_layout()),
                "results": In(stream.Signature(part)),
                **writing_members(config),
                "sums": Out(stream.Signature(sum_layout())),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        share = self.config.share
        m.submodules.walk = walk = RowWalk(self.config, together=self.config.rows_at_once)
        wiring.connect(m, wiring.flipped(self.outputs), walk.outputs)
        turn = Signal(range(max(share, 2)))  # of the part
        last, taken = turn == share - 1, Signal()
        m.d.comb += [
            taken.eq(self.results.valid & self.results.ready),
            walk.rows.ready.eq(taken & last),
        ]
        with m.If(taken):
            m.d.sync += turn.eq(Mux(last, 0, turn + 1))
        queues = [self._queue(m, number) for number in range(len(self.names))]
        room = self._words(m, walk.rows.p, turn, taken & ~self.raw, queues)
        given = self._sums(m, walk.rows.p, turn)
        waiting = Cat(queue.r_rdy for queue in queues).any()
        m.d.comb += [
            self.results.ready.eq(Mux(self.raw, given, room)),
            self.busy.eq(waiting | (turn != 0)),
        ]
        return m

    def _sums(self, m, row, turn):
        """Give the sums of a part one by one; whether its last is given or dropped."""
        outputs, count = self.outputs.p, self.config.requantisers
        unit = Signal(range(max(count, 2)))
        column, x, y, inside = self._output(row, unit)
        pixel = y * outputs.output_width + x
        channel = Signal(SIZE_BITS + 1)
        here, step = self.raw & self.results.valid, Signal()
        last = unit == count - 1
        m.d.comb += [
            channel.eq(row.channel + turn * count + column),
            self.sums.valid.eq(here & inside & (channel < outputs.output_channels)),
            self.sums.p.number.eq(pixel * outputs.output_channels + channel),
            step.eq(here & (~self.sums.valid | self.sums.ready)),
        ]
        with m.If(step):
            m.d.sync += unit.eq(Mux(last, 0, unit + 1))
        for number in range(count):
            with m.If(unit == number):
                m.d.comb += self.sums.p.value.eq(self.results.p[number])
        return step & last

    def _output(self, row, unit):
        """Column, among those of its part, and pixel of the output of a unit."""
        found = pixels(row, self.config.rows_at_once)
        if len(found) == 1:
            return unit, *found[0]
        bits = exact_log2(self.config.row_units)
        second = unit[bits]
        return unit[:bits], *(Mux(second, *pair[::-1]) for pair in zip(*found, strict=True))

    def _words(self, m, row, turn, taken, queues):
        """Give the words that a part completes to the queues; whether it may come."""
        parts, outputs = self.parts, self.outputs.p
        word_turn, part = turn >> exact_log2(parts), turn[: exact_log2(parts)]
        complete = part == parts - 1
        first = Signal(SIZE_BITS + 1)  # channel of the first word's first code, or of the row's
        m.d.comb += first.eq(row.channel + word_turn * (self.config.lanes * self.words))
        for index, (x, y, inside) in enumerate(pixels(row, self.config.rows_at_once)):
            codes = self._codes(m, index, part, taken)
            suffix = f"_of_{index}" if index else ""
            block = first >> exact_log2(self.config.lanes)
            place = word_place(m, self.config, self.where, x, y, block, name=f"output_word{suffix}")
            for number in range(self.words):
                channels = range(
                    number * self.config.lanes, number * self.config.lanes + self.columns
                )
                known = Cat((first + channel) < outputs.output_channels for channel in channels)
                queue = queues[index * self.words + number]
                self._fill(m, queue, number, first, known, codes, place)
                m.d.comb += queue.w_en.eq(taken & complete & inside & known.any())
        return ~complete | Cat(queue.w_rdy for queue in queues).all()

    def _codes(self, m, index, part, taken):
        """The codes of the words of a row that are complete with this part."""
        units = self.config.row_units
        own = [self.results.p[index * units + unit] for unit in range(units)]
        given = Cat(value.as_unsigned()[:ACTIVATION_BITS] for value in own)
        suffix = f"_of_{index}" if index else ""
        kept = [
            register(m, given, taken & (part == number), name=f"part_{number}{suffix}")
            for number in range(self.parts - 1)
        ]
        return Cat(*kept, given)

    def _fill(self, m, queue, number, first, known, codes, place):
        """Tell a queue a word of a row: its codes, which of them are known, and its place."""
        lanes, columns = self.config.lanes, self.columns
        shift = first[exact_log2(columns) : exact_log2(lanes)] * columns
        word, given = (
            self._layout()(queue.w_data),
            codes.word_select(number, columns * ACTIVATION_BITS),
        )
        m.d.comb += [
            word.mask.eq(known << shift),
            word.bank.eq(place.bank),
            word.address.eq(place.address + number),
            # The mask says which of them counts
            word.given.eq(Cat(given for _ in range(lanes // columns))),
        ]

    def _layout(self):
        """A word in a queue, and where it goes in the output's group."""
        place = place_layout(self.config).members
        return data.StructLayout(
            {
                "mask": self.config.lanes,
                "bank": place["bank"],
                "address": place["address"],
                "given": self.config.pe_activation_bits,
            }
        )

    def _queue(self, m, number):
        """The queue before a port, which is long enough to wait while those before it go on."""
        name = self.names[number]
        queue = SyncFIFO(width=self._layout().size, depth=2 * (number + 1))
        m.submodules[f"queue_{number}"] = queue
        word, place = self._layout()(queue.r_data), getattr(self, f"{name}_place")
        m.d.comb += [
            getattr(self, name).eq(Mux(queue.r_rdy, word.mask, 0)),
            getattr(self, f"{name}_given").eq(word.given),
            place.group.eq(self.where.group),
            place.bank.eq(word.bank),
            place.address.eq(word.address),
            queue.r_en.eq(getattr(self, f"{name}_ready")),
        ]
        return queue
