"""Decides what a network's maps do: stay on chip, lie there by bands, or go to memory and back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from truncmac.descriptors import Operation
from truncmac.golden import Machine, MapPlace

from .bands import Run
from .estimate import Cycles, Estimate
from .layouts import Layouts
from .placement import Key, NoPlaceError, Spot, place_buffers
from .segments import WHOLE, Segment, buffers_of, segment_cycles
from .steps import Step, Steps
from .ways import Ways

__all__ = ["NoRoomError", "Plan", "Planner"]

MOST_STEPS = 6  # of a segment of bands


@dataclass(frozen=True)
class Plan:
    """How a network runs.

    Attributes
    ----------
    steps : the network's operations
    machine : the NPU
    segments : in order
    spots : group and base of each buffer
    cycles : estimated, for each setting
    """

    steps: Steps
    machine: Machine
    segments: tuple[Segment, ...]
    spots: Mapping[Key, Spot]
    cycles: Cycles

    @property
    def places(self) -> dict[str, MapPlace]:
        """Where each map that is on chip as a whole lies, by name."""
        found = {}
        for segment in self.segments:
            for name in segment.run.shapes:
                if name in segment.run.resident and name not in found:
                    found[name] = segment.place(
                        name, self.machine, self.spots[segment.key(name, 0, 0)]
                    )
        return found

    @property
    def spilled(self) -> tuple[str, ...]:
        """Maps that are stored to be loaded again."""
        return tuple(
            dict.fromkeys(
                name
                for segment in self.segments
                for name in segment.run.stored
                if name != self.steps.final
            )
        )

    @property
    def bands(self) -> int:
        """Bands of all segments that have maps by bands."""
        return sum(len(each.bands) for each in self.segments if each.run.banded)


class NoRoomError(ValueError):
    """A layer does not fit, not even with the fewest rows at a time."""


class _NoWayError(Exception):
    """A step cannot be done while some maps are on chip."""

    def __init__(self, step: Step | None, present: Sequence[str]) -> None:
        super().__init__()
        self.step = step
        self.present = present  # maps that are on chip as a whole


class Planner:
    """Plans a network for an NPU.

    Parameters
    ----------
    steps : the network's operations
    layouts : of its maps as a whole
    estimate : of cycles
    """

    def __init__(
        self, steps: Steps, layouts: Layouts, machine: Machine, estimate: Estimate
    ) -> None:
        self.steps = steps
        self.machine = machine
        self.layouts = layouts
        self.estimate = estimate
        self.ways = Ways(layouts, steps.steps[0], machine, estimate)
        self.words = {
            name: layouts[name].words(shape, machine) for name, shape in steps.maps.items()
        }
        self._readers = {
            name: [number for number, step in enumerate(steps.steps) if name in step.reads]
            for name in steps.maps
        }
        self._makers = {
            step.target: number
            for number, step in enumerate(steps.steps)
            if step.target is not None
        }

    def resident(self) -> Plan | None:
        """The plan in which every map stays on chip; None if they do not fit."""
        try:
            return self._placed(self._segments(frozenset()))
        except _NoWayError:
            return None

    def streamed(self) -> Plan | None:
        """As `resident`, but the image comes by bands, beside the first steps; None if no room."""
        image = self.steps.steps[0].target
        if image is None:
            return None
        try:
            return self._placed(self._segments(frozenset([image])))
        except _NoWayError:
            return None

    def banded(self) -> Plan:
        """The plan of the fewest estimated cycles that is found.

        Raises
        ------
        NoRoomError
            If a step does not fit even by itself and with the fewest rows: names the layer, what
            its maps need and what there is.
        """
        every = frozenset(self.steps.maps)
        for step in self._needed_steps(every):
            if not self.ways.possible(self._run([step], every)):
                raise NoRoomError(self._refusal(step))
        large = frozenset(name for name, words in self.words.items() if words > self.machine.depth)
        image = self.steps.steps[0].target or ""
        plans = [self._first_that_fits(large.union(more)) for more in ([], [image])]
        return min((self._fewer_spills(plan) for plan in plans), key=_total)

    def _first_that_fits(self, spilled: frozenset[str]) -> tuple[Plan, frozenset[str]]:
        """Send maps to memory, the largest first, until there is a plan."""
        while True:
            try:
                return self._placed(self._segments(spilled)), spilled
            except _NoWayError as error:
                if not error.present:
                    raise NoRoomError(self._refusal(error.step)) from None
                largest = max(error.present, key=lambda name: (self.words[name], name))
                spilled |= {largest}

    def _fewer_spills(self, found: tuple[Plan, frozenset[str]]) -> Plan:
        """Keep maps on chip again where that takes fewer cycles."""
        plan, spilled = found
        for name in sorted(spilled, key=lambda name: self.words[name]):
            if self.words[name] > self.machine.depth:
                continue
            try:
                other = self._placed(self._segments(spilled - {name}))
            except _NoWayError:
                continue
            if _total(other) < _total(plan):
                plan, spilled = other, spilled - {name}
        return plan

    def _placed(self, segments: Sequence[Segment]) -> Plan:
        buffers = buffers_of(segments, self.machine)
        try:
            spots = place_buffers(buffers, self.machine)
        except NoPlaceError as error:
            at = error.buffer.first
            present = [
                buffer.key[0]
                for buffer in buffers
                if buffer.key[1] == WHOLE and buffer.first <= at <= buffer.last
            ]
            raise _NoWayError(None, present) from None
        each = [segment_cycles(part, self.steps.steps[0], self.estimate) for part in segments]
        cycles = tuple(sum(of) for of in zip(*each, strict=True))
        return Plan(self.steps, self.machine, tuple(segments), spots, cycles)

    def _segments(self, spilled: frozenset[str]) -> Sequence[Segment]:
        """The segments of the fewest cycles, with some maps in memory."""
        steps = self._needed_steps(spilled)
        if not steps:
            run = self._run([], spilled)
            way = self.ways.best(run, [])
            if way is None:
                raise _NoWayError(self.steps.steps[0], [])
            return [way[1]]
        best: list[tuple[int, int, Segment | None] | None] = [(0, 0, None)]
        best += [None] * len(steps)
        for begin in range(len(steps)):
            before = best[begin]
            if before is None:
                continue
            for end, way in self._continuations(steps, begin, spilled):
                cycles = before[0] + way[0]
                known = best[end]
                if known is None or cycles < known[0]:
                    best[end] = cycles, begin, way[1]
        if best[-1] is None:
            stuck = next(at for at in range(len(steps)) if best[at] and not any(best[at + 1 :]))
            step = steps[stuck]
            number = self.steps.steps.index(step)
            raise _NoWayError(step, self._present(number, number, spilled))
        found: list[Segment] = []
        at = len(steps)
        while at:
            entry = best[at]
            if entry is None or entry[2] is None:
                raise RuntimeError("a plan has a gap")
            found.insert(0, entry[2])
            at = entry[1]
        return found

    def _continuations(
        self, steps: Sequence[Step], begin: int, spilled: frozenset[str]
    ) -> Iterator[tuple[int, tuple[int, Segment]]]:
        """Segments that begin with a step: the end of each, and its way."""
        for end in range(begin + 1, min(begin + MOST_STEPS, len(steps)) + 1):
            run = self._run(steps[begin:end], spilled)
            if not run.banded:
                yield end, self.ways.whole(run)
                return
            last = steps[end - 1]
            if not spilled & {*last.reads, last.target}:
                return
            first = self.steps.steps.index(steps[begin])
            present = self._present(first, self.steps.steps.index(last), spilled)
            others = [self.words[name] for name in present if name not in run.shapes]
            way = self.ways.best(run, others)
            if way is None:
                return
            yield end, way

    def _needed_steps(self, spilled: frozenset[str]) -> list[Step]:
        """All but the LOAD of an image, and the STORE of a map, of which there are only bands."""
        return [
            step
            for step in self.steps.steps
            if not (step.source is None and step.target in spilled)
            and not (step.operation == Operation.STORE and step.source in spilled)
        ]

    def _run(self, steps: Sequence[Step], spilled: frozenset[str]) -> Run:
        """Consecutive steps; none: what is given is the image."""
        if not steps:
            name = self.steps.final or ""
            return Run((), (name,), (name,), frozenset(), {name: self.steps.maps[name]})
        numbers = {self.steps.steps.index(step) for step in steps}
        made = [step.target for step in steps if step.target is not None]
        touched = dict.fromkeys([*(name for step in steps for name in step.reads), *made])
        return Run(
            tuple(steps),
            tuple(name for name in touched if name in spilled and name not in made),
            tuple(
                name
                for name in made
                if name in spilled and any(n not in numbers for n in self._readers[name])
            ),
            frozenset(name for name in touched if name not in spilled),
            {name: self.steps.maps[name] for name in touched},
        )

    def _present(self, first: int, last: int, spilled: frozenset[str]) -> list[str]:
        """Maps that are on chip as a whole while steps of these numbers are done."""
        return [
            name
            for name in self.steps.maps
            if name not in spilled
            and self._makers[name] <= last
            and max(self._readers[name], default=self._makers[name]) >= first
        ]

    def _refusal(self, step: Step | None) -> str:
        step = step or self.steps.steps[0]
        every = frozenset(self.steps.maps)
        run = self._run([step] if step.source is not None else [], every)
        words = self.ways.least(run)
        needs = ", ".join(f"{count} for {name!r}" for name, count in words.items())
        return (
            f"Layer {step.name!r} does not fit the activation memory of {self.machine.groups} "
            f"groups of {self.machine.depth} words: with as few rows at a time as it can give, its "
            f"maps need {needs}. Build the NPU with a larger --depth or more --groups"
        )


def _total(plan: Plan) -> int:
    return sum(plan.cycles)
