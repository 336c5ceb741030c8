"""Runs a convolution on the core: words and operands in, results and residuals at its edge."""

from amaranth import Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..axi.job import job_layout
from ..axi.stream import axi_stream_layout
from ..core import Core
from ..counters import counters_layout
from ..weight_buffer import WeightBuffer
from .beside import Beside
from .memory import reading_members, writing_members
from .operands import OperandLoader, operands_layout
from .place import map_layout
from .regions import bytes_layout
from .residuals import ResidualReader, residual_layout
from .results import ResultWriter, sum_layout
from .rows import outputs_layout
from .tiles import TileIssuer
from .walk import window_layout

__all__ = ["Convolver", "convolution_layout"]


def convolution_layout(config):
    """What a convolution's parts must know, but for its operands."""
    return data.StructLayout(
        {
            "window": window_layout(),
            "job": job_layout(config),
            "outputs": outputs_layout(),
            "output": map_layout(),
            "residual": residual_layout(),
        }
    )


class Convolver(wiring.Component):
    """The core with its feeders, but for what reads windows: `Im2col` answers `windows`.

    Parameters
    ----------
    config : ArrayConfig, whose rows, columns, lanes and planes are powers of two
    width : int
        Bits of the bus.

    Members
    -------
    operations : In, stream of `convolution_layout(config)`; taken when the last result has left
    layers : In, stream of `operands_layout(config)`, one for each operation, which may come before
        it; taken when those of the layer before are all read
    windows : Out, stream of `window_layout()`; taken when the last of its words has left
    words : In, stream of rows x lanes x 8 bits, those of the windows
    read..., write... : of the activation memory
    parameters_requests, weights_requests : Out, streams of `bytes_layout()`
    parameters_data, weights_data : In, streams of `axi_stream_layout(width)`
    sums : Out, stream of `sum_layout()`
    clear, counters : of the core
    waiting_results, waiting_residuals : Out, events of `NPU_COUNTERS`
    """

    def __init__(self, config, width):
        self.config = config
        self.width = width
        beats = stream.Signature(axi_stream_layout(width))
        super().__init__(
            {
                "operations": In(stream.Signature(convolution_layout(config))),
                "layers": In(stream.Signature(operands_layout(config))),
                "windows": Out(stream.Signature(window_layout())),
                "words": In(stream.Signature(config.activation_word_bits)),
                **reading_members(config),
                **writing_members(config),
                "parameters_requests": Out(stream.Signature(bytes_layout())),
                "weights_requests": Out(stream.Signature(bytes_layout())),
                "parameters_data": In(beats),
                "weights_data": In(beats),
                "sums": Out(stream.Signature(sum_layout())),
                "clear": In(1),
                "counters": Out(counters_layout()),
                "waiting_results": Out(1),
                "waiting_residuals": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, operation = self.config, self.operations.p
        m.submodules.core = core = Core(config)
        m.submodules.tiles = tiles = TileIssuer(config)
        m.submodules.buffer = buffer = WeightBuffer(config)
        m.submodules.layers = layers = Beside(operands_layout(config))
        m.submodules.operands = operands = OperandLoader(config, self.width)
        m.submodules.residuals = residuals = ResidualReader(config)
        m.submodules.results = results = ResultWriter(config)
        for giver, taker in (
            (wiring.flipped(self.words), core.activations),
            (buffer.weights, core.weights),
            (operands.parameters, core.parameters),
            (wiring.flipped(self.layers), layers.given),
            (layers.kept, operands.layers),
            (operands.blocks, buffer.blocks),
            (operands.loads, buffer.loads),
            (residuals.residuals, core.residuals),
            (tiles.tiles, core.tiles),
            (core.results, results.results),
            (results.sums, wiring.flipped(self.sums)),
            (operands.parameters_requests, wiring.flipped(self.parameters_requests)),
            (operands.weights_requests, wiring.flipped(self.weights_requests)),
            (wiring.flipped(self.parameters_data), operands.parameters_data),
            (wiring.flipped(self.weights_data), operands.weights_data),
        ):
            wiring.connect(m, giver, taker)
        self._memory(m, residuals, results)
        ends = Signal()
        m.d.comb += [
            core.clear.eq(self.clear),
            self.counters.eq(core.counters),
            self.waiting_results.eq(core.results.valid & ~core.results.ready),
            self.waiting_residuals.eq(core.edge.hold),
            results.raw.eq(operation.job.raw),
            results.where.eq(operation.output),
            residuals.residual.eq(operation.residual),
        ]
        over = [
            self._part(m, self.windows, operation.window, ends, Const(1)),
            self._part(m, tiles.jobs, operation.job, ends, Const(1)),
            self._part(m, results.outputs, operation.outputs, ends, Const(1)),
            self._part(m, residuals.outputs, operation.outputs, ends, operation.job.residual),
        ]
        written = over[2] & ~results.busy
        m.d.comb += ends.eq(self.operations.valid & over[0] & over[1] & written & over[3])
        m.d.comb += self.operations.ready.eq(ends)
        return m

    def _part(self, m, taker, value, ends, wanted):
        """Give a part of the operation to who needs it, once; whether it is done with it."""
        done = Signal()
        m.d.comb += taker.payload.eq(value)
        m.d.comb += taker.valid.eq(self.operations.valid & wanted & ~done)
        with m.If(taker.valid & taker.ready):
            m.d.sync += done.eq(1)
        with m.If(ends):
            m.d.sync += done.eq(0)
        return done | ~wanted

    def _memory(self, m, residuals, results):
        for part, members in (
            (residuals, reading_members(self.config)),
            (results, writing_members(self.config)),
        ):
            for name, member in members.items():
                ours, theirs = getattr(self, name), getattr(part, name)
                m.d.comb += ours.eq(theirs) if member.flow == Out else theirs.eq(ours)
