"""What stands at the core's edge: results go to their banks or to memory, residuals come."""

from collections import deque
from collections.abc import Mapping, Sequence

from truncmac.descriptors import SUM_BYTES
from truncmac.hw.config import ArrayConfig

from .banks import Bank
from .bus import Request
from .places import Place, RowWalk

__all__ = ["Residuals", "Results"]


def ports_of(config: ArrayConfig) -> int:
    """Words of the memory that results fill in a cycle; one at least for each row that leaves."""
    return config.rows_at_once * max(config.row_units // config.lanes, 1)


class Results:
    """Joins parts of rows to words, which wait in queues for their banks; sums leave one by one.

    Parameters
    ----------
    config : the array
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        self.queues: list[deque[Bank]] = [deque() for _ in range(ports_of(config))]
        self.parts = max(min(config.cols, config.lanes) // config.row_units, 1)  # of a word
        self.words = len(self.queues) // config.rows_at_once  # of a row that a part fills
        self.walk = RowWalk(config.rows, config.rows_at_once)
        self.raw = self.over = False
        self.turn = 0  # which part of the row is next
        self.unit = 0  # which of a part's sums is next
        self.asked = False  # its place in memory is asked for

    def begin(self, values: Mapping[str, int], place: Place) -> None:
        """Take the results of a CONV; `place` is the output's."""
        self.raw, self.over, self.place = bool(values["raw"]), False, place
        self.channels, self.sums = values["output_channels"], values["parameters"]
        tile_x = values["input_map_tile_x"]
        self.walk.begin(values, tile_x, self.config.cols, self.channels)

    @property
    def busy(self) -> bool:
        """Whether a row is on its way."""
        return any(self.queues) or self.turn != 0

    def ready(self, *, sum_leaves: bool, sum_here: bool) -> bool:
        """Whether a part may come; of a part of sums, the last leaves or is dropped."""
        if self.raw:
            last = self.unit == self.config.requantisers - 1
            return last and (sum_leaves or not sum_here)
        if self.turn % self.parts != self.parts - 1:
            return True
        return all(len(queue) < 2 * (n + 1) for n, queue in enumerate(self.queues))

    def sum_here(self, *, valid: bool) -> bool:
        """Whether there is a sum that must go to memory; `valid`: the core gives a part."""
        return self.raw and valid and self._output[2] and self._channel < self.channels

    @property
    def _output(self) -> tuple[int, int, bool]:
        """Column and row of the sum at hand in the output, and whether it is inside."""
        return self.walk.pixels[self.unit // self.config.row_units]

    @property
    def _channel(self) -> int:
        column = self.unit % self.config.row_units
        return self.walk.channel + self.turn * self.config.requantisers + column

    def asks(self) -> Sequence[Bank | None]:
        """The bank that each port writes."""
        return [queue[0] if queue else None for queue in self.queues]

    def tick(self, *, taken: bool, written: Sequence[bool], valid: bool, sum_leaves: bool) -> None:
        """Pass a cycle.

        Parameters
        ----------
        taken : a part came
        written : by port, its word is in its bank
        valid : the core gives a part
        sum_leaves : the sum at hand is taken
        """
        for queue, done in zip(self.queues, written, strict=True):
            if done:
                queue.popleft()
        if self.raw and valid and (sum_leaves or not self.sum_here(valid=valid)):
            self.unit = (self.unit + 1) % self.config.requantisers
        if taken:
            if not self.raw and self.turn % self.parts == self.parts - 1:
                self._queue()
            self.turn = (self.turn + 1) % self.config.share
            if self.turn == 0:
                self.over |= self.walk.step()

    def _queue(self) -> None:
        lanes = self.config.lanes
        first = self.walk.channel + self.turn // self.parts * (lanes * self.words)
        for number, queue in enumerate(self.queues):
            row, word = divmod(number, self.words)
            x, y, inside = self.walk.pixels[row]
            if inside and first + word * lanes < self.channels:
                queue.append(self.place.bank(x, y))

    def sum_request(self) -> Request:
        """Address and bytes of the sum at hand."""
        x, y, _ = self._output
        number = (y * self.walk.width + x) * self.channels + self._channel
        return (self.sums + SUM_BYTES * number) & 0xFFFFFFFF, SUM_BYTES


class _Port:
    """Reads words ahead; those that wait to be read, and to be taken, are in queues.

    Parameters
    ----------
    asked, answered : entries of the queues; without one, words pass straight on
    """

    def __init__(self, asked: int, answered: int) -> None:
        self.asked, self.answered = asked, answered
        self.words: deque[Bank | None] = deque()  # None: nothing of it is wanted
        self.codes = 0  # words that wait to be taken
        self.held = False  # a word is read

    def free(self, *, taken: bool) -> bool:
        """Whether the next may be read."""
        room = self.codes < self.answered if self.answered else taken
        return not self.held or room

    @property
    def ready(self) -> bool:
        """Whether a word may be taken."""
        return self.codes > 0 if self.answered else self.held

    def tick(self, word: Bank | None, *, came: bool, steps: bool, free: bool, taken: bool) -> None:
        """Pass a cycle: a word comes, the next is read or passed over, and one is taken."""
        if self.answered:
            self.codes += (self.held and free) - taken
        self.held = steps or (self.held and not free)
        if self.asked:
            if steps:
                self.words.popleft()
            if came:
                self.words.append(word)


class Residuals:
    """Reads the codes that a convolution adds, ahead, a row of a tile after the other.

    Parameters
    ----------
    config : the array
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        count = ports_of(config)
        self.ports = [
            _Port(2 * n + 1 if n else 0, 2 * (count - 1 - n) + 1 if n < count - 1 else 0)
            for n in range(count)
        ]
        self.columns = min(config.cols, config.lanes)  # of a row, in a word
        self.words = count // config.rows_at_once  # of a row that are read at once
        self.steps = config.cols // (self.columns * self.words)  # for a row
        self.walk = RowWalk(config.rows, config.rows_at_once)
        self.over = True
        self.asked = self.here = 0  # words of the row that are asked for, and here

    def begin(self, values: Mapping[str, int]) -> None:
        """Read for a CONV; nothing if it adds none."""
        self.over = not values["residual"]
        if self.over:
            return
        self.place = Place(values, "residual", self.config.rows)
        self.channels = values["residual_channels"]
        self.shifts = values["residual_shift_x"], values["residual_shift_y"]
        tile_x = values["input_map_tile_x"]
        self.walk.begin(values, tile_x, self.config.cols, values["output_channels"])

    @property
    def ready(self) -> bool:
        """Whether a row's codes are here."""
        return self.here == self.steps - 1 and all(port.ready for port in self.ports)

    def plan(self, *, room: bool) -> Sequence[Bank | None]:
        """Look what happens in this cycle; `room`: the core can take a row.

        Returns the bank that each port reads.
        """
        present = all(port.ready for port in self.ports)
        self.taken = present and (self.here < self.steps - 1 or room)
        self.free = [port.free(taken=self.taken) for port in self.ports]
        self.came = not self.over and all(
            len(port.words) < port.asked if port.asked else free
            for port, free in zip(self.ports, self.free, strict=True)
        )
        self.next: list[Bank | None] = [None] * len(self.ports)
        if self.came:
            self.next = [self._bank(number) for number in range(len(self.ports))]
        return [self._reads(number) for number in range(len(self.ports))]

    def _bank(self, number: int) -> Bank | None:
        row, word = divmod(number, self.words)
        x, y, inside = self.walk.pixels[row]
        channel = self.walk.channel + self.columns * (self.asked * self.words + word)
        if not inside or channel >= self.channels:
            return None
        return self.place.bank(x << self.shifts[0], y << self.shifts[1])

    def _offered(self, number: int) -> bool:
        port = self.ports[number]
        return bool(port.words) if port.asked else self.came

    def _reads(self, number: int) -> Bank | None:
        port = self.ports[number]
        if not self.free[number] or not self._offered(number):
            return None
        return port.words[0] if port.asked else self.next[number]

    def tick(self, granted: Sequence[bool]) -> None:
        """Pass a cycle; by port, whether its bank is free for it."""
        for number, port in enumerate(self.ports):
            free, reads = self.free[number], self._reads(number)
            steps = free and self._offered(number) and (reads is None or granted[number])
            port.tick(self.next[number], came=self.came, steps=steps, free=free, taken=self.taken)
        if self.taken:
            self.here = (self.here + 1) % self.steps
        if self.came:
            self.asked = (self.asked + 1) % self.steps
            if self.asked == 0:
                self.over = self.walk.step()
