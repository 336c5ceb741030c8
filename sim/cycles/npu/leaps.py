"""Leaps over what only repeats in a convolution while nothing else is at work."""

from collections.abc import Mapping

from ..job import Job
from ..strides import Strides
from .computing import Computing
from .places import RowWalk

__all__ = ["Leaper"]


class Leaper:
    """Passes beats of a tile, or tiles of a column tile, that repeat those before them.

    Banks must not matter meanwhile: no map or byte is on its way, and where residual codes are read
    from the group that results are written to, only beats without either are passed. What is ahead
    of the core, windows, weights and rows, must not come to its end in a leap.

    Parameters
    ----------
    computing : that leaps
    """

    def __init__(self, computing: Computing) -> None:
        self.computing = computing
        self.core = computing.core
        self.strides = Strides(self, computing.job)
        self.counts: dict[str, int] = {}

    @property
    def beat(self) -> int:
        """Of the tile at work."""
        return self.core.beat

    @beat.setter
    def beat(self, value: int) -> None:
        self.core.beat = value

    def disturb(self) -> None:
        """Something else is at work: what was seen before says nothing of what follows."""
        self.strides.seen.clear()

    def skip(self, counts: dict[str, int]) -> None:
        """Leap, if the core is at the beginning of a beat; `counts` has all that only counts."""
        computing, core = self.computing, self.core
        if not core.busy or core.chunk or not computing.accepted or self._banks_matter():
            return
        if self.strides.job is not computing.job:
            self.strides = Strides(self, computing.job)
        self.counts = counts
        computing.accepted += self.strides.skip(computing.accepted)

    def _banks_matter(self) -> bool:
        """Whether words may wait for banks at the beginning of this beat."""
        computing = self.computing
        if computing.results.raw:
            return True
        waits = any(computing.results.queues) or any(p.words for p in computing.residuals.ports)
        return computing.meets and (self.core.beat == 1 or waits)

    def _beats(self) -> int:
        """Beats of the job that the core has taken, at the beginning of one."""
        return (self.computing.accepted - 1) * self.computing.job.beats + self.core.beat - 1

    def relative_state(self) -> tuple[int, ...]:
        """Return all that decides what happens next, apart from how much is left to do."""
        computing, beats = self.computing, self._beats()
        operands, buffer = computing.operands, computing.operands.buffer
        rows = computing.accepted * computing.config.rows
        results, residuals, windows = computing.results, computing.residuals, computing.windows
        column = computing.job.row_tiles * computing.job.beats
        chunks = buffer.filled[0].words // computing.job.beats if buffer.filled else 0
        ports = (v for p in residuals.ports for v in (len(p.words), p.codes, p.held))
        return (
            *self.core.relative_state(),
            *(windows.given - beats, *windows.stages, windows.row, windows.held, *windows.pixels),
            *(results.walk.index - rows, results.turn, *map(len, results.queues)),
            *(residuals.walk.index - rows, residuals.asked, residuals.here, *ports),
            *(buffer.free, len(buffer.asked), len(buffer.filled), buffer.loaded, buffer.valid),
            *(buffer.read - beats % column * chunks, buffer.used, operands.layer is None),
            *(operands.column, operands.first_weights, operands.first_parameters),
        )

    @property
    def _walks(self) -> dict[str, RowWalk]:
        """What counts rows, by the name of its count."""
        computing = self.computing
        return {"result_rows": computing.results.walk, "residual_rows": computing.residuals.walk}

    def totals(self) -> dict[str, int]:
        """Return all numbers that only count."""
        computing = self.computing
        return {
            **self.core.totals(),
            **{f"npu_{name}": count for name, count in self.counts.items()},
            "given": computing.windows.given,
            "read": computing.operands.buffer.read,
            **{name: walk.index for name, walk in self._walks.items()},
        }

    def repetitions(self, change: Mapping[str, int], job: Job) -> int:
        """Return how often `change` may be added before something that is ahead ends."""
        computing = self.computing
        buffer, taps = computing.operands.buffer, computing.windows.taps
        block = buffer.filled[0].words * buffer.filled[0].row_tiles if buffer.filled else 0
        ends = [
            (taps.count if taps else 0, computing.windows.given, change["given"]),
            (block, buffer.read, change["read"]),
            *((walk.count, walk.index, change[name]) for name, walk in self._walks.items()),
        ]
        return min((max(end - 1 - at, 0) // each for end, at, each in ends if each), default=0)

    def leap(self, change: Mapping[str, int], times: int) -> None:
        """Pass `times` repetitions of `change`."""
        computing = self.computing
        self.core.leap(change, times)
        for name in self.counts:
            self.counts[name] += times * change[f"npu_{name}"]
        computing.windows.given += times * change["given"]
        computing.operands.buffer.read += times * change["read"]
        for name, walk in self._walks.items():
            if change[name]:
                walk.step(times * change[name])
