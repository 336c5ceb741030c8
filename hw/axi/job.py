"""Job sequencer: turns a whole matrix product into commands for core and weight buffer."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from truncmac.hw.command import CommandCheck
from truncmac.hw.tile import tile_layout
from truncmac.hw.truncation import TruncationUnit
from truncmac.hw.weight_buffer import TILE_COUNT_BITS, block_layout

__all__ = ["JobSequencer", "job_layout"]


def job_layout(config):
    """Return the layout of a job, whose tiles all have the same command.

    bits, beats, offset, limit, raw, residual : as in `tile_layout`
    row_tiles, column_tiles : tiles along the product's rows and columns
    """
    tile = tile_layout(config).members
    return data.StructLayout(
        {name: shape for name, shape in tile.items() if name != "fresh"}
        | {"row_tiles": TILE_COUNT_BITS, "column_tiles": TILE_COUNT_BITS}
    )


class JobSequencer(wiring.Component):
    """Issues the tiles of a job: column tile by column tile, in each all of its row tiles.

    So the weights and parameters of each column tile load once.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    job : In, `job_layout(config)`; holds still from `start` to `done`
    start : In, ignored while a job is at work
    tiles : Out, stream of `tile_layout(config)`
    blocks : Out, stream of `block_layout(config)`
    core_active : In, of the core and what follows it
    part : In, the core gives a part of a row of results
    last : Out, that part is the job's last
    busy : Out, a job is at work
    done : Out, for one cycle: all its results are out
    empty : Out, for one cycle: the job has no tiles, and is done
    """

    QUEUE = 4  # tiles ahead of the array, so that the weights of the next can load

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "tiles": Out(stream.Signature(tile_layout(config))),
                "blocks": Out(stream.Signature(block_layout(config))),
                "core_active": In(1),
                "part": In(1),
                "last": Out(1),
                "busy": Out(1),
                "done": Out(1),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job = self.job
        tiles = self._queue(m, "tiles", self.tiles)
        blocks = self._queue(m, "blocks", self.blocks)
        self._fill(m, tiles, blocks)

        issuing = Signal()
        row = Signal(TILE_COUNT_BITS)
        column = Signal(TILE_COUNT_BITS)
        push = Signal()
        last_row = row == job.row_tiles - 1
        last = last_row & (column == job.column_tiles - 1)
        m.d.comb += push.eq(issuing & tiles.w_rdy & blocks.w_rdy)
        with m.If(push):
            m.d.sync += row.eq(Mux(last_row, 0, row + 1))
            m.d.sync += column.eq(Mux(last, 0, column + last_row))
            m.d.sync += issuing.eq(~last)

        none = (job.row_tiles == 0) | (job.column_tiles == 0)
        begins = self.start & ~self.busy
        idle = ~issuing & ~tiles.r_rdy & ~blocks.r_rdy & ~self.core_active
        m.d.comb += self.empty.eq(begins & none)
        m.d.comb += self.done.eq((self.busy & idle) | self.empty)
        with m.If(begins & ~none):
            m.d.sync += self.busy.eq(1)
            m.d.sync += issuing.eq(1)
        with m.Elif(self.done):
            m.d.sync += self.busy.eq(0)

        m.d.comb += tiles.w_en.eq(push)
        first_row = row == 0
        m.d.comb += blocks.w_en.eq(push & first_row & ~self._unweighted(m))
        m.d.comb += tile_layout(self.config)(tiles.w_data).fresh.eq(first_row & ~job.raw)
        self._mark_last(m, begins, push, issuing)
        return m

    def _queue(self, m, name, out):
        m.submodules[name] = queue = SyncFIFO(width=len(out.payload.as_value()), depth=self.QUEUE)
        m.d.comb += [
            out.payload.eq(queue.r_data),
            out.valid.eq(queue.r_rdy),
            queue.r_en.eq(out.ready),
        ]
        return queue

    def _fill(self, m, tiles, blocks):
        """Drive the fields that all tiles share. A bad command passes, for the core to refuse."""
        config, job = self.config, self.job
        tile, block = tile_layout(config)(tiles.w_data), block_layout(config)(blocks.w_data)
        for name in tile_layout(config).members:
            if name != "fresh":
                m.d.comb += tile[name].eq(job[name])
        m.submodules.truncation = truncation = TruncationUnit(config)
        m.d.comb += [
            truncation.bits.eq(Mux(job.bits > 8, 8, job.bits)),
            block.last_chunk.eq(truncation.last_index),
            block.beats.eq(job.beats),
            block.tiles.eq(job.row_tiles),
            block.discard.eq(job.beats > config.max_beats),
        ]

    def _unweighted(self, m):
        m.submodules.check = check = CommandCheck(self.config)
        m.d.comb += check.command.bits.eq(self.job.bits)
        m.d.comb += check.command.beats.eq(self.job.beats)
        return check.no_weights

    def _mark_last(self, m, begins, push, issuing):
        """Count the tiles issued, and the parts of the oldest tile's results."""
        parts = self.config.interval
        tiles = Signal(2 * TILE_COUNT_BITS)  # issued, and not all out
        part = Signal(range(max(parts, 2)))
        last_part = self.part & (part == parts - 1)
        m.d.comb += self.last.eq(~issuing & (tiles == 1) & (part == parts - 1))
        with m.If(begins):
            m.d.sync += tiles.eq(0)
            m.d.sync += part.eq(0)
        with m.Else():
            m.d.sync += tiles.eq(tiles + push - last_part)
            with m.If(self.part):
                m.d.sync += part.eq(Mux(last_part, 0, part + 1))
