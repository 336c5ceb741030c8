"""Command check: tells commands that a tile can obey from those that it cannot."""

from amaranth import Module, Mux
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .tile import tile_layout

__all__ = ["CommandCheck", "CommandError"]


class CommandError(enum.Enum, shape=3):
    """What is wrong with a command. Software reads it as the error code."""

    NONE = 0
    ZERO_BITS = 1
    TOO_MANY_BITS = 2
    ZERO_BEATS = 3
    TOO_MANY_BEATS = 4
    ZERO_TILES = 5  # of a job, in the AXI top


class CommandCheck(wiring.Component):
    """Turns a bad command into one that consumes its data and does no harm.

    A tile's data are what the streams carry for it: `beats` words of activations,
    beats * ceil(min(k, 8) / planes) words of weights, and parameters and residual codes where the
    command's flags say so. A bad tile runs with k = 1 or k = 8 and at least one beat, and is void:
    it gives no results.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    command : In, `tile_layout(config)` as it came
    tile : Out, the same, with bits in 1..8 and beats at least 1
    error : Out, `CommandError`; other than NONE the tile is void
    no_activations, no_weights : Out, the tile's beats and chunks come without them
    """

    def __init__(self, config):
        self.config = config
        layout = tile_layout(config)
        super().__init__(
            {
                "command": In(layout),
                "tile": Out(layout),
                "error": Out(CommandError),
                "no_activations": Out(1),
                "no_weights": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits, beats = self.command.bits, self.command.beats
        m.d.comb += [
            self.tile.eq(self.command),
            self.tile.bits.eq(Mux(bits == 0, 1, Mux(bits > 8, 8, bits))),
            self.tile.beats.eq(Mux(beats == 0, 1, beats)),
            self.no_activations.eq(beats == 0),
            self.no_weights.eq((beats == 0) | (bits == 0)),
        ]
        with m.If(bits == 0):
            m.d.comb += self.error.eq(CommandError.ZERO_BITS)
        with m.Elif(bits > 8):
            m.d.comb += self.error.eq(CommandError.TOO_MANY_BITS)
        with m.Elif(beats == 0):
            m.d.comb += self.error.eq(CommandError.ZERO_BEATS)
        with m.Elif(beats > self.config.max_beats):
            m.d.comb += self.error.eq(CommandError.TOO_MANY_BEATS)
        return m
