"""The whole NPU, cycle by cycle: its counters, of right programs, equal the RTL's."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from truncmac.descriptors import Operation, Region, split_address
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.counters import NPU_COUNTERS

from .banks import Banks
from .bus import MemoryTiming, ReadBus, Request, WriteBus
from .computing import Computing
from .descriptors import Descriptor, DescriptorReader
from .fetch import Beat, Fetcher
from .leaps import Leaper
from .moves import Loader, Storer

__all__ = ["NpuControl"]

DESCRIPTOR, PARAMETERS, WEIGHTS, LOAD = range(4)  # who reads, the first of them first
BETWEEN = 64  # cycles, at least, in which software reads and writes registers between programs
COMPUTES = (Operation.CONV, Operation.POOL, Operation.SHORTCUT)


@dataclass(frozen=True)
class _Seen:
    """What holds at the beginning of a cycle.

    Attributes
    ----------
    storing, loading : a STORE or LOAD is at work
    moving : or bytes are on their way to memory
    hears : who reads ahead may be told of a convolution
    over : the convolution or maximum pool ends
    word, room : a beat is to be written; there is room for one
    sum_asks : a sum's place in memory is asked for
    row : what a STORE asks for
    part : what a LOAD asks for
    """

    storing: bool
    loading: bool
    moving: bool
    hears: bool
    over: bool
    word: bool
    room: bool
    sum_asks: bool
    row: Request | None
    part: tuple[int, int, bool] | None


class NpuControl:
    """The NPU beside a memory. It runs programs one after the other, as it does in hardware.

    The programs must be right: one that ends in a fault is not followed.

    Parameters
    ----------
    config : the NPU
    timing : of the memory
    """

    def __init__(self, config: NpuConfig, timing: MemoryTiming | None = None) -> None:
        self.config = config
        timing = timing or MemoryTiming()
        size = config.bus_bytes
        self.fetcher = Fetcher(ReadBus(size, config.outstanding, timing), size)
        self.writes = WriteBus(size, timing)
        self.descriptors = DescriptorReader(size)
        self.computing = Computing(config.array, size)
        self.loader, self.storer = Loader(config.array, size), Storer(config.array, size)
        self.leaper = Leaper(self.computing)
        self.repeats = True  # what only repeats is leapt over
        self.cycle = 0
        self.state = "idle"
        self.at_hand = Descriptor(Operation.END, {})
        self.sum_asked = False  # the place of the sum at hand is asked for
        self.counts = dict.fromkeys(NPU_COUNTERS, 0)

    def run(self, program: bytes, bases: Mapping[Region, int], entry: int = 0) -> Mapping[str, int]:
        """Return the NPU's counters after a program, `cycles` and those of the core too.

        Parameters
        ----------
        program : the bytes of the program's region
        bases : address of each region's first byte on the bus
        entry : offset of the program's BEGIN in its region
        """
        self.bases = bases
        self.counts = dict.fromkeys(NPU_COUNTERS, 0)
        self.computing.core.clear()
        self.descriptors.start(program, entry)
        self.state, begun = "next", self.cycle
        while self.state != "idle":
            if self.computing.runs == "convolution" and self.repeats:
                self._skip()
            self._cycle()
        cycles = self.cycle - begun
        core = {f"core_{name}": count for name, count in self.computing.core.counts.items()}
        found = {**self.counts, **core, "cycles": cycles}
        for _ in range(BETWEEN):
            self._cycle()
        return found

    def _skip(self) -> None:
        """Leap over what only repeats, while nothing but a convolution is at work."""
        moves = self.loader.busy or self.storer.busy or not self.writes.idle
        # The reader of descriptors may be about to ask, or to tell of what is to be read ahead
        if moves or not self.fetcher.idle or not self.descriptors.waits(self.computing.hears):
            self.leaper.disturb()
            return
        counts = self.counts | {"cycle": self.cycle}
        self.leaper.skip(counts)
        self.cycle = counts.pop("cycle")
        self.counts = counts

    def _located(self, request: Request | None) -> Request | None:
        """A request for bytes of a region, as one of the bus."""
        if request is None:
            return None
        region, offset = split_address(request[0])
        return self.bases[region] + offset, request[1]

    def _look(self) -> _Seen:
        """What holds in this cycle, before anything changes."""
        self.fetcher.look()
        storing, sum_here = self.storer.busy, self.computing.sum_here
        word = self.storer.offers if storing else sum_here and self.sum_asked
        return _Seen(
            storing=storing,
            loading=self.loader.busy,
            moving=self.loader.busy or storing or word or not self.writes.empty,
            hears=self.computing.hears,
            over=self.computing.over,
            word=word,
            room=self.writes.ready,
            sum_asks=not storing and sum_here and not self.sum_asked and self.writes.room,
            row=self.storer.request if self.writes.room else None,
            part=self.loader.look(),
        )

    def _cycle(self) -> None:
        seen, fetcher = self._look(), self.fetcher
        who, request = self._asks(seen.part)
        to_write = self.computing.results.sum_request() if seen.sum_asks else seen.row
        sum_leaves = not seen.storing and seen.word and seen.room
        took, waited, held, ended = self.computing.tick(
            partial(self._move, seen, who == LOAD),
            self._beat(WEIGHTS),
            self._beat(PARAMETERS),
            asked={WEIGHTS: "weights", PARAMETERS: "parameters"}.get(who, ""),
            sum_leaves=sum_leaves,
        )
        self.sum_asked = (self.sum_asked or seen.sum_asks) and not sum_leaves
        beat, taken = fetcher.who == DESCRIPTOR, took or fetcher.who in (DESCRIPTOR, LOAD)
        self.counts["waiting_results"] += waited
        self.counts["waiting_residuals"] += held
        self.counts["written_beats"] += self.writes.tick(
            self.cycle, self._located(to_write), word=seen.word and seen.room
        )
        self.counts["read_beats"] += fetcher.tick(self.cycle, who, request, taken=taken)
        self._control(seen, over=seen.over or ended, asked=who == DESCRIPTOR, beat=beat)
        self.cycle += 1

    def _move(self, seen: _Seen, asks: bool, banks: Banks) -> None:
        """Pass a cycle of LOAD and STORE, which have the banks that nobody else needs."""
        bank = self.storer.reads(room=seen.room)
        stored = bank is not None and bank[0] != banks.group and banks.take(bank)
        loaded = banks.take(self.loader.writes())
        self.storer.tick(asked=seen.row is not None, room=seen.room, granted=stored)
        beat = self.fetcher.who == LOAD
        self.loader.tick(seen.part if asks else None, beat=beat, granted=loaded)

    def _beat(self, who: int) -> Beat | None:
        return self.fetcher.beat if self.fetcher.who == who else None

    def _asks(self, rows: tuple[int, int, bool] | None) -> tuple[int, Request | None]:
        """Whose request is taken, and it on the bus; -1 if there is none."""
        if not self.fetcher.room:
            return -1, None
        operands = self.computing.operands
        if (request := self.descriptors.request) is not None:
            return DESCRIPTOR, (self.bases[Region.PROGRAM] + request[0], request[1])
        if operands.parameters_wanted(self.computing.core.free_sets):
            return PARAMETERS, self._located(operands.parameters_request())
        if operands.weights_wanted:
            return WEIGHTS, self._located(operands.weights_request())
        if rows is not None:
            return LOAD, self._located(self.loader.request(rows))
        return -1, None

    def _control(self, seen: _Seen, *, over: bool, asked: bool, beat: bool) -> None:
        """Go on in the program, and count who is at work."""
        descriptors, told, given = self.descriptors, self.descriptors.told, self.descriptors.given
        taken = False
        if self.state == "next":
            held = given is not None and self._held(given, seen)
            self.counts["moving" if held else "fetching"] += 1
            taken = given is not None and not held
            if given is not None and taken:
                self._begin(given)
        elif self.state == "run":
            self._run(seen, over)
        elif self.state == "join":
            self.counts["moving"] += 1
            if not seen.moving:
                self.state = "next"
        heard = told is not None and seen.hears
        if told is not None and heard:
            self.computing.tell(told)
        descriptors.tick(asked=asked, beat=beat, heard=heard, taken=taken)

    def _begin(self, given: Descriptor) -> None:
        self.at_hand, self.state = given, "run"
        if given.operation in COMPUTES:
            self.computing.begin(given)

    def _run(self, seen: _Seen, over: bool) -> None:
        """Do the operation at hand."""
        operation, values = self.at_hand.operation, self.at_hand.values
        if operation in COMPUTES:
            self.counts["convolving" if operation == Operation.CONV else "passing"] += 1
            if over:
                self.computing.end()
                self.state = "join" if self._sums(self.at_hand) else "next"
            return
        self.counts["moving"] += 1
        if operation == Operation.BEGIN:
            self.state = "next"
        elif operation == Operation.END:
            self.state = "run" if seen.moving else "idle"
        elif not (seen.loading if operation == Operation.LOAD else seen.storing):
            (self.loader if operation == Operation.LOAD else self.storer).begin(values)
            self.state = "next" if values["beside"] else "join"

    def _held(self, given: Descriptor, seen: _Seen) -> bool:
        """Whether an operation must not begin yet."""
        if given.operation in (Operation.BEGIN, Operation.END):
            return False
        waits = bool(given.values["wait"]) and seen.moving
        return waits or (self._sums(given) and seen.storing)

    def _sums(self, descriptor: Descriptor) -> bool:
        """Whether an operation leaves sums in memory."""
        return descriptor.operation == Operation.CONV and bool(descriptor.values["raw"])
