"""Cycles of an NPU's operations in closed form, for many NPUs and k at once.

Every event follows a fixed time after the last of some others, as in the core's closed form. What
is read ahead comes in the order in which it was asked for.
"""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from truncmac.golden.types import Integers

from ..points import LONG_AGO
from .columns import Columns, Convolution, State
from .sizes import NpuSizes

__all__ = ["Timeline"]

CHECK = 2  # from a descriptor's last beat until it is given, or told to who reads ahead
MOMENTS = ("now", "decoded", "heard", "loading", "writing", "beside")
PAST = 1 << 12  # cycles, after which nothing depends on when something happened
WRITTEN = 4  # from a STORE's last beat until the memory has answered


class Timeline:
    """Passes one operation after the other.

    Parameters
    ----------
    npus : that are counted
    shape : of what is counted, (NPUs, bit-widths)
    """

    def __init__(self, npus: NpuSizes, shape: tuple[int, ...]) -> None:
        self.npus = npus
        ago = np.full(shape, LONG_AGO)
        self.state = State(ago, ago, ago, ago, ago, ago)
        self.now = np.zeros(shape, np.int64)  # the controller can take an operation
        self.heard = ago  # a convolution can be told to who reads ahead
        self.loading = self.writing = ago  # a LOAD, a STORE can begin
        self.beside = ago  # all that runs beside is over
        self.fresh = True  # no convolution came before
        self._describe(self.now - 1)

    def _describe(self, taken: Integers) -> None:
        """Read the next descriptor; the one before was taken then."""
        self.decoded = self.npus.served(self.state.bus, taken + 1, self.npus.descriptor_beats)
        self.state = replace(self.state, bus=self.decoded)

    def pass_on(self, cycles: Integers, *, waits: bool = False) -> tuple[Integers, Integers]:
        """Pass a pool or shortcut of so many cycles; when it is taken and over."""
        taken = self._taken(self.decoded + CHECK, waits=waits)
        self._describe(taken)
        self.now = taken + cycles + 1
        return taken, taken + cycles

    def load(
        self, cycles: Integers, ahead: Integers, *, waits: bool = False, beside: bool = False
    ) -> tuple[Integers, Integers]:
        """Pass a LOAD of so many cycles; when it is taken and over.

        Parameters
        ----------
        ahead : beats that it reads at once, before what is asked for later
        """
        taken, begins = self._begin(self.loading, waits=waits)
        bus = self.npus.served(self.state.bus, begins, ahead)
        self.state = replace(self.state, bus=bus)
        self.loading = begins + cycles + 1
        self.beside = np.maximum(self.beside, self.loading)
        self.now = begins + 1 if beside else self.loading + 1
        return taken, self.loading

    def store(
        self, cycles: Integers, *, waits: bool = False, beside: bool = False
    ) -> tuple[Integers, Integers]:
        """Pass a STORE of so many cycles; when it is taken and over."""
        taken, begins = self._begin(self.writing, waits=waits)
        self.writing = begins + cycles + 1
        over = self.writing + WRITTEN + self.npus.latency
        self.beside = np.maximum(self.beside, over)
        self.now = begins + 1 if beside else over + 1
        return taken, over

    def _begin(self, free: Integers, *, waits: bool) -> tuple[Integers, Integers]:
        """When a LOAD or STORE is taken, and begins, if what does it is free then."""
        taken = self._taken(self.decoded + CHECK, waits=waits)
        self._describe(taken)
        return taken, np.maximum(taken + 1, free)

    def moments(self) -> Mapping[str, Integers]:
        """All times on which what follows depends."""
        own = {name: getattr(self, name) for name in MOMENTS}
        return own | {f.name: getattr(self.state, f.name) for f in fields(State)}

    def repeats(self, before: Mapping[str, Integers]) -> bool:
        """Whether all times are later by the same than they were, but for what is long past."""
        shift = self.now - before["now"]
        return all(
            bool(np.all((moment - before[name] == shift) | (moment < self.now - PAST)))
            for name, moment in self.moments().items()
        )

    def leap(self, before: Mapping[str, Integers], times: int) -> None:
        """Let what happened since `before` happen some times more."""
        shift = times * (self.now - before["now"])
        moved = {name: moment + shift for name, moment in self.moments().items()}
        for name in MOMENTS:
            setattr(self, name, moved[name])
        self.state = State(**{field.name: moved[field.name] for field in fields(State)})

    def over(self) -> Integers:
        """Pass the END; the cycles of the program, from its start on."""
        taken = self._taken(self.decoded + CHECK, waits=False)
        return np.maximum(taken + 1, self.beside) + 2

    def _taken(self, given: Integers, *, waits: bool) -> Integers:
        """When an operation is taken that is given then."""
        taken = np.maximum(self.now, given)
        return np.maximum(taken, self.beside) if waits else taken

    def convolve(self, conv: Convolution, *, waits: bool = False) -> tuple[Integers, Integers]:
        """Pass a convolution; when it is taken and over."""
        told = np.maximum(self.decoded + CHECK, self.heard)
        taken = self._taken(told + 1, waits=waits)
        columns = Columns(self.npus, conv, told, taken)
        self.state, self.decoded, self.heard = columns.count(self.state, fresh=self.fresh)
        over = self.state.end + 1 + self.npus.latencies.left
        if conv.raw:
            over = over + columns.queued
        elif conv.whole:
            over = over + self.npus.row_words * (self.npus.rows_at_once if conv.crowded else 1)
        self.now, self.fresh = over + 1, False
        return taken, over
