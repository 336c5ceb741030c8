"""Cycles of an NPU's operations in closed form, for many NPUs and k at once."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from truncmac.descriptors import DESCRIPTOR_BYTES, PARAMETER_BYTES
from truncmac.golden.types import Integers
from truncmac.integers import ceil_div

from ..latencies import FIFO_DEPTH
from ..points import LONG_AGO
from .sizes import NpuSizes

__all__ = ["Convolution", "Timeline"]

ANSWER = 2  # cycles from a request's cycle to its first beat, beside the memory's latency
CHECK = 2  # from a descriptor's last beat until it is given, or told to who reads ahead
WRITTEN = 4  # from a STORE's last beat until the memory has answered
WINDOW = 4  # from the cycle in which a convolution is taken to its first word of activations
NEVER = 1 << 60


@dataclass(frozen=True)
class Convolution:
    """A convolution: arrays that broadcast with the NPUs.

    Attributes
    ----------
    beats : of its reduction
    chunks : of its weights
    tiles : of its output pixels
    channels : of its output
    pixels : of its output
    raw : whether it leaves sums in memory
    gap : cycles of a beat of activations: 1, or more where their pixels lie in the same bank
    whole : whether the last row of its last tile is inside
    crowded : whether the last two rows of a tile are written to one bank
    """

    beats: Integers
    chunks: Integers
    tiles: Integers
    channels: Integers
    pixels: Integers
    raw: bool
    gap: Integers
    whole: bool
    crowded: bool


@dataclass(frozen=True)
class _State:
    """When things happened last, cycles from the program's start.

    bus : the last beat came of all that was asked for
    asked : a block of weights was asked for
    read : its first word was read
    handed : the core had the last set of parameters
    claimed : this set began to be used
    end : the last chunk entered the array
    """

    bus: Integers
    asked: Integers
    read: Integers
    handed: Integers
    claimed: Integers
    end: Integers


class Timeline:
    """Passes one operation after the other.

    Parameters
    ----------
    npus : that are counted
    shape : of what is counted, (NPUs, bit-widths)
    """

    def __init__(self, npus: NpuSizes, shape: tuple[int, ...]) -> None:
        self.npus, self.array, self.latencies = npus, npus.array, npus.latencies
        self.answer = ANSWER + npus.latency
        self.descriptor = DESCRIPTOR_BYTES // npus.bus_bytes  # beats
        ago = np.full(shape, LONG_AGO)
        self.state = _State(ago, ago, ago, ago, ago, ago)
        self.now = np.zeros(shape, np.int64)  # the controller can take an operation
        self.heard = ago  # a convolution can be told to who reads ahead
        self.loading = self.writing = ago  # a LOAD, a STORE can begin
        self.beside = ago  # all that runs beside is over
        self.fresh = True  # no convolution came before
        self._describe(self.now - 1)

    def served(self, bus: Integers, asked: Integers, beats: Integers) -> Integers:
        """When the last beat comes of what is asked for; what came before keeps the bus busy."""
        return np.maximum(bus, asked + self.answer) + beats

    def _describe(self, taken: Integers) -> None:
        """Read the next descriptor; the one before was taken then."""
        self.decoded = self.served(self.state.bus, taken + 1, self.descriptor)
        self.state = replace(self.state, bus=self.decoded)

    def pass_on(self, cycles: Integers, *, waits: bool = False) -> Integers:
        """Pass a pool or shortcut of so many cycles; returns the cycle in which it is taken."""
        taken = self._taken(self.decoded + CHECK, waits=waits)
        self._describe(taken)
        self.now = taken + cycles + 1
        return taken

    def load(
        self, cycles: Integers, ahead: Integers, *, waits: bool = False, beside: bool = False
    ) -> Integers:
        """Pass a LOAD of so many cycles; returns the cycle in which it is taken.

        Parameters
        ----------
        ahead : beats that it reads at once, before what is asked for later
        """
        taken, begins = self._begin(self.loading, waits=waits)
        bus = self.served(self.state.bus, begins, ahead)
        self.state = replace(self.state, bus=bus)
        self.loading = begins + cycles + 1
        self.beside = np.maximum(self.beside, self.loading)
        self.now = begins + 1 if beside else self.loading + 1
        return taken

    def store(self, cycles: Integers, *, waits: bool = False, beside: bool = False) -> Integers:
        """Pass a STORE of so many cycles; returns the cycle in which it is taken."""
        taken, begins = self._begin(self.writing, waits=waits)
        self.writing = begins + cycles + 1
        over = self.writing + WRITTEN + self.npus.latency
        self.beside = np.maximum(self.beside, over)
        self.now = begins + 1 if beside else over + 1
        return taken

    def _begin(self, free: Integers, *, waits: bool) -> tuple[Integers, Integers]:
        """When a LOAD or STORE is taken, and begins, if what does it is free then."""
        taken = self._taken(self.decoded + CHECK, waits=waits)
        self._describe(taken)
        return taken, np.maximum(taken + 1, free)

    def over(self) -> Integers:
        """Pass the END; the cycles of the program, from its start on."""
        taken = self._taken(self.decoded + CHECK, waits=False)
        return np.maximum(taken + 1, self.beside) + 2

    def _taken(self, given: Integers, *, waits: bool) -> Integers:
        """When an operation is taken that is given then."""
        taken = np.maximum(self.now, given)
        return np.maximum(taken, self.beside) if waits else taken

    def convolve(self, conv: Convolution, *, waits: bool = False) -> tuple[Integers, Integers]:
        """Pass a convolution; returns the cycles in which it is taken and over."""
        told = np.maximum(self.decoded + CHECK, self.heard)
        taken = self._taken(told + 1, waits=waits)
        columns = _Columns(self, conv, told, taken)
        columns.count()
        over = self.state.end + 1 + self.latencies.left
        if conv.raw:
            over = over + columns.queued
        elif conv.whole:
            over = over + self.npus.row_words * (self.npus.rows_at_once if conv.crowded else 1)
        self.now, self.fresh = over + 1, False
        return taken, over


class _Columns:
    """The column tiles of one convolution.

    Parameters
    ----------
    line : that it is a part of
    told, taken : when who reads ahead is told of the convolution, and when it is taken
    """

    def __init__(self, line: Timeline, conv: Convolution, told: Integers, taken: Integers) -> None:
        self.line, self.conv, self.told, self.taken = line, conv, told, taken
        array = line.array
        self.weights = (
            conv.beats * conv.chunks * np.maximum(array.weight_bytes // line.npus.bus_bytes, 1)
        )
        beat = np.maximum(conv.chunks, conv.gap)
        self.tile, self.slack = conv.beats * beat, beat - conv.chunks
        self.interval = array.interval
        # Cycles of sums that leave the edge's queue while the next tile is computed
        queue = FIFO_DEPTH * (line.npus.requantisers - 1)
        self.queued = np.clip(self.tile - self.interval, 0, queue)
        self.described, self.decoded = taken + 1, np.full_like(taken, LONG_AGO)

    def count(self) -> None:
        """Pass all."""
        line, shape = self.line, self.taken.shape
        columns = np.broadcast_to(ceil_div(self.conv.channels, line.array.cols), shape)
        state = self._column(line.state, np.zeros(shape, np.int64), first=True, free=line.fresh)
        index, free = np.ones(shape, np.int64), line.fresh
        while np.any(active := index < columns):
            after = self._column(state, index, free=free)
            # What repeats is passed at once, but for the last, which may be narrower
            same = active & _alike(state, after) & (self.described == NEVER)
            times = np.where(same, np.maximum(columns - 2 - index, 0), 0)
            state = _chosen(active, _moved(after, times * (after.end - state.end)), state)
            index, free = index + np.where(active, 1 + times, 0), False
        late = line.served(state.bus, self.described, line.descriptor)
        waits = self.described != NEVER
        line.decoded = np.where(waits, late, self.decoded)
        line.state = replace(state, bus=np.where(waits, late, state.bus))
        line.heard = (state.asked if self.conv.raw else np.maximum(state.asked, state.handed)) + 2

    def _column(
        self, before: _State, index: Integers, *, first: bool = False, free: bool = False
    ) -> _State:
        """Pass a column tile; `free`: it needs no set or bank that was in use."""
        asked, wanted = before.asked + 1, before.handed + 1
        ready: Integers | int = LONG_AGO
        if first:
            asked, wanted = self.told + 1, self.told + 1
            ready = self.taken + WINDOW + self.conv.gap - 1
        if not free:
            asked = np.maximum(asked, before.read + 1)
            wanted = np.maximum(wanted, before.claimed + self.line.latencies.released + 1)
        if not self.conv.raw:
            asked = asked + (asked == wanted)
        bus, whole, handed = self._fetch(before, index, asked, wanted)
        read = np.maximum(whole + 1, before.end)
        begin = np.maximum(np.maximum(read, before.end + (0 if first else self.slack)) + 1, ready)
        end = np.maximum(begin + self.tile - self.slack - 1, before.end + self.interval)
        claimed = before.claimed
        if not self.conv.raw:
            claimed = end = np.maximum(end, handed + 1)
        end = end + (self.conv.tiles - 1) * np.maximum(self.tile, self.interval)
        return _State(bus, asked, read, handed, claimed, end + self._held(index))

    def _fetch(
        self, before: _State, index: Integers, asked: Integers, wanted: Integers
    ) -> tuple[Integers, Integers, Integers]:
        """Read weights that are asked for, and parameters that are wanted, the earlier ones first.

        The next descriptor comes among them. Returns when the bus has done all, when the weights
        are here, and when the core has the parameters.
        """
        line, cols = self.line, self.line.array.cols
        count = np.clip(self.conv.channels - index * cols, 0, cols)
        parameters = count * np.maximum(PARAMETER_BYTES // line.npus.bus_bytes, 1)
        last = asked
        if self.conv.raw:
            parameters, wanted = 0 * parameters, asked
        else:
            last = np.maximum(asked, wanted)
        comes = self.described < last
        descriptor = np.where(comes, line.descriptor, 0)
        times = np.stack(np.broadcast_arrays(asked, wanted, self.described))
        beats = np.stack(np.broadcast_arrays(self.weights, parameters, descriptor))
        bus, done = before.bus, np.empty_like(times)
        for place in np.argsort(times, axis=0, kind="stable"):
            some = place[None]
            amount = np.take_along_axis(beats, some, 0)[0]
            here = line.served(bus, np.take_along_axis(times, some, 0)[0], amount)
            bus = np.where(amount > 0, here, bus)
            np.put_along_axis(done, some, bus[None], 0)
        self.decoded = np.where(comes, done[2], self.decoded)
        self.described = np.where(comes, NEVER, self.described)
        return bus, done[0], before.handed if self.conv.raw else done[1] + cols - count

    def _held(self, index: Integers) -> Integers:
        """Cycles in which the array waits because sums leave one by one, those outside at once."""
        if not self.conv.raw:
            return np.zeros_like(index)
        units, cols = self.line.npus.requantisers, self.line.array.cols
        inside = self.conv.pixels * np.minimum(self.conv.channels - index * cols, cols)
        passed = self.conv.tiles * (self.interval * (units - 1) - self.queued)
        return np.maximum(passed + inside, 0)


def _moved(state: _State, cycles: Integers) -> _State:
    return _State(*(getattr(state, field.name) + cycles for field in fields(_State)))


def _chosen(where: npt.NDArray[np.bool_], one: _State, other: _State) -> _State:
    names = [field.name for field in fields(_State)]
    return _State(*(np.where(where, getattr(one, name), getattr(other, name)) for name in names))


def _alike(before: _State, after: _State) -> npt.NDArray[np.bool_]:
    """Whether a column tile took as long as the one before, in all that it did."""
    shift = after.end - before.end
    same = np.ones(shift.shape, bool)
    for field in fields(_State):
        same &= getattr(after, field.name) - getattr(before, field.name) == shift
    return same
