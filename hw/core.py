"""The core: sequencer, array and output edge, between its input streams and its results."""

from functools import cached_property

from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from .array import SystolicArray
from .command import CommandError
from .counters import COUNTER_BITS, Counters, counters_layout
from .edge import OutputEdge, by_unit
from .output_unit import OutputUnit
from .parameters import ParameterLoader
from .requantiser import parameters_layout
from .row_sum import RowSum
from .sequencer import Sequencer
from .tile import tile_layout

__all__ = ["Core"]


class Core(wiring.Component):
    """Computes tile after tile, each at its own k, without a gap; results are codes or S.

    Any stream may stall at any time, and no result changes. A missing input becomes a bubble; a
    blocked output stops the whole array.

    Parameters
    ----------
    config : ArrayConfig
    counter_bits : bits of each counter

    Members
    -------
    tiles, activations, weights, parameters, residuals : In, and
    results : Out, the streams that `streams.STREAMS` describes
    clear : In, zeroes the counters
    counters : Out, `counters_layout(counter_bits)`
    active : Out, there is a tile at work or a result not taken
    error : Out, `CommandError`, for the one cycle in which a command is taken
    """

    def __init__(self, config, counter_bits=COUNTER_BITS):
        self.config = config
        self.counter_bits = counter_bits
        part = data.ArrayLayout(signed(config.sum_width), config.requantisers)
        super().__init__(
            {
                "tiles": In(stream.Signature(tile_layout(config))),
                "activations": In(stream.Signature(config.activation_word_bits)),
                "weights": In(stream.Signature(config.weight_word_bits)),
                "parameters": In(stream.Signature(parameters_layout(config))),
                "residuals": In(stream.Signature(config.residual_word_bits)),
                "results": Out(stream.Signature(part)),
                "clear": In(1),
                "counters": Out(counters_layout(counter_bits)),
                "active": Out(1),
                "error": Out(CommandError),
            }
        )

    @cached_property
    def edge(self):
        """The output edge. A design with a core in it may look at the `hold` of its edge."""
        return OutputEdge(self.config)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.array = array = SystolicArray(config)
        m.submodules.edge = edge = self.edge
        m.submodules.loader = loader = ParameterLoader(config)

        advance = Signal()
        for part in (sequencer, array, edge):
            m.d.comb += part.advance.eq(advance)
        for outer, inner in (
            (self.tiles, sequencer.tiles),
            (self.activations, sequencer.activations),
            (self.weights, sequencer.weights),
            (self.parameters, loader.parameters),
        ):
            wiring.connect(m, wiring.flipped(outer), inner)
        m.d.comb += [
            sequencer.available.eq(loader.available),
            sequencer.next_bank.eq(loader.next_bank),
            sequencer.bank.eq(loader.bank),
            loader.claim.eq(sequencer.claim),
            loader.release.eq(edge.release),
            array.token.eq(sequencer.token),
            array.activations.eq(self.activations.payload),
            array.weights.eq(by_unit(sequencer.truncated, config.pe_weight_bits, config)),
            array.drain.eq(edge.drain),
            edge.ends.eq(sequencer.token.capture),
            edge.ending.eq(sequencer.ending),
            edge.captured.eq(array.captured),
            edge.sums.eq(array.sums),
            edge.row_sums.eq(array.row_sums),
            edge.write.eq(loader.write),
            edge.unit.eq(loader.unit),
            edge.turn.eq(loader.turn),
            edge.write_bank.eq(loader.write_bank),
            edge.parameters.eq(self.parameters.payload),
            self.error.eq(sequencer.error),
        ]
        room = self._buffer(m, edge)
        m.d.comb += advance.eq((~edge.valid | room) & ~edge.hold)
        self._count(m, sequencer, advance)

        return m

    def _buffer(self, m, edge):
        """Buffer results and residual codes, so that no path leads through the core."""
        m.submodules.results = results = SyncFIFO(width=len(edge.results.as_value()), depth=2)
        m.submodules.residuals = residuals = SyncFIFO(width=len(self.residuals.payload), depth=2)
        m.d.comb += [
            results.w_data.eq(edge.results),
            results.w_en.eq(edge.valid & ~edge.hold),
            self.results.payload.eq(results.r_data),
            self.results.valid.eq(results.r_rdy),
            results.r_en.eq(self.results.ready),
            residuals.w_data.eq(self.residuals.payload),
            residuals.w_en.eq(self.residuals.valid),
            self.residuals.ready.eq(residuals.w_rdy),
            edge.residuals.payload.eq(residuals.r_data),
            edge.residuals.valid.eq(residuals.r_rdy),
            residuals.r_en.eq(edge.residuals.ready),
        ]
        return results.w_rdy

    def _count(self, m, sequencer, advance):
        """Derive the counters' events. A tile leaves a fixed number of steps after its end."""
        config = self.config
        m.submodules.counters = counters = Counters(self.counter_bits)
        first = config.depth - 1 + RowSum.LATENCY  # the first row leaves the array
        last = (
            first + (config.departures - 1) * config.share + 1 + config.passage + OutputUnit.LATENCY
        )
        leaving = Signal(range(last + 1))
        with m.If(sequencer.token.capture):
            m.d.sync += leaving.eq(last)
        with m.Elif(advance & (leaving != 0)):
            m.d.sync += leaving.eq(leaving - 1)

        waits = sequencer.waits
        held = sequencer.busy & advance
        before = 0
        for name in ("activations", "weights", "parameters", "drain"):
            m.d.comb += counters.events[f"stalled_{name}"].eq(held & waits[name] & ~before)
            before = before | waits[name]
        m.d.comb += [
            self.active.eq(sequencer.busy | (leaving != 0) | self.results.valid),
            counters.clear.eq(self.clear),
            counters.events.cycles.eq(self.active),
            counters.events.busy.eq(sequencer.busy),
            counters.events.chunks.eq(sequencer.token.step),
            counters.events.beats.eq(sequencer.token.load),
            counters.events.tiles.eq(sequencer.token.capture),
            counters.events.stalled_output.eq(self.active & ~advance),
            self.counters.eq(counters.values),
        ]
