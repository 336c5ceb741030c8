"""Job and weight buffer of the AXI top: what gives the core its tiles and their weights."""

from truncmac.hw.axi.job import JobSequencer

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
        self.words = job.beats * chunks if job else 0  # of a block, and of a tile
        self.block = self.words * job.row_tiles if job else 0  # words that a block gives the core
        self.issued = self.waiting = 0  # tiles issued, and tiles in the queue
        # Blocks that the buffer has not taken, that it asks for or loads, and that it may read
        self.queued = self.asked = self.filled = 0
        self.loaded = self.read = 0

    @property
    def go(self) -> bool:
        """Whether a word of weights is at the core's input."""
        return self.valid

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Pass a cycle; `taken` says whether the core took a word of weights."""
        begins = self.queued > 0 and self.free > 0
        word = self.asked > 0 and self.loads.go
        whole = word and self.loaded + 1 == self.words
        step = self.filled > 0 and (not self.valid or taken)
        turns = step and self.read % self.block == 0
        ends = step and (self.read + 1) % self.block == 0
        tile, block = self._issues()

        self.valid = step or (self.valid and not taken)
        self.free += (turns and self.used) - begins
        self.used |= turns
        self.read += step
        if word:
            self.loaded = 0 if whole else self.loaded + 1
        self.issued += tile
        self.queued += block - begins
        self.asked += begins - whole
        self.filled += whole - ends
        self.waiting += tile - self.tiles.taken
        self.loads.tick(draw, taken=word)

    def _issues(self) -> tuple[bool, bool]:
        """Whether the job sequencer issues a tile, and with it a block of weights."""
        if self.job is None or self.issued == self.job.tiles:
            return False, False
        room = max(self.waiting, self.queued) < JobSequencer.QUEUE
        return room, room and self.issued % self.job.row_tiles == 0

    def state(self, taken: int) -> tuple[int, ...]:
        """Return all that decides what happens next, once the core took `taken` words."""
        blocks = (self.queued, self.asked, self.filled)
        flags = (self.free, self.used, self.valid, self.loaded, self.loads.left)
        return (*blocks, *flags, self.waiting, self.read - taken)


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
