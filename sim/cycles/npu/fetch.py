"""Who asks the bus for bytes, and how beats become words."""

from collections import deque

from truncmac.integers import ceil_div

from .bus import ReadBus, Request

__all__ = ["Beat", "Fetcher", "Words"]

TICKETS = 8  # requests whose data has not come

Beat = tuple[int, int]  # which of its bytes were asked for: the first, and the end


class Fetcher:
    """Takes a request a cycle, and hands the beats of the oldest one to who asked.

    Parameters
    ----------
    bus : that it asks
    size : bytes of a beat
    """

    def __init__(self, bus: ReadBus, size: int) -> None:
        self.bus = bus
        self.size = size
        self.tickets: deque[list[int]] = deque()  # who asked, the first byte, and the end
        self.who, self.beat = -1, (0, 0)

    @property
    def room(self) -> bool:
        """Whether a request may come."""
        return len(self.tickets) < TICKETS and self.bus.room

    @property
    def idle(self) -> bool:
        """Whether nothing is asked for, and the bus is idle."""
        return not self.tickets and self.bus.idle

    def look(self) -> None:
        """See whose beat is next: `who`, or -1, and the `beat`."""
        if not self.tickets or not self.bus.ready:
            self.who = -1
            return
        self.who, first, end = self.tickets[0]
        self.beat = first, min(end, self.size)

    def tick(self, cycle: int, who: int, request: Request | None, *, taken: bool) -> bool:
        """Pass a cycle in which `who` makes a request, and the next beat is `taken`.

        Returns whether the bus gave a word.
        """
        if taken:
            ticket = self.tickets[0]
            ticket[1], ticket[2] = 0, ticket[2] - self.size
            if ticket[2] <= 0:
                self.tickets.popleft()
        if request:
            skip = request[0] % self.size
            self.tickets.append([who, skip, skip + request[1]])
        return self.bus.tick(cycle, request, taken=taken)


class Words:
    """Makes words of beats: several of a beat, or one of several.

    Parameters
    ----------
    word : bytes from a word to the next
    size : bytes of a beat
    """

    def __init__(self, word: int, size: int) -> None:
        self.word = word
        self.beats = word // size  # of a word; 0: a beat has several words
        self.done = 0  # beats of the word at hand, or words of the beat

    def _count(self, beat: Beat) -> int:
        return ceil_div(beat[1], self.word) - ceil_div(beat[0], self.word)

    def ready(self, beat: Beat | None) -> bool:
        """Whether a word may be taken."""
        if beat is None:
            return False
        if self.beats:
            return self.done == self.beats - 1
        return self.done < self._count(beat)

    def tick(self, beat: Beat | None, *, taken: bool) -> bool:
        """Pass a cycle in which a word is `taken`; whether the beat is done with."""
        if beat is None:
            return False
        last = (self.beats or self._count(beat)) - 1
        if self.beats:
            moves = over = self.done < last or taken
        else:
            moves, over = taken, last < 0 or (taken and self.done == last)
        if moves:
            self.done = self.done + 1 if self.done < last else 0
        return over
