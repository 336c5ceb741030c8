"""Issues the tiles of a convolution to the core."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..axi.job import job_layout
from ..tile import tile_layout

__all__ = ["TileIssuer"]


class TileIssuer(wiring.Component):
    """Gives the tiles of a job: column tile by column tile, in each all of its row tiles.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    jobs : In, stream of `job_layout(config)`, with at least one tile; taken with its last tile
    tiles : Out, stream of `tile_layout(config)`
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "jobs": In(stream.Signature(job_layout(config))),
                "tiles": Out(stream.Signature(tile_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job, tile = self.jobs.p, self.tiles.p
        row = Signal.like(job.row_tiles)
        column = Signal.like(job.column_tiles)
        step = Signal()
        last_row = row == job.row_tiles - 1
        last = last_row & (column == job.column_tiles - 1)
        m.d.comb += [tile[name].eq(job[name]) for name in tile.shape().members if name != "fresh"]
        m.d.comb += [
            tile.fresh.eq((row == 0) & ~job.raw),
            self.tiles.valid.eq(self.jobs.valid),
            step.eq(self.tiles.valid & self.tiles.ready),
            self.jobs.ready.eq(step & last),
        ]
        with m.If(step):
            m.d.sync += row.eq(Mux(last_row, 0, row + 1))
            m.d.sync += column.eq(Mux(last, 0, column + last_row))
        return m
