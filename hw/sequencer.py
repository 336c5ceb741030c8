"""Sequencer: turns a stream of tiles into a token a cycle."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .config import OFFSET_BITS
from .edge import ending_layout
from .token import Token
from .truncation import TruncationUnit

__all__ = ["Sequencer", "tile_layout"]


def tile_layout(config):
    """A tile's command: k, the beats of its reduction, and the weight offset z."""
    return data.StructLayout(
        {"bits": 4, "beats": range(config.max_beats + 1), "offset": OFFSET_BITS}
    )


class Sequencer(wiring.Component):
    """Joins tile, activations and weights; a cycle in which one is missing becomes a bubble.

    Tiles follow each other without a gap, whatever their k. Only a tile shorter than the array
    has rows waits, before its last chunk, until the tile before it is out of the way: tiles end
    at least `rows` cycles apart.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    tiles : In, stream of `tile_layout(config)`; k in 1..8, beats in 1..max_beats
    activations : In, stream of rows x lanes x 8 bits, one a beat
    weights : In, stream of cols x lanes x planes bits, one a chunk, a beat's chunks MSB first
    advance : In, the array takes `token` in this cycle
    token : Out, `Token`
    truncated : Out, the chunk that goes with `token`, its unused planes cleared
    ending : Out, `ending_layout(config)` of the tile, with `token.capture`
    """

    def __init__(self, config):
        self.config = config
        weights = config.cols * config.lanes * config.planes
        super().__init__(
            {
                "tiles": In(stream.Signature(tile_layout(config))),
                "activations": In(stream.Signature(config.rows * config.lanes * 8)),
                "weights": In(stream.Signature(weights)),
                "advance": In(1),
                "token": Out(Token),
                "truncated": Out(weights),
                "ending": Out(ending_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.truncation = truncation = TruncationUnit(config)

        busy = Signal()
        tile = Signal(tile_layout(config), reset_less=True)
        beat = Signal(range(config.max_beats + 1), reset_less=True)  # 1 is the first
        chunk = Signal(range(max(config.chunks, 2)), reset_less=True)
        wait = Signal(range(max(config.rows, 2)))  # cycles until a tile may end again

        m.d.comb += truncation.bits.eq(tile.bits)
        m.d.comb += truncation.weights.eq(self.weights.payload)
        m.d.comb += self.truncated.eq(truncation.truncated)

        first_chunk = chunk == 0
        last_chunk = chunk == truncation.last_index
        ends = last_chunk & (beat == tile.beats)
        may_end = wait == 0
        step = Signal()
        m.d.comb += truncation.last_chunk.eq(last_chunk)
        m.d.comb += step.eq(
            busy
            & self.advance
            & self.weights.valid
            & (~first_chunk | self.activations.valid)
            & (~ends | may_end)
        )
        m.d.comb += [
            self.weights.ready.eq(step),
            self.activations.ready.eq(step & first_chunk),
            self.token.step.eq(step),
            self.token.load.eq(step & first_chunk),
            self.token.last_chunk.eq(step & last_chunk),
            self.token.first_beat.eq(beat == 1),
            self.token.capture.eq(step & ends),
            self.ending.offset.eq(tile.offset),
            self.ending.unused.eq(truncation.unused),
            self.tiles.ready.eq(~busy | (step & ends)),
        ]

        with m.If(self.advance & (wait != 0)):
            m.d.sync += wait.eq(wait - 1)
        with m.If(step):
            m.d.sync += chunk.eq(chunk + 1)
            with m.If(last_chunk):
                m.d.sync += chunk.eq(0)
                m.d.sync += beat.eq(beat + 1)
            with m.If(ends):
                m.d.sync += wait.eq(config.rows - 1)
        with m.If(self.tiles.ready):
            m.d.sync += busy.eq(self.tiles.valid)
            m.d.sync += tile.eq(self.tiles.payload)
            m.d.sync += beat.eq(1)
            m.d.sync += chunk.eq(0)

        return m
