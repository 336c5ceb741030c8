"""The NPU's side of the bus, and the memory behind it: bursts, latency and pauses."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from truncmac.integers import ceil_div

from ..pause import Pause
from .queues import BufferedQueue

__all__ = ["MOST_LATENCY", "MemoryTiming", "ReadBus", "Request", "WriteBus"]

MOST_LATENCY = 1 << 16  # cycles
BURST = 16  # beats, at most
PAGE = 4096  # bytes: no burst crosses a multiple of it
REQUESTS = 2  # that wait to be cut into bursts
MEMORY_QUEUE = 16  # bursts that the memory takes before it has answered the first of them
UNANSWERED = 15  # bursts that the NPU writes before the first of them is answered
WRITE_QUEUE = 2 * BURST  # beats that wait to be written

Request = tuple[int, int]  # the first byte's address on the bus, and bytes


@dataclass(frozen=True)
class MemoryTiming:
    """How fast the memory answers.

    Attributes
    ----------
    latency : cycles from a request to the first of its answers, at least 1
    gaps : by channel of AXI4 ("ar", "r", "aw", "w", "b") the cycles of each transfer, 1 at full
        speed
    """

    latency: int = 1
    gaps: Mapping[str, int] = field(default_factory=dict)

    def pause(self, channel: str, *, sink: bool = False) -> Pause:
        """The pauses of a channel."""
        return Pause(self.gaps.get(channel, 1), sink=sink)


class _Cutter:
    """Cuts requests into bursts that cross no page; `size` is a beat's bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.requests: deque[tuple[int, int]] = deque()  # address of the next burst, beats left

    @property
    def room(self) -> bool:
        """Whether a request may come."""
        return len(self.requests) < REQUESTS

    @property
    def length(self) -> int:
        """Beats of the burst that is next; 0: there is none."""
        if not self.requests:
            return 0
        address, beats = self.requests[0]
        return min(beats, BURST, (PAGE - address % PAGE) // self.size)

    def issue(self, length: int) -> None:
        """The burst that is next has left."""
        address, beats = self.requests.popleft()
        if beats > length:
            self.requests.appendleft((address + length * self.size, beats - length))

    def add(self, request: Request) -> None:
        """Take a request, in whole beats."""
        address, count = request
        first = address // self.size * self.size
        self.requests.append((first, ceil_div(address + count - first, self.size)))


class ReadBus:
    """Reads bursts, for whose words there is room, and gives their words in order.

    Parameters
    ----------
    size : bytes of a beat
    outstanding : bursts that there is room for
    timing : of the memory
    """

    def __init__(self, size: int, outstanding: int, timing: MemoryTiming) -> None:
        self.cutter = _Cutter(size)
        self.latency = timing.latency
        self.queue = BufferedQueue(outstanding * BURST)
        self.space = outstanding * BURST  # words that are neither here nor on their way
        self.bursts: deque[list[int]] = deque()  # in the memory: time of answer, words left
        self.requests, self.answers = timing.pause("ar", sink=True), timing.pause("r")

    @property
    def room(self) -> bool:
        """Whether a request may come."""
        return self.cutter.room

    @property
    def ready(self) -> bool:
        """Whether a word may be taken."""
        return self.queue.ready

    @property
    def idle(self) -> bool:
        """Whether nothing is asked for or on its way, and no pause goes on."""
        queue = self.queue.level or self.queue.ready
        return not (self.bursts or queue or self.cutter.requests or self.answers.left)

    def tick(self, cycle: int, request: Request | None, *, taken: bool) -> bool:
        """Pass a cycle with this request, in which a word is `taken`; whether one came."""
        if request is None and self.idle:
            return False
        bursts, length = self.bursts, self.cutter.length
        offered = 0 < length <= self.space
        issued = offered and self.requests.go and len(bursts) < MEMORY_QUEUE
        came = bool(bursts) and bursts[0][0] <= cycle and self.answers.go
        self.requests.tick(True, taken=issued, offered=offered)
        self.answers.tick(True, taken=came)
        self.queue.tick(came=came, left=taken)
        self.space += taken
        if came:
            bursts[0][1] -= 1
            if not bursts[0][1]:
                bursts.popleft()
        if issued:
            self.space -= length
            bursts.append([cycle + self.latency, length])
            self.cutter.issue(length)
        if request:
            self.cutter.add(request)
        return came


class WriteBus:
    """Writes bursts whose words are here, and waits for their answers.

    Parameters
    ----------
    size : bytes of a beat
    timing : of the memory
    """

    def __init__(self, size: int, timing: MemoryTiming) -> None:
        self.cutter = _Cutter(size)
        self.latency = timing.latency
        self.queue = BufferedQueue(WRITE_QUEUE)
        self.held = 0  # words here that belong to no burst yet
        self.left = 0  # words of the burst at hand
        self.unanswered = 0
        self.bursts: deque[int] = deque()  # in the memory: words that have not come
        self.done: deque[int] = deque()  # times of answers
        self.requests, self.words = timing.pause("aw", sink=True), timing.pause("w", sink=True)
        self.answers = timing.pause("b")

    @property
    def room(self) -> bool:
        """Whether a request may come."""
        return self.cutter.room

    @property
    def ready(self) -> bool:
        """Whether a word may come."""
        return self.queue.room

    @property
    def empty(self) -> bool:
        """Whether all that came is written, and answered."""
        return not (self.unanswered or self.left or self.held or self.cutter.requests)

    @property
    def idle(self) -> bool:
        """Whether all is written, and no pause goes on."""
        return self.empty and not self.answers.left

    def tick(self, cycle: int, request: Request | None, *, word: bool) -> bool:
        """Pass a cycle in which this request and perhaps a word come; whether one is written."""
        if request is None and not word and self.idle:
            return False
        length = self.cutter.length
        offered = 0 < length <= self.held and not self.left and self.unanswered != UNANSWERED
        waiting = len(self.bursts) + len(self.done)
        issued = offered and self.requests.go and waiting < MEMORY_QUEUE
        valid = self.left > 0 and self.queue.ready
        given = valid and self.words.go and bool(self.bursts)
        answered = bool(self.done) and self.done[0] <= cycle and self.answers.go
        self.requests.tick(True, taken=issued, offered=offered)
        self.words.tick(True, taken=given, offered=valid)
        self.answers.tick(True, taken=answered)
        self.queue.tick(came=word, left=given)
        self.held += word
        self.left -= given
        self.unanswered += issued - answered
        if answered:
            self.done.popleft()
        if given:
            self.bursts[0] -= 1
            if not self.bursts[0]:
                self.bursts.popleft()
                self.done.append(cycle + self.latency)
        if issued:
            self.held -= length
            self.left += length
            self.bursts.append(length)
            self.cutter.issue(length)
        if request:
            self.cutter.add(request)
        return given
