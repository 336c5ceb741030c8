"""Weight buffer: takes weights chunk-major, as in memory, and gives them beat-major."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .bank import Bank
from .hierarchy import shared

__all__ = ["WeightBuffer", "block_layout"]


def block_layout(config):
    """Return the layout of what the buffer must know of a tile's weights.

    last_chunk : ceil(k / planes) - 1
    beats : beats of the reduction
    keep : the weights are those of the tile before, and none are loaded
    discard : the weights do not fit; they are taken from the stream, but not kept
    """
    return data.StructLayout(
        {
            "last_chunk": range(max(config.chunks, 2)),
            "beats": config.beats_width,
            "keep": 1,
            "discard": 1,
        }
    )


class WeightBuffer(wiring.Component):
    """Holds the weights of a tile in each of two banks: one fills while the other is read.

    A block of weights comes chunk-major, as word chunk * beats + beat. So a tile of k bits takes
    the first ceil(k / planes) * beats words of its block as it lies in memory, and no more. The
    words leave beat by beat, one a cycle, the chunks of a beat after each other, and without a
    gap between blocks.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    blocks : In, stream of `block_layout(config)`, beats at least 1
    loads : In, stream of cols x lanes x planes bits, chunk-major
    weights : Out, stream of the same words, beat-major
    """

    QUEUE = 4  # whole blocks that wait to be read

    def __init__(self, config):
        self.config = config
        self.bank_depth = config.max_beats * config.chunks
        word = config.weight_word_bits
        super().__init__(
            {
                "blocks": In(stream.Signature(block_layout(config))),
                "loads": In(stream.Signature(word)),
                "weights": Out(stream.Signature(word)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout = block_layout(self.config)
        m.submodules.filled = filled = SyncFIFO(width=layout.size, depth=self.QUEUE)
        free = Signal(range(3), init=2)  # banks
        write, read = self._port(), self._port()
        takes, gives = self._fill(m, write, filled, free)
        released = self._read(m, read, filled)
        self._banks(m, platform, write, read)
        m.d.sync += free.eq(free + released - takes)
        m.d.comb += filled.w_en.eq(gives)
        m.d.comb += filled.w_data.eq(self.blocks.payload)
        m.d.comb += self.blocks.ready.eq(gives)
        return m

    def _port(self):
        """What is done to a bank: whether, which, and where in it."""
        fields = {"en": 1, "bank": 1, "addr": range(max(self.bank_depth, 2))}
        return Signal(data.StructLayout(fields))

    def _banks(self, m, platform, write, read):
        """Two memories of one port each: none is written and read at once."""
        shown = Signal()  # the bank of the last word that was read
        with m.If(read.en):
            m.d.sync += shown.eq(read.bank)
        for number in range(2):
            bank, m.submodules[f"bank_{number}"] = shared(
                *(platform, "truncmac_weight_bank"),
                lambda: Bank(1, self.config.weight_word_bits, self.bank_depth),
            )
            writes = write.en & (write.bank == number)
            m.d.comb += [
                bank.enable.eq(writes | (read.en & (read.bank == number))),
                bank.write.eq(writes),
                bank.address.eq(Mux(writes, write.addr, read.addr)),
                bank.given.eq(self.loads.payload),
            ]
            with m.If(shown == number):
                m.d.comb += self.weights.payload.eq(bank.answer)

    def _fill(self, m, port, filled, free):
        """Write a block's words one after the other; the block may be read when it is whole."""
        block = self.blocks.p
        bank = Signal()
        address = Signal(range(self.bank_depth + 1))
        begun = Signal()  # a bank is taken for the block at hand
        beat = Signal(self.config.beats_width, init=1)
        chunk = Signal(block.last_chunk.shape())
        loading = self.blocks.valid & ~block.keep & filled.w_rdy & (begun | (free != 0))
        word = Signal()
        last = Signal()
        m.d.comb += [
            self.loads.ready.eq(loading),
            word.eq(loading & self.loads.valid),
            last.eq(word & (beat == block.beats) & (chunk == block.last_chunk)),
            port.en.eq(word & ~block.discard),
            port.bank.eq(bank),
            port.addr.eq(address),
        ]
        with m.If(word):
            m.d.sync += begun.eq(~last)
            m.d.sync += address.eq(Mux(last, 0, address + ~block.discard))
            m.d.sync += beat.eq(Mux(beat == block.beats, 1, beat + 1))
            m.d.sync += chunk.eq(Mux(last, 0, chunk + (beat == block.beats)))
            m.d.sync += bank.eq(bank ^ last)
        keeps = self.blocks.valid & block.keep & filled.w_rdy
        return word & ~begun, last | keeps

    def _read(self, m, port, filled):
        """Read whole blocks beat by beat. A block that is not kept frees the bank before it."""
        block = block_layout(self.config)(filled.r_data)
        bank = Signal(init=1)
        used = Signal()  # a bank was read before
        beat = Signal(self.config.beats_width, init=1)
        chunk = Signal(block.last_chunk.shape())
        row = Signal(range(2 * self.bank_depth + 1))  # chunk * beats
        first = (beat == 1) & (chunk == 0)
        turns = first & ~block.keep
        here = bank ^ turns
        step = Signal()
        last_chunk = chunk == block.last_chunk
        m.d.comb += [
            step.eq(filled.r_rdy & (~self.weights.valid | self.weights.ready)),
            port.en.eq(step),
            port.bank.eq(here),
            port.addr.eq(row + beat - 1),
            filled.r_en.eq(step & last_chunk & (beat == block.beats)),
        ]
        with m.If(~self.weights.valid | self.weights.ready):
            m.d.sync += self.weights.valid.eq(filled.r_rdy)
        with m.If(step):
            m.d.sync += bank.eq(here)
            m.d.sync += used.eq(1)
            m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
            m.d.sync += row.eq(Mux(last_chunk, 0, row + block.beats))
            with m.If(last_chunk):
                m.d.sync += beat.eq(Mux(beat == block.beats, 1, beat + 1))
        return step & turns & used
