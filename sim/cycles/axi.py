"""The AXI top's control, cycle by cycle: jobs, the weight buffer, and buses of any width."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from truncmac.hw.axi.job import Job as JobComponent
from truncmac.hw.axi.stream import word_stride
from truncmac.hw.axi.top import RAW_BITS, BusWidths
from truncmac.hw.config import ACTIVATION_BITS, ArrayConfig, chunk_count
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.weight_buffer import WeightBuffer
from truncmac.sim.stalls import Gaps, Stalls

from .control import BANKS, FIFO_DEPTH, Control, Job, Pause

__all__ = ["AxiControl", "axi_counters", "bus_gaps"]


def bus_gaps(config: ArrayConfig, widths: BusWidths, *, raw: bool) -> Gaps:
    """Cycles that each stream of the AXI top needs for a word, on buses without a pause."""
    words = {
        "activations": config.rows * config.lanes * ACTIVATION_BITS,
        "weights": config.cols * config.lanes * config.planes,
        "parameters": parameters_layout(config).size,
        "residuals": config.cols * ACTIVATION_BITS,
    }
    cycles = {
        name: max(8 * word_stride(width, getattr(widths, name)) // getattr(widths, name), 1)
        for name, width in words.items()
    }
    results = config.requantisers * (RAW_BITS if raw else ACTIVATION_BITS)
    return Gaps(**cycles, results=max(results // widths.results, 1))


class Feed(Pause):
    """Job and weight buffer: gives the core its tiles, and their weights beat by beat.

    As a pause it is that of the core's weights.

    Parameters
    ----------
    gap : cycles that the bus needs for a word of weights
    """

    def __init__(self, gap: int) -> None:
        super().__init__(1)
        self.loads = Pause(gap)
        self.tiles = TilePause(self)
        self.free = BANKS
        self.used = self.valid = False
        self.start(None, 0)

    def start(self, job: Job | None, chunks: int) -> None:
        """Begin a job whose weights have so many chunks; None: there is none."""
        self.job = job
        self.words = job.beats * chunks if job else 0
        self.issued = self.waiting = 0  # tiles in all, and in the queue
        self.blocks: deque[bool] = deque()  # of the tiles issued: keep the weights before?
        self.filled: deque[bool] = deque()
        self.loaded = self.read = 0

    @property
    def go(self) -> bool:
        """A word of weights is at the core's input."""
        return self.valid

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Pass a cycle in which the core took a word of weights or not."""
        begun = self.loaded > 0
        room = len(self.filled) < WeightBuffer.QUEUE
        keeps = bool(self.blocks) and self.blocks[0] and room
        loading = bool(self.blocks) and not self.blocks[0] and room and (begun or self.free > 0)
        word = loading and self.loads.go
        whole = word and self.loaded + 1 == self.words
        free = not self.valid or taken
        step = bool(self.filled) and free
        turns = step and self.read % self.words == 0 and not self.filled[0]
        push = (
            self.job is not None
            and self.issued < self.job.tiles
            and max(self.waiting, len(self.blocks)) < JobComponent.QUEUE
        )

        if free:
            self.valid = bool(self.filled)
        self.free += (turns and self.used) - (word and not begun)
        self.used |= turns
        if step:
            self.read += 1
            if self.read % self.words == 0:
                self.filled.popleft()
        if word:
            self.loaded = 0 if whole else self.loaded + 1
        if whole or keeps:
            self.filled.append(self.blocks.popleft())
        if push:
            assert self.job is not None  # noqa: S101 (for the type checker)
            self.blocks.append(self.issued % self.job.row_tiles != 0)
            self.issued += 1
        self.waiting += push - self.tiles.taken
        self.loads.tick(draw, taken=word)

    def state(self, taken: int) -> tuple[int, ...]:
        """All that decides what happens from here on, once the core took `taken` words."""
        queues = (*self.blocks, 2, *self.filled, 2)
        flags = (self.free, self.used, self.valid, self.loaded, self.loads.left)
        return (*queues, *flags, self.waiting, self.read - taken)


class TilePause(Pause):
    """The pause of the core's tiles: there is one in the queue."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(1)
        self.feed = feed
        self.taken = False

    @property
    def go(self) -> bool:
        """A tile is in the queue."""
        return self.feed.waiting > 0

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Remember whether the tile was taken; it leaves the queue with the feed's tick."""
        self.taken = taken


class AxiControl(Control):
    """The AXI top: each job's streams are sent before it starts, and the core is long idle.

    Parameters
    ----------
    config : ArrayConfig
    jobs : one after the other
    widths : of the buses
    """

    def __init__(self, config: ArrayConfig, jobs: Sequence[Job], widths: BusWidths) -> None:
        self.widths = widths
        super().__init__(config, jobs, Stalls(gaps=bus_gaps(config, widths, raw=False)))
        self.feed = Feed(self.pauses["weights"].gap)
        self.pauses["tiles"] = self.feed.tiles
        self.pauses["weights"] = self.feed

    def run(self) -> Iterator[Mapping[str, int]]:
        """Give the counters of each job as it ends."""
        for job in self.jobs:
            self.parameters_left = job.column_tiles * self.config.cols if job.fresh else 0
            self.residuals_left = job.tiles * self.config.rows if job.residual else 0
            gaps = bus_gaps(self.config, self.widths, raw=not job.fresh)
            self.pauses["results"] = Pause(gaps.results, sink=True)
            self.feed.start(None, 0)
            longest = max(gaps.activations, gaps.weights, gaps.results)
            ahead = BANKS * self.config.cols * gaps.parameters + FIFO_DEPTH * gaps.residuals
            for _ in range(ahead + longest):
                self._cycle(job, job.tiles)
            self.feed.start(job, chunk_count(job.bits, self.config.planes))
            yield self._run(job)

    def relative_state(self) -> tuple[int, ...]:
        """As for the core, and the feed's."""
        job = self.feed.job
        assert job is not None  # noqa: S101 (there is one at work)
        tiles = self.counts["tiles"]
        beats = self.feed.words // job.beats * (self.beat - 1)
        return (*super().relative_state(), *self.feed.state(tiles * self.feed.words + beats))

    def totals(self) -> dict[str, int]:
        """As for the core, and the feed's."""
        return super().totals() | {"issued": self.feed.issued, "read": self.feed.read}

    def repetitions(self, change: Mapping[str, int], job: Job) -> int:
        """As for the core; and none that begins another block, or issues another's tiles."""
        return min(
            super().repetitions(change, job),
            _within(self.feed.read, change["read"], self.feed.words, job.tiles),
            _within(self.feed.issued, change["issued"], job.row_tiles, job.column_tiles),
        )

    def leap(self, change: Mapping[str, int], times: int) -> None:
        """As for the core, and the feed."""
        super().leap(change, times)
        self.feed.issued += times * change["issued"]
        self.feed.read += times * change["read"]


def _within(count: int, each: int, period: int, periods: int) -> int:
    """How often `each` can be added to a count so that it passes the same places in its periods.

    Adding whole periods does until the last of them; less than one does within a period.
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
    """The counters of the AXI top's core at the end of each of `jobs`."""
    return list(AxiControl(config, jobs, widths).run())
