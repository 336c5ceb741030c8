"""A run of steps with its bands, and the buffers that it needs for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from truncmac.golden import Machine, MapPlace
from truncmac.golden.types import Shape

from .bands import Band, Run
from .estimate import Cycles, Estimate
from .layouts import Layout
from .placement import Buffer, Key, Spot
from .steps import Step

__all__ = ["Segment", "buffers_of", "segment_cycles"]

WHOLE = -1  # in place of a segment's number, in the key of a map that is on chip as a whole


@dataclass(frozen=True)
class Segment:
    """A run, and how it is done.

    A round of bands is: load what the next band reads, store what the last one has given, do the
    steps. A map of which there are two buffers is loaded, or stored, beside the steps.

    Attributes
    ----------
    run : its steps and maps
    layouts : of its maps
    bands : in order
    loads_beside, stores_beside : whether there are two buffers of each map that is loaded, stored
    """

    run: Run
    layouts: Mapping[str, Layout]
    bands: tuple[Band, ...]
    loads_beside: bool = False
    stores_beside: bool = False

    def copies(self, name: str) -> int:
        """Buffers of a map of which there are bands."""
        twice = (self.loads_beside and name in self.run.loaded) or (
            self.stores_beside and name in self.run.stored
        )
        return 2 if twice else 1

    def key(self, name: str, number: int, band: int) -> Key:
        """The buffer of a map for a band; `number` is the segment's."""
        if name in self.run.resident:
            return name, WHOLE, 0
        return name, number, band % self.copies(name)

    def keys(self, name: str, number: int) -> Iterator[Key]:
        """All buffers of a map."""
        for copy in range(1 if name in self.run.resident else self.copies(name)):
            yield self.key(name, number, copy)

    def place(self, name: str, machine: Machine, spot: Spot) -> MapPlace:
        """Where a map lies whose first row is at a spot."""
        layout = self.layouts[name]
        return MapPlace.packed(
            self.run.shapes[name],
            machine,
            group=spot[0],
            base=spot[1],
            tile_x=layout.tile_x,
            phases=layout.phases,
        )

    def words(self, name: str, machine: Machine) -> int:
        """Words of a buffer of a map."""
        shape, layout = self.run.shapes[name], self.layouts[name]
        if name in self.run.resident:
            return layout.words(shape, machine)
        rows = max(end - begin for begin, end in (band.rows[name] for band in self.bands))
        return layout.words((rows, *shape[1:]), machine)


def buffers_of(
    segments: Sequence[Segment], machine: Machine, others: Sequence[int] = ()
) -> list[Buffer]:
    """The buffers of segments that follow each other, in the order in which they are needed.

    Parameters
    ----------
    others : words of maps that none of them touches, and that stay on chip all the time
    """
    lives: dict[Key, list[int]] = {}
    words: dict[Key, int] = {}
    apart: dict[Key, set[Key]] = {}
    shuns: dict[Key, set[Key]] = {}
    replaces: dict[Key, Key] = {}
    time = 0
    for number, size in enumerate(others):
        key = "", WHOLE, number
        lives[key], words[key] = [0, 1 << 30], size
    for number, segment in enumerate(segments):
        end = time + len(segment.run.steps) + 2
        for name, (first, last) in _lives(segment, time, end - 1).items():
            for key in segment.keys(name, number):
                begin, until = lives.get(key, (first, last))
                lives[key] = [min(first, begin), max(last, until)]
                words[key] = segment.words(name, machine)
        for pairs, found in ((_apart(segment, number), apart), (_shunned(segment, number), shuns)):
            for one, other in pairs:
                found.setdefault(one, set()).add(other)
                found.setdefault(other, set()).add(one)
        time = end
    time = 0
    for number, segment in enumerate(segments):
        for at, step in enumerate(segment.run.steps, time + 1):
            pair = _in_place(segment, step, number)
            if pair is not None and lives[pair[1]][1] == at and lives[pair[0]][0] == at:
                replaces[pair[0]] = pair[1]
        time += len(segment.run.steps) + 2
    buffers = [
        Buffer(
            key,
            words[key],
            first,
            last,
            frozenset(apart.get(key, ())),
            replaces.get(key),
            frozenset(shuns.get(key, ())),
        )
        for key, (first, last) in lives.items()
    ]
    return sorted(buffers, key=lambda buffer: buffer.first)


def _lives(segment: Segment, first: int, last: int) -> dict[str, tuple[int, int]]:
    """When each map of a segment is needed, both ends included.

    At `first` it loads, then it does its steps, at `last` it stores. What is needed from band to
    band is needed all the time.
    """
    run = segment.run
    begin = dict.fromkeys(run.loaded, first)
    end = dict.fromkeys(run.loaded, first)
    for at, step in enumerate(run.steps, first + 1):
        for name in (*step.reads, *([step.target] if step.target is not None else [])):
            begin.setdefault(name, at)
            end[name] = at
    for name in run.stored:
        end[name] = last
    for name in run.shapes:
        if segment.copies(name) > 1 or (name in run.resident and run.banded):
            begin[name], end[name] = first, last
    return {name: (begin[name], end[name]) for name in sorted(begin, key=lambda name: begin[name])}


def _apart(segment: Segment, number: int) -> Iterator[tuple[Key, Key]]:
    for step in segment.run.steps:
        for other in (step.target, step.residual):
            if step.source is None or other is None or other == step.source:
                continue
            for band in (0, 1):
                yield segment.key(step.source, number, band), segment.key(other, number, band)


def _shunned(segment: Segment, number: int) -> Iterator[tuple[Key, Key]]:
    """What a convolution or a maximum pool reads, and what is loaded or stored beside it.

    The banks of what it reads are at work at every beat, and others wait for them.
    """
    moved = [name for name in segment.run.shapes if segment.copies(name) > 1]
    for step in segment.run.steps:
        if step.by_tiles and step.source is not None:
            for name in moved:
                for band in (0, 1):
                    yield (
                        segment.key(step.source, number, band),
                        segment.key(name, number, 1 - band),
                    )


def _in_place(segment: Segment, step: Step, number: int) -> tuple[Key, Key] | None:
    """Buffers of a step's target and of its residual, if the one may lie where the other does."""
    target, residual = step.target, step.residual
    if target is None or residual is None:
        return None
    if segment.copies(target) > 1 or segment.copies(residual) > 1:
        return None
    if segment.layouts[target] != segment.layouts[residual]:
        return None
    if segment.run.shapes[target] != segment.run.shapes[residual]:
        return None  # a part of the residual map's pixels or channels is added
    if any(band.rows[target][0] != band.rows[residual][0] for band in segment.bands):
        return None
    return segment.key(target, number, 0), segment.key(residual, number, 0)


def segment_cycles(segment: Segment, first: Step, estimate: Estimate) -> Cycles:
    """Estimated cycles of a segment, for each setting; `first` is the LOAD of the image."""
    run, bands = segment.run, segment.bands
    loads = [
        sum(_load_cycles(run, name, band, first, estimate) for name in run.loaded) for band in bands
    ]
    stores = [
        sum(_store_cycles(run, name, band, estimate) for name in run.stored) for band in bands
    ]
    steps = [_step_cycles(segment, band, estimate) for band in bands]
    last = len(bands) - 1
    found = []
    for setting in range(len(estimate.widths)):
        cycles = (loads[0] if segment.loads_beside else 0) + (
            stores[last] if segment.stores_beside else 0
        )
        for number in range(len(bands)):
            work = steps[number][setting]
            beside = [0]
            if segment.loads_beside:
                beside.append(loads[number + 1] if number < last else 0)
            else:
                work += loads[number]
            if segment.stores_beside:
                beside.append(stores[number - 1] if number else 0)
            cycles += max(work, *beside)
            if not segment.stores_beside:
                cycles += stores[number]
        found.append(cycles)
    return tuple(found)


def _load_cycles(run: Run, name: str, band: Band, first: Step, estimate: Estimate) -> int:
    rows = band.rows[name][1] - band.rows[name][0]
    shape: Shape = (rows, *run.shapes[name][1:])
    if name != first.target:
        return estimate.transfer(shape, rows * shape[1] * shape[2])
    return estimate.image(first, rows)


def _store_cycles(run: Run, name: str, band: Band, estimate: Estimate) -> int:
    rows = band.rows[name][1] - band.rows[name][0]
    shape: Shape = (rows, *run.shapes[name][1:])
    return estimate.transfer(shape, rows * shape[1] * shape[2])


def _step_cycles(segment: Segment, band: Band, estimate: Estimate) -> Cycles:
    """Of all steps of a band."""
    found = [(0,) * len(estimate.widths)]
    found += [_one_step(segment, step, band, estimate) for step in segment.run.steps]
    return tuple(sum(each) for each in zip(*found, strict=True))


def _one_step(segment: Segment, step: Step, band: Band, estimate: Estimate) -> Cycles:
    begin, end = band.given(step)
    if step.source is None:
        return (estimate.image(step, end - begin),) * len(estimate.widths)
    if step.target is None and step.layer is None:  # a STORE of a whole map
        codes = step.source_shape[0] * step.source_shape[1] * step.source_shape[2]
        return (estimate.transfer(step.shape, codes),) * len(estimate.widths)
    return estimate.step(step, segment.layouts[step.source], end - begin)
