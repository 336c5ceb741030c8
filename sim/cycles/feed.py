"""Job and weight buffer of the AXI top: what gives the core its tiles and their weights."""

from collections import deque

from truncmac.hw.axi.job import JobSequencer
from truncmac.hw.weight_buffer import WeightBuffer

from .job import Job
from .latencies import BANKS
from .pause import Pause

__all__ = ["Feed"]


class Feed(Pause):
    """Job sequencer and weight buffer: they give the core its tiles, and their weights by beats.

    It takes the place of the `Pause` of the core's weights.

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
        """Begin a job whose weights have so many chunks; `job` is None where there is none."""
        self.job = job
        self.words = job.beats * chunks if job else 0
        self.issued = self.waiting = 0  # tiles issued, and tiles in the queue
        self.blocks: deque[bool] = deque()  # for each tile issued: does it keep the weights before?
        self.filled: deque[bool] = deque()
        self.loaded = self.read = 0

    @property
    def go(self) -> bool:
        """Whether a word of weights is at the core's input."""
        return self.valid

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Pass a cycle; `taken` says whether the core took a word of weights."""
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
            and max(self.waiting, len(self.blocks)) < JobSequencer.QUEUE
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
        """Return all that decides what happens next, once the core took `taken` words."""
        queues = (*self.blocks, 2, *self.filled, 2)
        flags = (self.free, self.used, self.valid, self.loaded, self.loads.left)
        return (*queues, *flags, self.waiting, self.read - taken)


class TilePause(Pause):
    """Takes the place of the `Pause` of the core's tiles, which wait in a queue."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(1)
        self.feed = feed
        self.taken = False

    @property
    def go(self) -> bool:
        """Whether a tile is in the queue."""
        return self.feed.waiting > 0

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Remember whether the tile was taken; it leaves the queue with the feed's tick."""
        self.taken = taken
