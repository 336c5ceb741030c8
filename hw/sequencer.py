"""Sequencer: turns a stream of tiles into a token a cycle."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .command import CommandCheck, CommandError
from .tile import ending_layout, tile_layout
from .token import Token
from .truncation import TruncationUnit

__all__ = ["Sequencer", "Waits"]


class Waits(data.Struct):
    """Why a tile at work gives no chunk in this cycle, although the array would take one.

    activations, weights : the stream has no word
    drain : the tile before has not left yet, because it ended fewer than `interval` cycles ago
    parameters : the tile's set of parameters is not loaded yet
    """

    activations: 1
    weights: 1
    drain: 1
    parameters: 1


class Sequencer(wiring.Component):
    """Joins tile, activations and weights; a cycle in which one is missing becomes a bubble.

    Tiles follow each other without a gap, whatever their k. Only a tile of fewer than
    `config.interval` cycles waits before its last chunk, because tiles must end at least so many
    cycles apart.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    tiles : In, stream of `tile_layout(config)`
    activations : In, stream of rows x lanes x 8 bits, one a beat
    weights : In, stream of cols x lanes x planes bits, one a chunk, a beat's chunks MSB first
    advance : In, the array takes `token` in this cycle
    available, next_bank, bank : In, of the parameter loader
    claim : Out, to the parameter loader
    token : Out, `Token`
    truncated : Out, the chunk that goes with `token`, its unused planes cleared
    ending : Out, `ending_layout(config)` of the tile, with `token.capture`
    busy : Out, a tile is at work
    waits : Out, `Waits`
    error : Out, `CommandError` of the command that is taken in this cycle
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "tiles": In(stream.Signature(tile_layout(config))),
                "activations": In(stream.Signature(config.activation_word_bits)),
                "weights": In(stream.Signature(config.weight_word_bits)),
                "advance": In(1),
                "available": In(1),
                "next_bank": In(1),
                "bank": In(1),
                "claim": Out(1),
                "token": Out(Token),
                "truncated": Out(config.weight_word_bits),
                "ending": Out(ending_layout(config)),
                "busy": Out(1),
                "waits": Out(Waits),
                "error": Out(CommandError),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.truncation = truncation = TruncationUnit(config)
        tile, void, no_activations, no_weights = self._tile(m)

        beat = Signal(config.beats_width, reset_less=True)  # 1 is the first
        chunk = Signal(range(max(config.chunks, 2)), reset_less=True)
        wait = Signal(range(max(config.interval, 2)))  # cycles until a tile may end again
        first_chunk = chunk == 0
        last_chunk = chunk == truncation.last_index
        ends = last_chunk & (beat == tile.beats)

        step = Signal()
        m.d.comb += [
            self.waits.activations.eq(first_chunk & ~self.activations.valid & ~no_activations),
            self.waits.weights.eq(~self.weights.valid & ~no_weights),
            self.waits.drain.eq(ends & (wait != 0)),
            self.waits.parameters.eq(ends & tile.fresh & ~self.available),
            step.eq(self.busy & self.advance & ~self.waits.as_value().any()),
            self.activations.ready.eq(step & first_chunk & ~no_activations),
            self.weights.ready.eq(step & ~no_weights),
            self.tiles.ready.eq(~self.busy | (step & ends)),
            self.claim.eq(step & ends & tile.fresh),
            truncation.bits.eq(tile.bits),
            truncation.last_chunk.eq(last_chunk),
            truncation.weights.eq(self.weights.payload),
            self.truncated.eq(truncation.truncated),
            self.token.step.eq(step),
            self.token.load.eq(step & first_chunk),
            self.token.last_chunk.eq(step & last_chunk),
            self.token.first_beat.eq(beat == 1),
            self.token.capture.eq(step & ends),
            self.ending.unused.eq(truncation.unused),
            self.ending.bank.eq(Mux(tile.fresh, self.next_bank, self.bank)),
            self.ending.void.eq(void),
        ]
        for field in ("offset", "limit", "raw", "residual", "fresh"):
            m.d.comb += self.ending[field].eq(tile[field])

        with m.If(step & ends):
            m.d.sync += wait.eq(config.interval - 1)
        with m.Elif(self.advance & (wait != 0)):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.tiles.ready | (step & last_chunk)):
            m.d.sync += chunk.eq(0)
            m.d.sync += beat.eq(Mux(self.tiles.ready, 1, beat + 1))
        with m.Elif(step):
            m.d.sync += chunk.eq(chunk + 1)

        return m

    def _tile(self, m):
        """Keep the command of the tile at work, as the check passed it on."""
        m.submodules.check = check = CommandCheck(self.config)
        tile = Signal(tile_layout(self.config), reset_less=True)
        flags = Signal(3, reset_less=True)
        void = check.error != CommandError.NONE
        m.d.comb += check.command.eq(self.tiles.payload)
        with m.If(self.tiles.ready):
            m.d.sync += self.busy.eq(self.tiles.valid)
        with m.If(self.tiles.ready & self.tiles.valid):
            m.d.comb += self.error.eq(check.error)
            m.d.sync += tile.eq(check.tile)
            m.d.sync += flags.eq(Cat(void, check.no_activations, check.no_weights))
        return tile, *flags
