"""Cycles of matrix products in closed form: the core's counters, for many points at once.

The core's control is a timed event graph: each event happens when the last of a few others is a
fixed number of cycles past (Baccelli et al., Synchronization and Linearity, 1992). So a tile's
end follows from the end of the one before by maxima and sums, equal tiles repeat or drift by a
constant, and sums over them have a formula. Everything is an integer, and equal to the RTL's
counters and to `sim.control`, cycle by cycle.

Streams may need several cycles a word, but results must be taken at full speed, and residual
codes come at least every `share` cycles: what holds the whole array is left to `sim.control`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm
from truncmac.golden.types import Integers
from truncmac.hw.config import ArrayConfig
from truncmac.hw.requantiser import parameters_layout
from truncmac.integers import ceil_div

from .control import Latencies

__all__ = ["Counts", "Products", "Sizes", "Start", "count_jobs", "count_sequence"]

LONG_AGO = -(1 << 40)  # cycles: before all that matters
RESTART = 3  # cycles from the last active one of a job to the next job's first


@dataclass(frozen=True)
class Sizes:
    """Sizes of arrays, int64 arrays that broadcast with the points."""

    rows: Integers
    cols: Integers
    lanes: Integers
    planes: Integers
    share: Integers
    depth: Integers  # clusters along the rows
    passage: Integers  # cycles in which a row of sums passes the output units
    parameter_bytes: Integers  # of the requantisation parameters of a column

    @classmethod
    def of(cls, configs: ArrayConfig | Sequence[ArrayConfig]) -> "Sizes":
        """Those of one array (of shape ()) or of several (of shape (n,))."""
        if isinstance(configs, ArrayConfig):
            return cls(*map(np.array, _sizes(configs)))
        return cls(*map(np.array, zip(*map(_sizes, configs), strict=True)))

    @property
    def weight_bytes(self) -> Integers:
        """Bytes of a word of weights: a chunk of each lane of each column."""
        return ceil_div(self.cols * self.lanes * self.planes, 8)

    @property
    def interval(self) -> Integers:
        """Cycles between the ends of two tiles, at least."""
        return self.rows * self.share


@lru_cache(maxsize=1 << 16)  # an exploration meets the same arrays again, with other memories
def _sizes(config: ArrayConfig) -> tuple[int, ...]:
    parameters = ceil_div(parameters_layout(config).size, 8)
    timing = config.share, config.depth, config.passage
    return config.rows, config.cols, config.lanes, config.planes, *timing, parameters


@dataclass(frozen=True)
class Products:
    """Matrix products M x K by K x N at k bits: arrays that broadcast with the sizes.

    Attributes
    ----------
    rows, reduction, columns : int64, M, K and N
    bits : int64, k
    fresh : bool, outputs are requantised: each column tile takes a set of parameters
    """

    rows: Integers
    reduction: Integers
    columns: Integers
    bits: Integers
    fresh: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, gemms: Sequence[Gemm]) -> "Products":
        """Those of `gemms`, arrays (n,)."""
        names = ("rows", "reduction", "columns", "bits")
        sizes = {name: np.array([getattr(gemm, name) for gemm in gemms]) for name in names}
        return cls(**sizes, fresh=np.array([gemm.requant is not None for gemm in gemms]))


@dataclass(frozen=True)
class Counts:
    """The core's counters, int64 arrays; see `hw.counters.COUNTERS`."""

    cycles: Integers
    busy: Integers
    chunks: Integers
    beats: Integers
    tiles: Integers
    stalled_activations: Integers
    stalled_weights: Integers
    stalled_parameters: Integers
    stalled_drain: Integers
    stalled_output: Integers

    def arrays(self) -> dict[str, Integers]:
        """The counters by name, all of one shape."""
        values = (getattr(self, field.name) for field in fields(self))
        names = (field.name for field in fields(self))
        return dict(zip(names, np.broadcast_arrays(*values), strict=True))

    def rows(self) -> list[dict[str, int]]:
        """Counters of each point by name; the points must be of shape (n,)."""
        columns = {name: array.tolist() for name, array in self.arrays().items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@dataclass(frozen=True)
class Start:
    """What was before a job: cycles, counted from the first in which it is at work.

    Attributes
    ----------
    end, beat : the last tile's last chunk, and its last activations
    loaded : the last parameter of the sets loaded so far
    freed : from here on there is room for another set
    unused : no set was claimed yet
    """

    end: Integers
    beat: Integers
    loaded: Integers
    freed: Integers
    unused: npt.NDArray[np.bool_]

    @classmethod
    def at_reset(cls, parameters: npt.ArrayLike = 1) -> "Start":
        """The job's tile is taken in the first cycle after reset; streams go on at once."""
        before = np.array(LONG_AGO)
        return cls(before, before, -1 - np.asarray(parameters), before, np.array(True))

    @classmethod
    def warm(cls) -> "Start":
        """A job has run before, and the first set of parameters of this one is loaded."""
        before = np.array(LONG_AGO)
        return cls(before, before, before, before, np.array(False))


def count_jobs(
    products: Products,
    sizes: Sizes,
    start: Start,
    *,
    activations: npt.ArrayLike = 1,
    weights: npt.ArrayLike = 1,
    parameters: npt.ArrayLike = 1,
) -> tuple[Counts, Start]:
    """Counters of each product, and what is before the job that follows it.

    Parameters
    ----------
    activations, weights, parameters : cycles that these streams need for a word
    """
    job = _Job(products, sizes, *map(np.asarray, (activations, weights, parameters)))
    return job.count(start)


def count_sequence(
    products: Products,
    sizes: Sizes,
    *,
    activations: npt.ArrayLike = 1,
    weights: npt.ArrayLike = 1,
    parameters: npt.ArrayLike = 1,
) -> Counts:
    """Counters of products that run one after the other from reset, along the last axis.

    Nearly always a job finds its parameters loaded whatever ran before it. So all jobs are
    counted at once, from a guess of what was before each, until the guesses are right.
    """
    gaps = np.broadcast_arrays(activations, weights, parameters)
    reset = Start.at_reset(gaps[2])
    guess = reset
    while True:
        counts, after = count_jobs(
            products, sizes, guess, activations=gaps[0], weights=gaps[1], parameters=gaps[2]
        )
        names = [field.name for field in fields(Start)]
        shifted: dict[str, Any] = {
            name: _shifted(getattr(reset, name), getattr(after, name), counts.cycles.shape)
            for name in names
        }
        found = Start(**shifted)
        if all(np.array_equal(getattr(found, name), getattr(guess, name)) for name in names):
            return counts
        guess = found


def _shifted(first: Integers, after: Integers, shape: tuple[int, ...]) -> Integers:
    """`after` one place later along the last axis, `first` in its first place."""
    result = np.empty(shape, after.dtype)
    result[..., :1] = first[..., :1] if first.ndim else first
    result[..., 1:] = np.broadcast_to(after, shape)[..., :-1]
    return result


@dataclass(frozen=True)
class _Column:
    """Where a column tile leaves the job, and what it adds to the counters."""

    end: Integers
    beat: Integers
    loaded: Integers
    freed: Integers
    unused: npt.NDArray[np.bool_]
    stalled_activations: Integers
    stalled_weights: Integers
    stalled_parameters: Integers
    stalled_drain: Integers


STALLS = ("stalled_activations", "stalled_weights", "stalled_parameters", "stalled_drain")
TIMES = ("end", "beat", "loaded", "freed")


class _Job:
    """The terms of one product's recurrences.

    A tile's first chunk enters at f, its last beat's first chunk at u = f + (beats - 1) p and its
    last chunk at e = u + (chunks - 1) w + d, where a beat takes p = max(chunks w, a) cycles, w
    and a are those of a word of weights and of activations, and d is the delay by a tile before
    that drains, or by parameters. Within a column tile d is d_2 + (i - 2) drift from the second
    tile on, between 0 and a most.
    """

    def __init__(
        self,
        products: Products,
        sizes: Sizes,
        activations: Integers,
        weights: Integers,
        parameters: Integers,
    ) -> None:
        self.fresh = products.fresh
        self.row_tiles = ceil_div(products.rows, sizes.rows)
        self.column_tiles = ceil_div(products.columns, sizes.cols)
        self.beats = ceil_div(products.reduction, sizes.lanes)
        self.chunks = ceil_div(products.bits, sizes.planes)
        self.activation, self.weight, self.parameter = activations, weights, parameters
        self.set_load = (sizes.cols - 1) * parameters
        self.interval = sizes.interval
        self.latencies = Latencies.of(
            sizes.rows,  # type: ignore[arg-type]
            sizes.depth,  # type: ignore[arg-type]
            sizes.passage,  # type: ignore[arg-type]
            sizes.share,  # type: ignore[arg-type]
        )
        self.beat_time = np.maximum(self.chunks * weights, activations)
        self.last_beat = (self.chunks - 1) * weights
        self.tile_time = self.beats * self.beat_time
        self.single = self.chunks == 1
        self.drift = self.interval - self.tile_time
        self.slack = activations - self.chunks * weights  # of weights in a beat, if positive
        self.reach = np.maximum(self.slack, 0)
        self.most = self.reach + np.maximum(self.drift, 0)

    def count(self, start: Start) -> tuple[Counts, Start]:
        """Counters of the job, and what is before the next."""
        column = self._column(start, np.array(0))
        totals = {name: getattr(column, name) for name in STALLS}
        index, active = 1, self.column_tiles > 1
        while np.any(active):
            after = self._column(column, column.end + 1)
            same = self._alike(column, after)
            times = np.where(active, np.where(same, self.column_tiles - index, 1), 0)
            for name in STALLS:
                totals[name] = totals[name] + times * getattr(after, name)
            shift = (times - 1) * (after.end - column.end)
            shifts = {"end": shift, "beat": shift}
            times_now = {
                name: np.where(
                    active,
                    getattr(after, name) + shifts.get(name, np.where(self.fresh, shift, 0)),
                    getattr(column, name),
                )
                for name in TIMES
            }
            unused = np.where(active, after.unused, column.unused)
            column = replace(after, **times_now, unused=unused)
            index += 1
            active = active & ~same & (index < self.column_tiles)
        return self._counts(column, totals), self._after(column)

    def _counts(self, column: "_Column", totals: dict[str, Integers]) -> Counts:
        tiles = self.row_tiles * self.column_tiles
        busy = column.end + 1
        return Counts(
            cycles=busy + self.latencies.left,
            busy=busy,
            chunks=tiles * self.beats * self.chunks,
            beats=tiles * self.beats,
            tiles=tiles,
            **totals,
            stalled_output=np.zeros_like(busy),
        )

    def _after(self, column: "_Column") -> Start:
        first = column.end + self.latencies.left + RESTART
        times = {name: np.maximum(getattr(column, name) - first, LONG_AGO) for name in TIMES}
        return Start(**times, unused=column.unused)

    def _alike(self, before: "_Column", after: "_Column") -> npt.NDArray[np.bool_]:
        """Whether the next column tile finds what this one found."""
        same = before.end - before.beat == after.end - after.beat
        for name in ("loaded", "freed"):
            then, now = getattr(before, name), getattr(after, name)
            same &= ~self.fresh | (before.end - then == after.end - now)
        return same & (before.unused == after.unused)

    def _column(self, before: "Start | _Column", ready: Integers) -> "_Column":
        """One column tile, whose first chunk enters in cycle `ready` if nothing lacks."""
        activations = np.maximum(before.beat + self.activation, ready)
        first = np.maximum(before.end + self.weight, activations)
        beat = first + (self.beats - 1) * self.beat_time
        whole = beat + self.last_beat
        loaded = np.maximum(before.loaded + self.parameter, before.freed) + self.set_load
        claimable = np.where(self.fresh, np.maximum(whole, loaded + 1), whole)
        end = np.maximum(claimable, before.end + self.interval)
        beat = np.where(self.single, end, beat)
        freed = np.where(before.unused, before.freed, end + self.latencies.released + 1)

        rest = self._rest(end - beat - self.last_beat)
        inner = np.maximum(self.activation - self.last_beat - 1, 0)  # a beat, but a tile's first
        beats = self.row_tiles * (self.beats - 1)
        gaps = beats * (self.beat_time - self.chunks - inner)
        gaps = gaps + self.row_tiles * (self.chunks - 1) * (self.weight - 1)
        last = end + rest.time
        return _Column(
            end=last,
            beat=np.where(self.single, last, last - self.last_beat - rest.delay),
            loaded=np.where(self.fresh, loaded, before.loaded),
            freed=np.where(self.fresh, freed, before.freed),
            unused=before.unused & ~self.fresh,
            stalled_activations=activations - ready + beats * inner + rest.activations,
            stalled_weights=first - activations + gaps + rest.weights,
            stalled_parameters=claimable - whole,
            stalled_drain=end - claimable + rest.drain,
        )

    def _rest(self, delay: Integers) -> "_Rest":
        """The tiles of a column tile after its first, whose end came `delay` cycles late."""
        count = self.row_tiles - 1
        second = np.maximum(self.drift + np.minimum(delay, self.reach), 0)
        # A beat of one chunk hides no delay: the next tile's activations wait for it too
        begin = np.where(self.single, 0, second)
        slope = np.where(self.single, 0, self.drift)

        def ramp(most: Integers, length: Integers) -> Integers:
            return _ramp_sum(begin, slope, length, most)

        some = count > 0
        later = np.maximum(count - 1, 0)
        slack = np.maximum(self.slack + self.weight - 1, 0)
        # Of the tiles but the first: delay of the end, and of the tile before it
        drain = np.where(self.single, count * second, ramp(self.most, count))
        caught = np.where(some, np.minimum(delay, self.reach), 0) + ramp(self.reach, later)
        hidden = np.where(some, np.minimum(delay, slack), 0) + ramp(
            np.minimum(slack, self.most), later
        )
        activations = count * slack - hidden
        final = np.clip(begin + later * slope, 0, self.most)
        return _Rest(
            time=count * self.tile_time - caught + drain,
            delay=np.where(some, final, delay),
            activations=activations,
            weights=count * (self.weight - 1 + self.reach) - caught - activations,
            drain=drain,
        )


@dataclass(frozen=True)
class _Rest:
    """Tiles of a column tile after its first.

    time : cycles from the first's end to the last's
    delay : of the last's end
    activations, weights, drain : cycles that they wait for these, but between a tile's own beats
    """

    time: Integers
    delay: Integers
    activations: Integers
    weights: Integers
    drain: Integers


def _ramp_sum(first: Integers, slope: Integers, count: Integers, most: Integers) -> Integers:
    """Sum over i in 0..count-1 of first + i * slope, each clipped to 0..most; first >= 0."""
    step = np.maximum(np.abs(slope), 1)
    rising = slope > 0
    # The terms in begin..end-1 are not clipped; those at `most` are after or before them
    begin = np.where(rising, 0, np.where(first >= most, (first - most) // step + 1, 0))
    end = np.where(rising, ceil_div(most - first, step), ceil_div(first, step))
    begin = np.clip(np.where(slope == 0, 0, begin), 0, count)
    end = np.clip(np.where(slope == 0, np.where(first < most, count, 0), end), begin, count)
    full = np.where(rising | (slope == 0), count - end, begin)
    inner = end - begin
    return full * most + inner * first + slope * (inner * (begin + end - 1) // 2)
