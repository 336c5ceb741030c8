"""The core: streams in, streams out, with sequencer, array and output edge between them."""

from amaranth import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .array import Array
from .config import ACTIVATION_BITS
from .edge import OutputEdge
from .sequencer import Sequencer, tile_layout

__all__ = ["Core"]


class Core(wiring.Component):
    """S = 2D - zQ of tile after tile, at any k, back to back.

    Any stream may stall at any time; no result changes. A missing input becomes a bubble, a
    blocked output stops the whole array.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    tiles : In, stream of `tile_layout(config)`, one a tile
    activations : In, stream of rows x lanes x 8 bits, one a beat; row 0, lane 0 lowest
    weights : In, stream of cols x lanes x planes bits, one a chunk: the chunks of a beat follow
        each other, MSB first; column 0, lane 0, plane 0 lowest
    results : Out, stream of cols x S, one a row of a tile, row 0 first; column 0 lowest
    """

    def __init__(self, config):
        self.config = config
        row = data.ArrayLayout(signed(config.sum_width), config.cols)
        super().__init__(
            {
                "tiles": In(stream.Signature(tile_layout(config))),
                "activations": In(
                    stream.Signature(config.rows * config.lanes * ACTIVATION_BITS)
                ),
                "weights": In(stream.Signature(config.cols * config.lanes * config.planes)),
                "results": Out(stream.Signature(row)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer = sequencer = Sequencer(self.config)
        m.submodules.array = array = Array(self.config)
        m.submodules.edge = edge = OutputEdge(self.config)
        # Two rows: enough that the array never waits for a register to empty
        m.submodules.results = results = SyncFIFO(width=len(edge.results.as_value()), depth=2)

        advance = ~edge.valid | results.w_rdy
        for consumer in (sequencer, array, edge):
            m.d.comb += consumer.advance.eq(advance)
        for name in ("tiles", "activations", "weights"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(sequencer, name))
        m.d.comb += [
            array.token.eq(sequencer.token),
            array.activations.eq(self.activations.payload),
            array.weights.eq(sequencer.truncated),
            array.drain.eq(edge.drain),
            edge.ends.eq(sequencer.token.capture),
            edge.ending.eq(sequencer.ending),
            edge.captured.eq(array.captured),
            edge.sums.eq(array.sums),
            edge.row_sums.eq(array.row_sums),
            results.w_data.eq(edge.results),
            results.w_en.eq(edge.valid),
            self.results.payload.eq(results.r_data),
            self.results.valid.eq(results.r_rdy),
            results.r_en.eq(self.results.ready),
        ]

        return m
