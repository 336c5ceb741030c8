"""AXI4-Stream at the core's edges: takes words out of transfers, and packs words into them."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.integers import ceil_div

__all__ = ["Packer", "Unpacker", "axi_stream_layout", "word_stride"]


def axi_stream_layout(width):
    """Return the layout of a transfer of `width` bits: TDATA, TKEEP, TLAST (ARM IHI 0051)."""
    return data.StructLayout({"data": width, "keep": width // 8, "last": 1})


def word_stride(word_width, bus_width):
    """Return the bytes from one word to the next in memory.

    A word that needs more than half a transfer starts a new one. Smaller words share a transfer;
    each has a slot whose bytes are a power of two.
    """
    slot = max(8, 1 << (word_width - 1).bit_length())
    if slot < bus_width:
        return slot // 8
    return ceil_div(word_width, bus_width) * bus_width // 8


class Unpacker(wiring.Component):
    """Takes words out of the transfers of an AXI4-Stream, lowest byte first.

    A slot whose lowest TKEEP bit is low holds no word, so the last transfer may hold fewer words
    than it has slots. TLAST is ignored: the job's registers say how many words there are.

    Parameters
    ----------
    word_width, bus_width : int

    Members
    -------
    transfers : In, stream of `axi_stream_layout(bus_width)`
    words : Out, stream of `word_width` bits
    """

    def __init__(self, word_width, bus_width):
        self.word_width = word_width
        self.bus_width = bus_width
        super().__init__(
            {
                "transfers": In(stream.Signature(axi_stream_layout(bus_width))),
                "words": Out(stream.Signature(word_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stride = word_stride(self.word_width, self.bus_width) * 8
        if stride >= self.bus_width:
            self._gather(m, stride // self.bus_width)
        else:
            self._scatter(m, self.bus_width // stride, stride)
        return m

    def _gather(self, m, count):
        """Make a word of several transfers; the last one's bits pass straight through."""
        held = Signal(max((count - 1) * self.bus_width, 1), reset_less=True)
        index = Signal(range(max(count, 2)))
        last = index == count - 1
        data = self.transfers.p.data
        word = Cat(held[: (count - 1) * self.bus_width], data)
        m.d.comb += [
            self.words.payload.eq(word),
            self.words.valid.eq(self.transfers.valid & last),
            self.transfers.ready.eq(~last | self.words.ready),
        ]
        with m.If(self.transfers.valid & self.transfers.ready):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
            for part in range(count - 1):
                with m.If(index == part):
                    m.d.sync += held.word_select(part, self.bus_width).eq(data)

    def _scatter(self, m, count, stride):
        """Take several words out of a transfer; slots that are not kept take no time."""
        done = Signal(count)  # slots given out
        keep = Cat(self.transfers.p.keep[slot * stride // 8] for slot in range(count))
        rest = Signal(count)
        m.d.comb += rest.eq(keep & ~done)
        first = rest & (~rest + 1)[:count]
        for slot in range(count):
            with m.If(first[slot]):
                m.d.comb += self.words.payload.eq(self.transfers.p.data[slot * stride :])
        final = (rest & ~first) == 0
        m.d.comb += self.words.valid.eq(self.transfers.valid & (rest != 0))
        m.d.comb += self.transfers.ready.eq((rest == 0) | (final & self.words.ready))
        with m.If(self.transfers.valid & self.transfers.ready):
            m.d.sync += done.eq(0)
        with m.Elif(self.words.valid & self.words.ready):
            m.d.sync += done.eq(done | first)


class Packer(wiring.Component):
    """Packs words into full transfers, lowest byte first; the last may be partly empty.

    TKEEP is high for the bytes that hold words, and TLAST for the transfer that ends at a word
    marked `last`. Both widths are whole bytes and one divides the other, as `check_axi` ensures.

    Parameters
    ----------
    word_width, bus_width : int

    Members
    -------
    words : In, stream of {"word", "last"}
    transfers : Out, stream of `axi_stream_layout(bus_width)`
    """

    def __init__(self, word_width, bus_width):
        self.word_width = word_width
        self.bus_width = bus_width
        word = data.StructLayout({"word": word_width, "last": 1})
        super().__init__(
            {
                "words": In(stream.Signature(word)),
                "transfers": Out(stream.Signature(axi_stream_layout(bus_width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self.word_width >= self.bus_width:
            self._split(m, self.word_width // self.bus_width)
        else:
            self._join(m, self.bus_width // self.word_width)
        return m

    def _split(self, m, count):
        """Make several transfers of a word."""
        index = Signal(range(max(count, 2)))
        final = index == count - 1
        m.d.comb += [
            self.transfers.valid.eq(self.words.valid),
            self.transfers.p.data.eq(self.words.p.word.word_select(index, self.bus_width)),
            self.transfers.p.keep.eq(Const(-1, self.bus_width // 8)),
            self.transfers.p.last.eq(self.words.p.last & final),
            self.words.ready.eq(self.transfers.ready & final),
        ]
        with m.If(self.transfers.valid & self.transfers.ready):
            m.d.sync += index.eq(Mux(final, 0, index + 1))

    def _join(self, m, count):
        """Make a transfer of several words, which leaves when it is full or ends a packet."""
        index = Signal(range(count))
        out = self.transfers
        room = Signal()
        m.d.comb += room.eq(~out.valid | out.ready)
        m.d.comb += self.words.ready.eq(room)
        size = self.word_width // 8
        with m.If(room):
            m.d.sync += out.valid.eq(0)
        with m.If(room & self.words.valid):
            full = (index == count - 1) | self.words.p.last
            m.d.sync += out.valid.eq(full)
            m.d.sync += out.p.last.eq(self.words.p.last)
            m.d.sync += index.eq(Mux(full, 0, index + 1))
            for slot in range(count):
                with m.If(index == slot):
                    m.d.sync += out.p.data.word_select(slot, self.word_width).eq(self.words.p.word)
                    m.d.sync += out.p.keep.eq(Const((1 << (slot + 1) * size) - 1, len(out.p.keep)))
