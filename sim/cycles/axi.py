"""The AXI top's control, cycle by cycle: jobs, the weight buffer, and buses of any width."""

from collections.abc import Iterator, Mapping, Sequence

from truncmac.hw.axi.ports import word_strides
from truncmac.hw.axi.top import RAW_BITS, BusWidths
from truncmac.hw.config import ACTIVATION_BITS, ArrayConfig, chunk_count
from truncmac.sim.stalls import Gaps, Stalls

from .control import Control
from .feed import Feed
from .job import Job
from .latencies import BANKS, FIFO_DEPTH
from .pause import Pause

__all__ = ["AxiControl", "axi_counters", "bus_gaps"]


def bus_gaps(config: ArrayConfig, widths: BusWidths, *, raw: bool) -> Gaps:
    """Return the cycles that each stream of the AXI top needs for a word, without pauses."""
    cycles = {
        name: max(8 * stride // getattr(widths, name), 1)
        for name, stride in word_strides(config, widths).items()
    }
    results = config.requantisers * (RAW_BITS if raw else ACTIVATION_BITS)
    return Gaps(**cycles, results=max(results // widths.results, 1))


class AxiControl(Control):
    """The AXI top. Each job's streams are sent before it starts, while the core is long idle.

    Parameters
    ----------
    config : ArrayConfig
    jobs : the jobs, which run one after the other
    widths : widths of the buses
    """

    def __init__(self, config: ArrayConfig, jobs: Sequence[Job], widths: BusWidths) -> None:
        self.widths = widths
        super().__init__(config, jobs, Stalls(gaps=bus_gaps(config, widths, raw=False)))
        self.feed = Feed(self.pauses["weights"].gap)
        self.pauses["tiles"] = self.feed.tiles
        self.pauses["weights"] = self.feed

    def run(self) -> Iterator[Mapping[str, int]]:
        """Yield the counters of each job as it ends."""
        for job in self.jobs:
            self.parameters_left = job.column_tiles * self.config.cols if job.fresh else 0
            self.residuals_left = job.tiles * self.config.departures if job.residual else 0
            gaps = bus_gaps(self.config, self.widths, raw=not job.fresh)
            self.pauses["results"] = Pause(gaps.results, sink=True)
            self.feed.start(None, 0)
            longest = max(gaps.activations, gaps.weights, gaps.results)
            ahead = BANKS * self.config.cols * gaps.parameters + FIFO_DEPTH * gaps.residuals
            for _ in range(ahead + longest):
                self.pass_cycle(job, job.tiles)
            self.feed.start(job, chunk_count(job.bits, self.config.planes))
            yield self._run(job)

    def relative_state(self) -> tuple[int, ...]:
        """Return those of the core, and the feed's."""
        job = self.feed.job
        assert job is not None  # noqa: S101 (there is one at work)
        tiles = self.counts["tiles"]
        beats = self.feed.words // job.beats * (self.beat - 1)
        return (*super().relative_state(), *self.feed.state(tiles * self.feed.words + beats))

    def totals(self) -> dict[str, int]:
        """Return those of the core, and the feed's."""
        return super().totals() | {"issued": self.feed.issued, "read": self.feed.read}

    def repetitions(self, change: Mapping[str, int], job: Job) -> int:
        """As for the core; but none may begin another block, or issue the tiles of another."""
        return min(
            super().repetitions(change, job),
            _within(self.feed.read, change["read"], self.feed.block, job.column_tiles),
            _within(self.feed.issued, change["issued"], job.row_tiles, job.column_tiles),
        )

    def leap(self, change: Mapping[str, int], times: int) -> None:
        """Pass `times` repetitions of `change`, in the core and in the feed."""
        super().leap(change, times)
        self.feed.issued += times * change["issued"]
        self.feed.read += times * change["read"]


def _within(count: int, each: int, period: int, periods: int) -> int:
    """Return how often `each` may be added to a count that must keep its place in its periods.

    Whole periods may be added until the last of them, less than a period only within one.
    """
    if each == 0:
        return 1 << 62
    if each % period == 0:
        return (period * periods - count) // each
    if (count - each) % period == 0 or (count - each) // period != count // period:
        return 0
    return (period - 1 - count % period) // each


def axi_counters(
    config: ArrayConfig, jobs: Sequence[Job], widths: BusWidths
) -> list[Mapping[str, int]]:
    """Return the counters of the AXI top's core at the end of each of `jobs`."""
    return list(AxiControl(config, jobs, widths).run())
