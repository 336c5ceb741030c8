"""Cuts a run of steps into bands of rows, each with the rows around it that its windows need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd

from truncmac.descriptors import Operation
from truncmac.golden.types import Shape

from .steps import Step

__all__ = [
    *("Band", "Rows", "Run", "band_step", "cut", "pad_of", "residual_rows", "rows_read", "unit"),
]

Rows = tuple[int, int]  # of a map: the first, and the one behind the last


@dataclass(frozen=True)
class Run:
    """Consecutive steps that are done together, band by band.

    Attributes
    ----------
    steps : in order; none: a map is only loaded and stored
    loaded, stored : maps that it loads from memory, and those that it stores there
    resident : those of its maps that lie on chip as a whole; of the others there are only bands
    shapes : (H, W, C) of its maps
    """

    steps: tuple[Step, ...]
    loaded: tuple[str, ...]
    stored: tuple[str, ...]
    resident: frozenset[str]
    shapes: Mapping[str, Shape]

    @cached_property
    def made(self) -> tuple[str, ...]:
        """The maps that its steps write."""
        return tuple(step.target for step in self.steps if step.target is not None)

    @property
    def banded(self) -> bool:
        """Whether any of its maps is on chip by bands only."""
        return len(self.resident) < len(self.shapes)

    @property
    def height(self) -> int:
        """Rows that its last step gives."""
        return self.steps[-1].shape[0] if self.steps else self.shapes[self.loaded[0]][0]


@dataclass(frozen=True)
class Band:
    """A part of a run.

    Attributes
    ----------
    output : rows that its last step gives
    rows : of each of its maps; of a resident map those that it touches
    """

    output: Rows
    rows: Mapping[str, Rows]

    def given(self, step: Step) -> Rows:
        """Rows that a step gives."""
        return self.output if step.target is None else self.rows[step.target]


def unit(run: Run, blocks: Mapping[str, int]) -> int:
    """Rows of whose multiples the last step gives as many in each band but the last.

    Parameters
    ----------
    blocks : rows of a row of blocks, of each map
    """
    last = run.made[-1] if run.steps and run.steps[-1].target is not None else None
    return 1 if last is None else _alignments(run, blocks)[last]


def cut(run: Run, blocks: Mapping[str, int], height: int) -> tuple[Band, ...]:
    """The bands of a run, the last step giving `height` rows in each, in the last the rest.

    A band of a map ends where its readers' windows end. It begins so early that no row is left out
    between one band and the next, and where a residual, an output or a shortcut can be addressed,
    which is by whole rows of blocks only.

    Parameters
    ----------
    blocks : rows of a row of blocks, of each map
    height : a multiple of the run's `unit`
    """
    if not run.banded:
        whole = {name: (0, shape[0]) for name, shape in run.shapes.items()}
        return (Band((0, run.height), whole),)
    alignments = _alignments(run, blocks)
    covered = dict.fromkeys(run.made, 0)
    bands = []
    for first in range(0, run.height, height):
        output = first, min(first + height, run.height)
        band = _band(run, output, alignments, covered)
        covered = {name: band.rows[name][1] for name in run.made}
        bands.append(band)
    return tuple(bands)


def _alignments(run: Run, blocks: Mapping[str, int]) -> dict[str, int]:
    """Rows, a power of two, of whose multiples each map's bands begin at one."""
    found = {name: blocks[name] if name in run.resident else 1 for name in run.shapes}
    for step in run.steps:
        if step.target is None:
            continue
        whole = {}  # maps of which the step reads whole rows of blocks, and with which stride
        if step.residual is not None:
            whole[step.residual] = step.residual_stride[0]
        if step.operation == Operation.SHORTCUT and step.source is not None:
            whole[step.source] = step.stride[0]
        for name, stride in whole.items():
            size = blocks[name]
            found[name] = max(found[name], size)
            found[step.target] = max(found[step.target], size // gcd(size, stride))
    return found


def _band(
    run: Run, output: Rows, alignments: Mapping[str, int], covered: Mapping[str, int]
) -> Band:
    needs: dict[str, Rows] = {} if run.steps else {run.loaded[0]: output}
    rows: dict[str, Rows] = {}
    for step in reversed(run.steps):
        given = output
        if step.target is not None:
            if step is not run.steps[-1]:
                given = _covering(run, step.target, output, needs, covered)
            given = _aligned(given, alignments[step.target])
            rows[step.target] = given
        for name, wanted in _wanted(step, given):
            before = needs.get(name, wanted)
            needs[name] = min(before[0], wanted[0]), max(before[1], wanted[1])
    for name, need in needs.items():
        if name not in rows:
            rows[name] = _aligned(need, alignments[name])
    return Band(output, rows)


def _covering(
    run: Run, name: str, output: Rows, needs: Mapping[str, Rows], covered: Mapping[str, int]
) -> Rows:
    """Rows of an inner map: those that are needed, and none is left out before them."""
    height = run.shapes[name][0]
    if output[1] == run.height:
        end = height
    elif name in needs:
        end = needs[name][1]
    else:
        end = height * output[1] // run.height
    begin = min(covered[name], needs.get(name, (height, 0))[0], height - 1)
    return begin, max(end, covered[name], begin + 1)


def _aligned(rows: Rows, alignment: int) -> Rows:
    return rows[0] // alignment * alignment, rows[1]


def rows_read(step: Step, given: Rows) -> Rows:
    """Rows of its input that a step's windows read for the rows that it gives, at least one."""
    height, stride = step.source_shape[0], step.stride[0]
    first = given[0] * stride - step.padding[0]
    end = (given[1] - 1) * stride - step.padding[0] + step.kernel[0]
    first = min(max(first, 0), height - 1)
    return first, max(min(end, height), first + 1)


def _wanted(step: Step, given: Rows) -> Iterator[tuple[str, Rows]]:
    """Rows of each map that a step reads for the rows that it gives."""
    if step.source is not None:
        yield step.source, rows_read(step, given)
    if step.residual is not None:
        yield step.residual, residual_rows(step, given)


def residual_rows(step: Step, given: Rows) -> Rows:
    """Rows of the map that a step adds, for the rows that it gives."""
    stride = step.residual_stride[0]
    return given[0] * stride, (given[1] - 1) * stride + 1


def pad_of(step: Step, band: Band) -> int:
    """Rows above a band that its first window reaches beyond; below 0: rows that it skips."""
    if step.source is None or step.operation == Operation.SHORTCUT:
        return step.padding[0]
    return step.padding[0] + band.rows[step.source][0] - band.given(step)[0] * step.stride[0]


def band_step(step: Step, band: Band) -> Step:
    """A step as it is done for a band: with fewer rows, and with a pad of the band's own."""
    if step.source is None:
        return step
    (begin, end), given = band.rows[step.source], band.given(step)
    if step.operation == Operation.SHORTCUT:
        begin = given[0] * step.stride[0]
    return replace(
        step,
        source_shape=(end - begin, *step.source_shape[1:]),
        shape=(given[1] - given[0], *step.shape[1:]),
        padding=(pad_of(step, band), step.padding[1]),
    )
