"""Leaps over what only repeats, so that a long job costs no more time than a short one."""

from collections.abc import Mapping
from typing import Protocol

from .job import Job

__all__ = ["Repeating", "Strides"]

LEVELS = ("beat", "tile", "column")  # what repeats within what


class Repeating(Protocol):
    """A model that runs cycle by cycle and can pass whole repetitions at once."""

    beat: int

    def relative_state(self) -> tuple[int, ...]:
        """Return all that decides what happens next, apart from how much is left to do."""

    def totals(self) -> dict[str, int]:
        """Return all numbers that only count."""

    def repetitions(self, change: Mapping[str, int], job: Job) -> int:
        """Return how often `change` may be added before a stream that is read ahead ends."""

    def leap(self, change: Mapping[str, int], times: int) -> None:
        """Pass `times` repetitions of `change`."""


class Strides:
    """Skips what only repeats: beats of a tile, tiles of a column tile, column tiles of a job.

    Where two of them in a row begin in the same state, all that follow begin in it too, and only
    the last one ends differently.
    """

    def __init__(self, control: Repeating, job: Job) -> None:
        self.control = control
        self.job = job
        self.seen: dict[str, tuple[tuple[int, ...], dict[str, int]]] = {}
        self.at = (0, 0)

    def skip(self, accepted: int) -> int:
        """Skip repetitions at the start of a beat; return the number of tiles skipped."""
        control, job = self.control, self.job
        if (accepted, control.beat) == self.at:
            return 0
        if self.at != (accepted, control.beat - 1):
            self.seen.pop("beat", None)  # a beat was not looked at
        column, row = divmod(accepted - 1, job.row_tiles)
        tiles = 0
        if control.beat > 1:
            control.beat += self._leap("beat", job.beats - control.beat)
        elif row > 0:
            tiles = self._leap("tile", job.row_tiles - 1 - row)
        else:
            tiles = job.row_tiles * self._leap("column", job.column_tiles - 1 - column)
        self.at = (accepted + tiles, control.beat)
        return tiles

    def _leap(self, level: str, most: int) -> int:
        """Skip at most `most` repetitions of a level; return how many."""
        state, totals = self.control.relative_state(), self.control.totals()
        before = self.seen.get(level)
        for below in LEVELS[: LEVELS.index(level)]:
            self.seen.pop(below, None)
        self.seen[level] = state, totals
        if before is None or before[0] != state:
            return 0
        change = {name: value - before[1][name] for name, value in totals.items()}
        times = min(most, self.control.repetitions(change, self.job))
        self.control.leap(change, times)
        return times
