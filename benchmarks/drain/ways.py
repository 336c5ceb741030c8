"""Cycles of a network in which tiles leave the array in another way than the core's.

The core's sequencer, parameters and latencies stay as they are; operands come at full speed and
results are taken at once. `Way.of` is a core as it is, and `count` then gives what `sim.cycles`
gives. The others are not built: what is counted of them is the best that they could reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.output_unit import OutputUnit
from truncmac.integers import ceil_div
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.latencies import RESTART, Latencies
from truncmac.sim.workloads.shapes import Workload

__all__ = ["Counted", "Drain", "Way", "bound", "count", "jobs_of"]

LONG_AGO = -(1 << 40)  # cycles: before anything that matters


@dataclass(frozen=True)
class Way:
    """How the rows of a tile leave the array.

    Attributes
    ----------
    share : cycles that the output units need for a row
    rows_at_once : rows that leave together, each to output units of its own
    copies : tiles whose sums a PE keeps beside the one at work; the core's keep one
    queue : rows of sums that wait outside the array; then a row leaves it in each cycle in which
        there is room, and is in the queue until its last column is served
    """

    share: int
    rows_at_once: int = 1
    copies: int = 1
    queue: int = 0

    @classmethod
    def of(cls, config: ArrayConfig) -> "Way":
        """The core's own."""
        return cls(config.share, config.rows_at_once)

    def interval(self, rows: int) -> int:
        """Cycles a tile of so many rows, where all tiles are shorter: the output units' rate."""
        return ceil_div(rows, self.rows_at_once) * self.share


@dataclass(frozen=True)
class Counted:
    """Cycles of the core, from each job's first to its last, and those that wait for the drain."""

    cycles: int
    stalled_drain: int


class Drain:
    """Where the tiles that have ended are: cycles in which their rows were or will be served."""

    def __init__(self, config: ArrayConfig, way: Way) -> None:
        self.way = way
        self.rows = ceil_div(config.rows, way.rows_at_once)  # of as many rows as leave together
        self.starts = [LONG_AGO] * way.copies  # first rows of the last tiles
        self.entered = LONG_AGO  # when the last row left the array, with a queue
        self.served = [LONG_AGO] * max(way.queue, 1)  # starts of the last rows

    @property
    def free(self) -> int:
        """The first cycle in which a tile may end."""
        if self.way.queue:
            return self.entered + 1
        return self.starts[-self.way.copies] + self.rows * self.way.share

    def end(self, cycle: int) -> tuple[int, int]:
        """End a tile; return when its first and its last row are served."""
        if self.way.queue:
            rows = [self._pass(cycle) for _ in range(self.rows)]
            return rows[0], rows[-1]
        share = self.way.share
        first = max(cycle, self.starts[-1] + self.rows * share)
        self.starts = [*self.starts[1:], first]
        return first, first + (self.rows - 1) * share

    def _pass(self, ended: int) -> int:
        """Bring a row into the queue; return when it is served."""
        share = self.way.share
        self.entered = max(ended, self.entered + 1, self.served[0] + share)
        served = max(self.entered, self.served[-1] + share)
        self.served = [*self.served[1:], served]
        return served


def count(jobs: Sequence[Job], config: ArrayConfig, way: Way) -> Counted:
    """Cycles of jobs that run one after the other from reset, each when the one before has left."""
    passage = config.unit_start(config.row_units - 1) + way.share
    latencies = Latencies.of(config.rows, config.depth, passage, way.share)
    leaves = latencies.captured + 2 + passage + OutputUnit.LATENCY  # after a row's sums
    drain = Drain(config, way)
    loaded, freed, unused = -2, LONG_AGO, True  # of the sets of parameters
    total = stalled = begin = 0
    for job in jobs:
        tile_cycles = job.beats * chunk_count(job.bits, config.planes)
        end = begin - 1
        for tile in range(job.tiles):
            claims = job.fresh and tile % job.row_tiles == 0
            ready = end + tile_cycles
            if claims:
                loaded = max(loaded + 1, freed) + config.cols - 1
                ready = max(ready, loaded + 1)
            end = max(ready, drain.free)
            stalled += end - ready
            first, last = drain.end(end)
            if claims:
                freed = freed if unused else first + latencies.released + 1
                unused = False
        total += last + leaves + 1 - begin
        begin = last + leaves + RESTART
    return Counted(total, stalled)


def jobs_of(workload: Workload, config: ArrayConfig, bits: int) -> list[Job]:
    """The jobs of a workload whose layers follow `bits` where they have no k of their own."""
    return [
        Job(
            ceil_div(layer.reduction, config.lanes),
            layer.at(bits),
            *config.tile_grid(layer.rows, layer.columns),
            fresh=not layer.raw,
            residual=layer.residual,
        )
        for layer in workload.layers
        for _ in range(layer.groups)
    ]


def bound(jobs: Sequence[Job], config: ArrayConfig) -> int:
    """Cycles in which the array alone could do all that the jobs multiply."""
    return sum(job.tiles * job.beats * chunk_count(job.bits, config.planes) for job in jobs)
