"""Finds how a run of steps is best done: the layouts, the bands' heights, and what runs beside."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from truncmac.golden import Machine
from truncmac.integers import ceil_div

from .bands import Band, Run, cut, pad_of, unit
from .estimate import Estimate
from .layouts import Layout, Layouts, layouts_of_bands
from .placement import NoPlaceError, place_buffers, too_many
from .segments import Segment, buffers_of, segment_cycles
from .steps import Step

__all__ = ["Ways"]

MOST_TRIES = 200  # places that are tried for the buffers of one segment
LEAST_PAD = -128  # that a descriptor holds
ROWS = (1, 8)  # for which layouts of bands are made


class Ways:
    """The best way to do a run, by estimated cycles.

    Parameters
    ----------
    layouts : of the maps as a whole
    first : the LOAD of the image
    """

    def __init__(self, layouts: Layouts, first: Step, machine: Machine, estimate: Estimate) -> None:
        self.layouts = layouts
        self.first = first
        self.machine = machine
        self.estimate = estimate
        self._known: dict[object, tuple[int, Segment] | None] = {}
        self._bands: dict[object, tuple[Band, ...]] = {}

    def best(self, run: Run, others: Sequence[int]) -> tuple[int, Segment] | None:
        """Cycles, summed over the settings, and the segment; None if there is no way.

        Parameters
        ----------
        others : words of the maps that are on chip meanwhile
        """
        key = tuple(step.name for step in run.steps), run.loaded, run.stored, run.resident
        known = *key, tuple(sorted(others))
        if known not in self._known:
            ways = (way for layouts in self._layouts(run) for way in self._in(run, layouts, others))
            self._known[known] = min(ways, key=_cycles, default=None)
        return self._known[known]

    def possible(self, run: Run) -> bool:
        """Whether a run fits by itself, with as few rows at a time as it can give."""
        return any(
            self._fits(
                self._segment(run, layouts, (False, False), unit(run, self._blocks(run, layouts))),
                (),
            )
            for layouts in self._layouts(run)
        )

    def whole(self, run: Run) -> tuple[int, Segment]:
        """A run whose maps are all on chip; nothing is checked."""
        return self._priced(self._segment(run, self.layouts, (False, False), run.height))

    def least(self, run: Run) -> dict[str, int]:
        """Words that each map needs at least, if the run gives as few rows as it can at a time."""
        found: dict[str, int] = {}
        for layouts in self._layouts(run):
            height = unit(run, self._blocks(run, layouts))
            segment = self._segment(run, layouts, (False, False), height)
            words = {name: segment.words(name, self.machine) for name in run.shapes}
            if not found or max(words.values()) < max(found.values()):
                found = words
        return found

    def _layouts(self, run: Run) -> list[dict[str, Layout]]:
        whole = {name: self.layouts[name] for name in run.shapes}
        found = [whole]
        if run.banded:
            for rows in ROWS:
                made = layouts_of_bands(run.steps, run.shapes, self.machine, rows)
                kept = {name: whole[name] for name in run.resident}
                if (layouts := {**made, **kept}) not in found:
                    found.append(layouts)
        return found

    def _in(
        self, run: Run, layouts: Mapping[str, Layout], others: Sequence[int]
    ) -> Iterator[tuple[int, Segment]]:
        """The best way with given layouts, for each choice of what runs beside the steps."""
        step = unit(run, self._blocks(run, layouts))
        count = ceil_div(run.height, step)

        def fits(beside: tuple[bool, bool]) -> Callable[[int], bool]:
            return lambda height: self._fits(
                self._segment(run, layouts, beside, height * step), others
            )

        most = _largest(count, fits((False, False)))
        if not most:
            return
        height = ceil_div(count, ceil_div(count, most)) * step
        yield self._priced(self._segment(run, layouts, (False, False), height))
        for beside in self._besides(run):
            large = _largest(most, fits(beside))
            if not large:
                continue
            bands = ceil_div(count, large)
            heights = {
                min(large, ceil_div(count, number))
                for number in (bands, bands + 1, bands + 2, 2 * bands, 4 * bands)
            }
            ways = [
                self._priced(self._segment(run, layouts, beside, height * step))
                for height in sorted(heights)
            ]
            yield from [way for way in sorted(ways, key=_cycles) if self._fits(way[1], others)][:1]

    def _besides(self, run: Run) -> Iterator[tuple[bool, bool]]:
        """What can run beside the steps: the loads, the stores, or both."""
        if run.steps and run.loaded:
            yield True, False
        if run.steps and run.stored:
            yield False, True
        if run.steps and run.loaded and run.stored:
            yield True, True

    def _segment(
        self, run: Run, layouts: Mapping[str, Layout], beside: tuple[bool, bool], height: int
    ) -> Segment:
        bands = self._cut(run, layouts, height)
        loads, stores = (each and len(bands) > 1 for each in beside)
        return Segment(run, layouts, bands, loads, stores)

    def _cut(self, run: Run, layouts: Mapping[str, Layout], height: int) -> tuple[Band, ...]:
        blocks = self._blocks(run, layouts)
        names = tuple(step.name for step in run.steps)
        key = names, run.loaded, run.stored, run.resident, tuple(blocks.values()), height
        if key not in self._bands:
            self._bands[key] = cut(run, blocks, height)
        return self._bands[key]

    def _priced(self, segment: Segment) -> tuple[int, Segment]:
        return sum(segment_cycles(segment, self.first, self.estimate)), segment

    def _blocks(self, run: Run, layouts: Mapping[str, Layout]) -> dict[str, int]:
        return {name: layouts[name].block_rows(self.machine.row_bits) for name in run.shapes}

    def _fits(self, segment: Segment, others: Sequence[int]) -> bool:
        """Whether a segment has room beside other maps, and descriptors hold its pads."""
        if any(segment.words(name, self.machine) > self.machine.depth for name in segment.layouts):
            return False
        buffers = buffers_of([segment], self.machine, others)
        if too_many(buffers, self.machine):
            return False
        for band in segment.bands:
            for step in segment.run.steps:
                if pad_of(step, band) < LEAST_PAD:
                    return False
        try:
            place_buffers(buffers, self.machine, tries=MOST_TRIES)
        except NoPlaceError:
            return False
        return True


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest height, up to `most`, that fits; 0 if none does."""
    if fits(most):
        return most
    low, high = 0, most - 1
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _cycles(way: tuple[int, Segment]) -> int:
    return way[0]
