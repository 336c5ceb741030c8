"""Weight buffer: takes weights chunk-major, as in memory, and gives them beat-major."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .bank import Bank
from .hierarchy import shared

__all__ = ["TILE_COUNT_BITS", "WeightBuffer", "block_layout"]

BANKS = 2
TILE_COUNT_BITS = 16


def block_layout(config):
    """Return the layout of what the buffer must know of a block of weights.

    last_chunk : ceil(k / planes) - 1
    beats : beats of the reduction
    tiles : tiles that use the block, one after the other, at least 1
    discard : the weights do not fit; they are taken from the stream, but not kept
    """
    return data.StructLayout(
        {
            "last_chunk": range(max(config.chunks, 2)),
            "beats": config.beats_width,
            "tiles": TILE_COUNT_BITS,
            "discard": 1,
        }
    )


class WeightBuffer(wiring.Component):
    """Holds a block of weights in each of two banks: one fills while the other is read.

    A block is taken when there is a bank for it; so its words, which may be asked for then, never
    wait. They come chunk-major, as word chunk * beats + beat. So a block of k bits takes the first
    ceil(k / planes) * beats words of those that lie in memory, and no more. They leave beat by
    beat, one a cycle, the chunks of a beat after each other, once for each tile that uses the
    block, and without a gap between tiles or blocks.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    blocks : In, stream of `block_layout(config)`, beats at least 1
    loads : In, stream of cols x lanes x planes bits, chunk-major
    weights : Out, stream of the same words, beat-major
    """

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
        free = Signal(range(BANKS + 1), init=BANKS)  # banks that no block has
        taken = self.blocks.valid & self.blocks.ready
        m.d.comb += self.blocks.ready.eq(free != 0)
        asked = self._queue(m, "asked", self.blocks.payload, taken)
        write, read = self._port(), self._port()
        whole = self._fill(m, write, asked)
        filled = self._queue(m, "filled", asked.r_data, whole)
        released = self._read(m, read, filled)
        self._banks(m, platform, write, read)
        m.d.sync += free.eq(free + released - taken)
        return m

    def _queue(self, m, name, block, enters):
        """Keep blocks in order. There is always room, as there are no more blocks than banks."""
        layout = block_layout(self.config)
        m.submodules[name] = queue = SyncFIFO(width=layout.size, depth=BANKS)
        m.d.comb += [queue.w_data.eq(block), queue.w_en.eq(enters)]
        return queue

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

    def _fill(self, m, port, asked):
        """Write a block's words one after the other; whether the last one is written."""
        block = block_layout(self.config)(asked.r_data)
        bank = Signal()
        address = Signal(range(self.bank_depth + 1))
        beat = Signal(self.config.beats_width, init=1)
        chunk = Signal(block.last_chunk.shape())
        word, last = Signal(), Signal()
        m.d.comb += [
            self.loads.ready.eq(asked.r_rdy),
            word.eq(self.loads.ready & self.loads.valid),
            last.eq(word & (beat == block.beats) & (chunk == block.last_chunk)),
            asked.r_en.eq(last),
            port.en.eq(word & ~block.discard),
            port.bank.eq(bank),
            port.addr.eq(address),
        ]
        with m.If(word):
            m.d.sync += address.eq(Mux(last, 0, address + ~block.discard))
            m.d.sync += beat.eq(Mux(beat == block.beats, 1, beat + 1))
            m.d.sync += chunk.eq(Mux(last, 0, chunk + (beat == block.beats)))
            m.d.sync += bank.eq(bank ^ last)
        return last

    def _read(self, m, port, filled):
        """Read whole blocks beat by beat, for tile after tile. A block frees the bank before it."""
        block = block_layout(self.config)(filled.r_data)
        bank = Signal(init=1)
        used = Signal()  # a bank was read before
        tile = Signal(TILE_COUNT_BITS, init=1)
        beat = Signal(self.config.beats_width, init=1)
        chunk = Signal(block.last_chunk.shape())
        row = Signal(range(2 * self.bank_depth + 1))  # chunk * beats
        turns = (tile == 1) & (beat == 1) & (chunk == 0)  # to the next bank
        here = bank ^ turns
        step, last_tile = Signal(), Signal()
        last_chunk = chunk == block.last_chunk
        last = last_chunk & (beat == block.beats)  # of a tile
        m.d.comb += [
            step.eq(filled.r_rdy & (~self.weights.valid | self.weights.ready)),
            last_tile.eq(tile == block.tiles),
            port.en.eq(step),
            port.bank.eq(here),
            port.addr.eq(row + beat - 1),
            filled.r_en.eq(step & last & last_tile),
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
        with m.If(step & last):
            m.d.sync += tile.eq(Mux(last_tile, 1, tile + 1))
        return step & turns & used
