"""Column tiles of convolutions in closed form: when each ends, and what it waits for."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from truncmac.descriptors import PARAMETER_BYTES
from truncmac.golden.types import Integers
from truncmac.integers import ceil_div

from ..latencies import FIFO_DEPTH
from ..points import LONG_AGO
from .sizes import NpuSizes

__all__ = ["Columns", "Convolution", "State"]

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
class State:
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


class Columns:
    """The column tiles of one convolution.

    Parameters
    ----------
    npus : that are counted
    conv : the convolution
    told, taken : when who reads ahead is told of it, and when it is taken
    """

    def __init__(self, npus: NpuSizes, conv: Convolution, told: Integers, taken: Integers) -> None:
        self.npus, self.conv, self.told, self.taken = npus, conv, told, taken
        array = npus.array
        self.released = npus.latencies.released
        word = np.maximum(array.weight_bytes // npus.bus_bytes, 1)  # beats
        self.weights = conv.beats * conv.chunks * word
        beat = np.maximum(conv.chunks, conv.gap)
        self.tile, self.slack = conv.beats * beat, beat - conv.chunks
        self.interval = array.interval
        # Cycles of sums that leave the edge's queue while the next tile is computed
        queue = FIFO_DEPTH * (self.npus.requantisers - 1)
        self.queued = np.clip(self.tile - self.interval, 0, queue)
        self.described, self.decoded = taken + 1, np.full_like(taken, LONG_AGO)

    def count(self, before: State, *, fresh: bool) -> tuple[State, Integers, Integers]:
        """Pass all.

        Parameters
        ----------
        before : the state in which the operation before left the NPU
        fresh : no convolution came before

        Returns
        -------
        the state after it; when the next descriptor is here; when the next convolution can be told
        """
        shape = self.taken.shape
        columns = np.broadcast_to(ceil_div(self.conv.channels, self.npus.array.cols), shape)
        state = self._column(before, np.zeros(shape, np.int64), first=True, free=fresh)
        index = np.ones(shape, np.int64)
        while np.any(active := index < columns):
            after = self._column(state, index, free=fresh, active=active)
            # What repeats is passed at once, but for the last, which may be narrower
            same = active & _alike(state, after) & (self.described == NEVER)
            times = np.where(same, np.maximum(columns - 2 - index, 0), 0)
            state = _chosen(active, _moved(after, times * (after.end - state.end)), state)
            index, fresh = index + np.where(active, 1 + times, 0), False
        late = self.npus.served(state.bus, self.described, self.npus.descriptor_beats)
        waits = self.described != NEVER
        heard = state.asked if self.conv.raw else np.maximum(state.asked, state.handed)
        state = replace(state, bus=np.where(waits, late, state.bus))
        return state, np.where(waits, late, self.decoded), heard + 2

    def _column(
        self,
        before: State,
        index: Integers,
        *,
        first: bool = False,
        free: bool = False,
        active: npt.NDArray[np.bool_] | None = None,
    ) -> State:
        """Pass a column tile; `free`: it needs no set or bank that was in use.

        Where it is not `active` there are no more, and what is returned means nothing.
        """
        asked, wanted = before.asked + 1, before.handed + 1
        ready: Integers | int = LONG_AGO
        if first:
            asked, wanted = self.told + 1, self.told + 1
            ready = self.taken + WINDOW + self.conv.gap - 1
        if not free:
            asked = np.maximum(asked, before.read + 1)
            wanted = np.maximum(wanted, before.claimed + self.released + 1)
        if not self.conv.raw:
            asked = asked + (asked == wanted)
        bus, whole, handed = self._fetch(before, index, asked, wanted, active)
        read = np.maximum(whole + 1, before.end)
        begin = np.maximum(np.maximum(read, before.end + (0 if first else self.slack)) + 1, ready)
        end = np.maximum(begin + self.tile - self.slack - 1, before.end + self.interval)
        claimed = before.claimed
        if not self.conv.raw:
            claimed = end = np.maximum(end, handed + 1)
        end = end + (self.conv.tiles - 1) * np.maximum(self.tile, self.interval)
        return State(bus, asked, read, handed, claimed, end + self._held(index))

    def _fetch(
        self,
        before: State,
        index: Integers,
        asked: Integers,
        wanted: Integers,
        active: npt.NDArray[np.bool_] | None,
    ) -> tuple[Integers, Integers, Integers]:
        """Read weights that are asked for, and parameters that are wanted, the earlier ones first.

        The next descriptor comes among them. Returns when the bus has done all, when the weights
        are here, and when the core has the parameters.
        """
        cols = self.npus.array.cols
        count = np.clip(self.conv.channels - index * cols, 0, cols)
        parameters = count * np.maximum(PARAMETER_BYTES // self.npus.bus_bytes, 1)
        last = asked
        if self.conv.raw:
            parameters, wanted = 0 * parameters, asked
        else:
            last = np.maximum(asked, wanted)
        comes = self.described < last
        if active is not None:
            comes = comes & active
        descriptor = np.where(comes, self.npus.descriptor_beats, 0)
        times = np.stack(np.broadcast_arrays(asked, wanted, self.described))
        beats = np.stack(np.broadcast_arrays(self.weights, parameters, descriptor))
        bus, done = before.bus, np.empty_like(times)
        for place in np.argsort(times, axis=0, kind="stable"):
            some = place[None]
            amount = np.take_along_axis(beats, some, 0)[0]
            here = self.npus.served(bus, np.take_along_axis(times, some, 0)[0], amount)
            bus = np.where(amount > 0, here, bus)
            np.put_along_axis(done, some, bus[None], 0)
        self.decoded = np.where(comes, done[2], self.decoded)
        self.described = np.where(comes, NEVER, self.described)
        return bus, done[0], before.handed if self.conv.raw else done[1] + cols - count

    def _held(self, index: Integers) -> Integers:
        """Cycles in which the array waits because sums leave one by one, those outside at once."""
        if not self.conv.raw:
            return np.zeros_like(index)
        units, cols = self.npus.requantisers, self.npus.array.cols
        inside = self.conv.pixels * np.minimum(self.conv.channels - index * cols, cols)
        passed = self.conv.tiles * (self.interval * (units - 1) - self.queued)
        return np.maximum(passed + inside, 0)


def _moved(state: State, cycles: Integers) -> State:
    return State(*(getattr(state, field.name) + cycles for field in fields(State)))


def _chosen(where: npt.NDArray[np.bool_], one: State, other: State) -> State:
    names = [field.name for field in fields(State)]
    return State(*(np.where(where, getattr(one, name), getattr(other, name)) for name in names))


def _alike(before: State, after: State) -> npt.NDArray[np.bool_]:
    """Whether a column tile took as long as the one before, in all that it did."""
    shift = after.end - before.end
    same = np.ones(shift.shape, bool)
    for field in fields(State):
        same &= getattr(after, field.name) - getattr(before, field.name) == shift
    return same
