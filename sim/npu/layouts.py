"""Chooses how each map lies in the banks: the shape of its readers' tiles, and their strides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from truncmac.descriptors import Operation
from truncmac.golden import Machine, MapPlace
from truncmac.golden.types import Pair, Shape
from truncmac.integers import ceil_div

from .steps import Step, Steps

__all__ = [
    "Layout",
    "Layouts",
    "accesses",
    "choose_layouts",
    "conflicts",
    "is_conflict_free",
    "layouts_of_bands",
    "pool_cycles",
    "tiles",
]

Layouts = Mapping[str, "Layout"]  # by name of the map
MOST_PHASE = 3  # log2 of the largest stride that a layout can follow


@dataclass(frozen=True)
class Layout:
    """How a map lies: log2 of a tile's columns, and of the strides, (vertical, horizontal)."""

    tile_x: int
    phases: Pair

    def block_rows(self, row_bits: int) -> int:
        """Rows of a map that a row of blocks holds, on an array of 2**row_bits rows."""
        return 1 << (self.phases[0] + row_bits - self.tile_x)

    def words(self, shape: Shape, machine: Machine) -> int:
        """Words of each bank that a map (H, W, C) needs."""
        place = MapPlace.packed(
            shape, machine, group=0, base=0, tile_x=self.tile_x, phases=self.phases
        )
        return place.words(shape, machine)


def choose_layouts(steps: Steps, machine: Machine) -> Layouts:
    """The layout of each map by name: that with which what reads it takes the fewest cycles.

    Convolutions and maximum pools count, which read the pixels of a tile at once.

    A tile's shape is that of the fewest tiles. A reader of another stride than the layout's has
    its pixels in the same banks, and takes them one after the other.
    """
    readers = _readers(steps)
    return {name: _layout(shape, readers[name], machine) for name, shape in steps.maps.items()}


def layouts_of_bands(
    steps: Sequence[Step], shapes: Mapping[str, Shape], machine: Machine, rows: int
) -> Layouts:
    """The layout of each map of steps that give about `rows` rows at a time.

    Of those with which what reads it takes the fewest cycles it is the one of fewest words.
    """
    return {
        name: _layout(shape, [step for step in steps if step.source == name], machine, rows)
        for name, shape in shapes.items()
    }


def accesses(steps: Steps, layouts: Layouts, machine: Machine) -> int:
    """Cycles of all convolutions and maximum pools, at one chunk a beat."""
    readers = _readers(steps)
    return sum(_work(layouts[name], readers[name], machine) for name in steps.maps)


def _readers(steps: Steps) -> dict[str, list[Step]]:
    """The steps that read each map by tiles."""
    readers: dict[str, list[Step]] = {name: [] for name in steps.maps}
    for step in steps.steps:
        if step.by_tiles and step.source is not None:
            readers[step.source].append(step)
    return readers


def _layout(shape: Shape, readers: list[Step], machine: Machine, rows: int | None = None) -> Layout:
    """A map's layout for its readers, which give all of their output or some rows at a time."""
    readers = [step for step in readers if step.by_tiles]
    candidates = [
        Layout(tile_x, phases)
        for phases in dict.fromkeys([(0, 0), *map(_phases, readers)])
        for tile_x in range(machine.row_bits, -1, -1)
    ]
    band = None if rows is None else (min(rows, shape[0]), *shape[1:])
    return min(
        candidates,
        key=lambda layout: (
            _work(layout, readers, machine, rows),
            0 if band is None else layout.words(band, machine),
            *_waste(layout, shape),
        ),
    )


def _phases(step: Step) -> Pair:
    """log2 of a reader's strides, where they are powers of two."""
    y, x = (stride.bit_length() - 1 if stride & (stride - 1) == 0 else 0 for stride in step.stride)
    return min(y, MOST_PHASE), min(x, MOST_PHASE)


def _work(layout: Layout, readers: list[Step], machine: Machine, rows: int | None = None) -> int:
    """Cycles that the map's convolutions and pools take, at one chunk a beat."""
    return sum(
        pool_cycles(layout, step, machine, rows or step.shape[0])
        if step.operation == Operation.POOL
        else tiles((rows or step.shape[0], *step.shape[1:]), layout.tile_x, machine.row_bits)
        * ceil_div(step.shape[2], machine.cols)
        * step.beats(machine.lanes)
        * conflicts(layout, step, machine.rows)
        for step in readers
    )


def pool_cycles(layout: Layout, step: Step, machine: Machine, rows: int) -> int:
    """Cycles of so many rows of a maximum pool.

    A tile of a block of channels takes a cycle for each tap, or for each of its rows, which leave
    one by one.
    """
    taps = step.kernel[0] * step.kernel[1] * conflicts(layout, step, machine.rows)
    blocks = ceil_div(step.shape[2], machine.lanes)
    count = tiles((rows, *step.shape[1:]), layout.tile_x, machine.row_bits)
    return count * blocks * max(taps, machine.rows)


def _waste(layout: Layout, shape: Shape) -> Pair:
    """Columns of a map that its last blocks leave empty, then how far it is cut into phases."""
    across = 1 << (layout.tile_x + layout.phases[1])
    return -shape[1] % across, sum(layout.phases)


def is_conflict_free(layout: Layout, step: Step) -> bool:
    """Whether a reader finds the pixels of a tile in different banks, at every tap."""
    return all(
        stride == 1 << phase or windows == 1
        for stride, phase, windows in zip(step.stride, layout.phases, step.shape[:2], strict=True)
    )


def conflicts(layout: Layout, step: Step, rows: int) -> int:
    """Accesses that a beat of a reader takes at most, on an array of so many rows."""
    return 1 if is_conflict_free(layout, step) else rows


def tiles(shape: Shape, tile_x: int, row_bits: int) -> int:
    """Tiles of R rows, 2**tile_x columns wide, that cover the pixels of a map (H, W, C)."""
    tile_y = row_bits - tile_x
    return ceil_div(shape[0], 1 << tile_y) * ceil_div(shape[1], 1 << tile_x)
