"""The recurrences of one product: when each of its column tiles ends, and what it waits for."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.integers import ceil_div

from .latencies import RESTART, Latencies
from .points import LONG_AGO, CounterValues, Products, Sizes, Start

__all__ = ["Recurrences", "ramp_sum"]

STALLS = ("stalled_activations", "stalled_weights", "stalled_parameters", "stalled_drain")
TIMES = ("end", "beat", "loaded", "freed")


@dataclass(frozen=True)
class _Column:
    """The job's state after a column tile, as in `Start`, and what the tile adds to counters."""

    end: Integers
    beat: Integers
    loaded: Integers
    freed: Integers
    unused: npt.NDArray[np.bool_]
    stalled_activations: Integers
    stalled_weights: Integers
    stalled_parameters: Integers
    stalled_drain: Integers


@dataclass(frozen=True)
class _Rest:
    """The tiles of a column tile that follow its first one.

    time : cycles from the end of the first tile to the end of the last
    delay : cycles by which the last tile ends late
    activations, weights, drain : cycles that the tiles wait for each of these; waits between the
        beats of one tile are not in them
    """

    time: Integers
    delay: Integers
    activations: Integers
    weights: Integers
    drain: Integers


class Recurrences:
    """The terms of one product's recurrences.

    A tile's first chunk enters at f, the first chunk of its last beat at u = f + (beats - 1) p and
    its last chunk at e = u + (chunks - 1) w + d. A word of weights takes w cycles, a word of
    activations a, and a beat p = max(chunks w, a). The delay d is due to the tile before, which
    still drains, or to parameters. Within a column tile, from its second tile on, tile i has
    d = d_2 + (i - 2) drift, kept between 0 and `most`.
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
            sizes.departures,  # type: ignore[arg-type]
            sizes.depth,  # type: ignore[arg-type]
            sizes.passage,  # type: ignore[arg-type]
            sizes.share,  # type: ignore[arg-type]
        )
        self.beat_time = np.maximum(self.chunks * weights, activations)
        self.last_beat = (self.chunks - 1) * weights
        self.tile_time = self.beats * self.beat_time
        self.single = self.chunks == 1
        self.drift = self.interval - self.tile_time
        self.slack = activations - self.chunks * weights  # cycles that weights wait in a beat
        self.reach = np.maximum(self.slack, 0)
        self.most = self.reach + np.maximum(self.drift, 0)

    def count(self, start: Start) -> tuple[CounterValues, Start]:
        """Return the job's counters and the state that it leaves to the next job."""
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

    def _counts(self, column: "_Column", totals: dict[str, Integers]) -> CounterValues:
        tiles = self.row_tiles * self.column_tiles
        busy = column.end + 1
        return CounterValues(
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
        """Return whether the next column tile finds the state that this one found."""
        same = before.end - before.beat == after.end - after.beat
        for name in ("loaded", "freed"):
            then, now = getattr(before, name), getattr(after, name)
            same &= ~self.fresh | (before.end - then == after.end - now)
        return same & (before.unused == after.unused)

    def _column(self, before: "Start | _Column", ready: Integers) -> "_Column":
        """Pass one column tile; its first chunk enters in cycle `ready` if nothing is missing."""
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
        inner = np.maximum(self.activation - self.last_beat - 1, 0)  # of each beat but the first
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
        """Pass the tiles after the first of a column tile, which ended `delay` cycles late."""
        count = self.row_tiles - 1
        second = np.maximum(self.drift + np.minimum(delay, self.reach), 0)
        # A beat of one chunk hides no delay, because the next tile's activations wait for it too
        begin = np.where(self.single, 0, second)
        slope = np.where(self.single, 0, self.drift)

        def ramp(most: Integers, length: Integers) -> Integers:
            return ramp_sum(begin, slope, length, most)

        some = count > 0
        later = np.maximum(count - 1, 0)
        slack = np.maximum(self.slack + self.weight - 1, 0)
        # Sums over all tiles but the first: delay of a tile's end, and of the tile before it
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


def ramp_sum(first: Integers, slope: Integers, count: Integers, most: Integers) -> Integers:
    """Return the sum over i in 0..count-1 of first + i * slope, each term clipped to 0..most.

    `first` must not be negative.
    """
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
