"""Loads an image into a map, and packs the windows of its first reader into pixels."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..axi.stream import axi_stream_layout
from ..config import ACTIVATION_BITS
from ..delays import register
from .bursts import BURST
from .copies import CopyWalk, image_rows, load_layout
from .memory import place_layout
from .place import least, word_place
from .regions import COUNT_BITS, bytes_layout
from .row_buffer import POSITION_BITS, RowBuffer

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Asks for the rows of each window, and writes a word, or what a beat holds of it, in a cycle.

    A pixel of the map holds the codes of a window, row by row; outside the image they are the pad
    code. Windows that overlap along a row share its bytes; each row of windows reads its own rows.

    Parameters
    ----------
    config : ArrayConfig
    width : int
        Bits of the bus.

    Members
    -------
    loads : In, stream of `load_layout()`; taken when the last word is written
    requests : Out, stream of `bytes_layout()`
    data : In, stream of `axi_stream_layout(width)`
    write, write_place, write_given, write_ready : to the activation memory
    """

    def __init__(self, config, width):
        self.config = config
        self.width = width
        self.size = min(config.lanes, width // 8)  # bytes of a copy
        self.shift = exact_log2(width // 8)
        super().__init__(
            {
                "loads": In(stream.Signature(load_layout())),
                "requests": Out(stream.Signature(bytes_layout())),
                "data": In(stream.Signature(axi_stream_layout(width))),
                "write": Out(config.lanes),
                "write_place": Out(place_layout(config)),
                "write_given": Out(config.pe_activation_bits),
                "write_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = CopyWalk(self.config.lanes, self.size)
        m.submodules.buffer = buffer = RowBuffer(self.width, self.size)
        wiring.connect(m, wiring.flipped(self.data), buffer.data)
        row_bytes = Signal(COUNT_BITS)
        held, free, step = Signal(), Signal(), Signal()  # a word waits; none will; a copy is made
        ends = Signal()  # all copies are made
        beats = Signal(POSITION_BITS)  # of the row at hand
        m.d.comb += [
            row_bytes.eq(self.loads.p.input_width * self.loads.p.input_channels),
            walk.loads.payload.eq(self.loads.payload),
            walk.loads.valid.eq(self.loads.valid & ~ends),
            free.eq(~held | self.write_ready),
        ]
        asked = self._ask(m, buffer, row_bytes)
        here, skip = self._find(m, walk, buffer, row_bytes)
        drops = Signal()  # the row's last copy is made; what is left of the row is thrown away
        whole = buffer.arrived >= buffer.row << self.shift
        m.d.comb += [
            beats.eq((row_bytes + skip + (self.width // 8 - 1)) >> self.shift),
            buffer.row.eq(register(m, beats, step, name="row_beats")),
            walk.copies.ready.eq(here & free & ~drops),
            step.eq(walk.copies.valid & walk.copies.ready),
            buffer.read.eq(step),
            buffer.clear.eq(drops & whole),
            self.loads.ready.eq(ends & ~drops & free & asked),
        ]
        with m.If(drops):
            m.d.comb += buffer.oldest.eq(buffer.row << self.shift)
            m.d.sync += drops.eq(~whole)
        with m.If(step):
            m.d.sync += drops.eq(walk.copies.p.ends_row & walk.inside)
            m.d.sync += ends.eq(walk.loads.ready)
        with m.If(self.loads.ready):
            m.d.sync += ends.eq(0)
        m.d.sync += held.eq(step | (held & ~self.write_ready))
        self._write(m, walk, buffer, row_bytes, step, held)
        return m

    def _ask(self, m, buffer, row_bytes):
        """Ask for all rows of the image that the map is made of; whether all are asked for.

        They are asked for part by part, as there is room for them.
        """
        load, asked, step = self.loads.p, Signal(), Signal()
        *_, inside, number, last = image_rows(m, load, step, name="asked")
        address = Signal(32)  # of the row's first byte
        total, done, rest = (
            Signal(POSITION_BITS, name=f"row_{n}") for n in ("all", "done", "rest")
        )
        part, most = Signal(range(BURST + 1)), Signal(range(BURST + 1))  # beats
        ends, takes = Signal(), Signal()
        m.d.comb += [
            address.eq(load.address + number * load.pitch),
            total.eq(row_bytes + address[: self.shift]),
            rest.eq(total - done),
            most.eq(least((rest + (self.width // 8 - 1)) >> self.shift, BURST)),
            part.eq(least(most, buffer.room)),
            ends.eq(part << self.shift >= rest),
            self.requests.valid.eq(
                self.loads.valid & ~asked & inside & (part != 0) & ((part == most) | buffer.waits)
            ),
            self.requests.p.address.eq((address >> self.shift << self.shift) + done),
            self.requests.p.bytes.eq(Mux(ends, rest, part << self.shift)),
            takes.eq(self.requests.valid & self.requests.ready),
            buffer.asks.eq(Mux(takes, part, 0)),
            step.eq(self.loads.valid & ~asked & (~inside | (takes & ends))),
        ]
        with m.If(takes):
            m.d.sync += done.eq(Mux(ends, 0, done + (part << self.shift)))
        with m.If(step):
            m.d.sync += asked.eq(last)
        with m.If(self.loads.ready):
            m.d.sync += asked.eq(0)
        return asked

    def _find(self, m, walk, buffer, row_bytes):
        """Point the buffer at the copy's bytes.

        Returns whether all that the row has of them are here, and the bytes before the row's.
        """
        load, copy = self.loads.p, walk.copies.p
        skip = Signal(self.shift)  # bytes of the row's first beat before it
        end = Signal(copy.source.shape())
        needed = Signal(copy.source.shape())
        # A window may begin beyond the row's end, where the next row's bytes are
        begins = Mux(copy.following < copy.source, copy.following, copy.source)
        oldest = Mux(begins < row_bytes, begins, row_bytes)
        m.d.comb += [
            skip.eq(load.address + walk.number * load.pitch),
            end.eq(copy.source + copy.take),
            needed.eq(Mux(end < row_bytes, end, row_bytes)),
            buffer.position.eq(copy.source + skip),
            buffer.oldest.eq(Mux(walk.inside, oldest + skip, 0)),
        ]
        here = ~walk.inside | (copy.source >= row_bytes) | (needed + skip <= buffer.arrived)
        return here, skip

    def _write(self, m, walk, buffer, row_bytes, step, held):
        """Write what was copied a cycle before."""
        config, copy = self.config, walk.copies.p
        lane_bits = exact_log2(config.lanes)
        block = copy.channel >> lane_bits
        place = word_place(m, config, self.loads.p.where, copy.x, copy.y, block, name="word")
        positions = [copy.source + index for index in range(self.size)]
        known = Cat(walk.inside & (at >= 0) & (at < row_bytes) for at in positions)
        lane = register(m, copy.channel[:lane_bits], step, name="lane") if lane_bits else 0
        take = register(m, copy.take, step, name="take")
        known = register(m, known, step, name="known")
        codes = Cat(
            Mux(
                known[index],
                buffer.answer.word_select(index, ACTIVATION_BITS),
                self.loads.p.pad_code,
            )
            for index in range(self.size)
        )
        written = Signal(self.size)
        m.d.comb += [
            written.eq((1 << take) - 1),
            self.write.eq(Mux(held, (written << lane)[: config.lanes], 0)),
            self.write_place.eq(register(m, place, step, name="place")),
            self.write_given.eq((codes << (lane * ACTIVATION_BITS))[: config.pe_activation_bits]),
        ]
