"""A plan as the operations of a program, in order, with what runs beside and what waits for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from truncmac.descriptors import SUM_BYTES, Operation, Region, to_address
from truncmac.golden import Machine, MapPlace

from .bands import Band, Rows, band_step, residual_rows, rows_read
from .plan import Plan
from .segments import Segment
from .steps import Step

__all__ = ["Action", "Areas", "actions_of"]

Areas = Mapping[str, int]  # first byte of a map in the scratch region, by name


@dataclass(frozen=True)
class Action:
    """An operation of a program.

    Attributes
    ----------
    step : what it does, with the sizes of its band
    places : of its maps, by name
    values : more fields: addresses and flags
    sums : the first of its sums, of a layer that leaves sums, in bytes of the output's region
    """

    step: Step
    places: Mapping[str, MapPlace]
    values: Mapping[str, int]
    sums: int = 0


def actions_of(
    plan: Plan, machine: Machine, spilled: Areas, kept: Areas | None = None
) -> Sequence[Action]:
    """The operations of a plan.

    Parameters
    ----------
    spilled : where each map that goes to memory is
    kept : where maps are stored to be looked at
    """
    found = []
    pending = False
    for number, segment in enumerate(plan.segments):
        writer = _Writer(plan, machine, spilled, kept or {}, number, segment)
        for action in writer.actions():
            # What is to wait only does so if something may still run
            waits = pending and action.values.get("wait", 0)
            if waits:
                pending = False
            pending = pending or bool(action.values.get("beside"))
            found.append(replace(action, values={**action.values, "wait": int(waits)}))
    return found


class _Writer:
    """Writes the operations of one segment."""

    def __init__(
        self,
        plan: Plan,
        machine: Machine,
        spilled: Areas,
        kept: Areas,
        number: int,
        segment: Segment,
    ) -> None:
        self.plan = plan
        self.machine = machine
        self.spilled = spilled
        self.kept = kept
        self.number = number
        self.segment = segment
        self.first = plan.steps.steps[0]

    def actions(self) -> Iterator[Action]:
        """All rounds; the first operation of a segment waits, and the first of each round."""
        segment = self.segment
        last = len(segment.bands) - 1
        waits = True
        for number in range(last + 1):
            for action in self._round(number):
                yield replace(action, values={"wait": int(waits), **action.values})
                waits = False
            waits = True
        if segment.stores_beside:
            for action in self._stores(last, 0):
                yield replace(action, values={"wait": int(waits), **action.values})
                waits = False

    def _round(self, number: int) -> Iterator[Action]:
        segment, last = self.segment, len(self.segment.bands) - 1
        if segment.loads_beside:
            if number == 0:
                yield from self._loads(0, 0)
            if number < last:
                yield from self._loads(number + 1, 1)
        if segment.stores_beside and number:
            yield from self._stores(number - 1, 1)
        if not segment.loads_beside:
            yield from self._loads(number, 0)
        yield from self._steps(number)
        if not segment.stores_beside:
            yield from self._stores(number, 0)

    def _loads(self, number: int, beside: int) -> Iterator[Action]:
        for name in self.segment.run.loaded:
            rows = self.segment.bands[number].rows[name]
            step, address = self._load(name, rows)
            places = {name: self._place(name, number, rows[0])}
            yield Action(step, places, {"address": address, "beside": beside})

    def _load(self, name: str, rows: Rows) -> tuple[Step, int]:
        """A LOAD of rows of a map, and the address of the first of what it reads."""
        _, width, channels = self.plan.steps.maps[name]
        shape = rows[1] - rows[0], width, channels
        if name != self.first.target:
            step = Step(Operation.LOAD, name, None, name, shape, shape)
            return step, to_address(Region.SCRATCH, self.spilled[name] + rows[0] * width * channels)
        first = self.first
        _, wide, depth = first.source_shape
        top, end = rows_read(first, rows)
        above = top - rows[0] * first.stride[0] + first.padding[0]
        step = replace(
            first,
            source_shape=(end - top, wide, depth),
            shape=shape,
            padding=(above, first.padding[1]),
        )
        return step, to_address(Region.INPUT, top * wide * depth)

    def _stores(self, number: int, beside: int) -> Iterator[Action]:
        for name in self.segment.run.stored:
            final = name == self.plan.steps.final
            region, base = (Region.OUTPUT, 0) if final else (Region.SCRATCH, self.spilled[name])
            yield self._store(name, number, to_address(region, base), {"beside": beside})

    def _store(self, name: str, number: int, base: int, values: Mapping[str, int]) -> Action:
        rows = self.segment.bands[number].rows[name]
        _, width, channels = self.plan.steps.maps[name]
        shape = rows[1] - rows[0], width, channels
        step = Step(Operation.STORE, name, name, None, shape, shape)
        places = {name: self._place(name, number, rows[0])}
        address = base + rows[0] * width * channels
        return Action(step, places, {"address": address, **values})

    def _steps(self, number: int) -> Iterator[Action]:
        run, band = self.segment.run, self.segment.bands[number]
        if self.first.target in run.loaded:
            yield from self._keep(self.first.target, number)
        for step in run.steps:
            own = band_step(step, band)
            places = {
                name: self._place(name, number, self._begin(step, name, band))
                for name in (*step.reads, *([step.target] if step.target is not None else []))
            }
            sums = band.given(step)[0] * prod(step.shape[1:]) * SUM_BYTES
            yield Action(own, places, {}, sums)
            if step.target is not None:
                yield from self._keep(step.target, number)

    def _begin(self, step: Step, name: str, band: Band) -> int:
        """The row of a map at which an operation's place begins."""
        if name == step.residual:
            return residual_rows(step, band.given(step))[0]
        if name != step.source:
            return band.given(step)[0]
        if step.operation == Operation.SHORTCUT:
            return band.given(step)[0] * step.stride[0]
        return band.rows[name][0]

    def _keep(self, name: str, number: int) -> Iterator[Action]:
        """Store what a step has given, to be looked at."""
        if name in self.kept and name not in self.spilled:
            yield self._store(name, number, to_address(Region.SCRATCH, self.kept[name]), {})

    def _place(self, name: str, number: int, row: int) -> MapPlace:
        """Where a row of a map lies, with all that follow."""
        segment, band = self.segment, self.segment.bands[number]
        layout = segment.layouts[name]
        place = segment.place(
            name, self.machine, self.plan.spots[segment.key(name, self.number, number)]
        )
        begin = 0 if name in segment.run.resident else band.rows[name][0]
        block, rest = divmod(row - begin, layout.block_rows(self.machine.row_bits))
        if rest:
            raise RuntimeError(f"row {row} of {name!r} is not the first of a row of blocks")
        return replace(place, base=place.base + block * place.step_y)
