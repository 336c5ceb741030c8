"""Chooses how each map lies in the banks: the shape of its readers' tiles, and their strides."""

from collections.abc import Mapping
from dataclasses import dataclass

from truncmac.descriptors import Operation
from truncmac.golden import Machine
from truncmac.golden.types import Pair, Shape
from truncmac.integers import ceil_div

from .steps import Step, Steps

__all__ = ["Layout", "Layouts", "accesses", "choose_layouts", "is_conflict_free", "tiles"]

Layouts = Mapping[str, "Layout"]  # by name of the map
MOST_PHASE = 3  # log2 of the largest stride that a layout can follow


@dataclass(frozen=True)
class Layout:
    """How a map lies: log2 of a tile's columns, and of the strides, (vertical, horizontal)."""

    tile_x: int
    phases: Pair


def choose_layouts(steps: Steps, machine: Machine) -> Layouts:
    """The layout of each map by name: that with which its convolutions take the fewest cycles.

    A tile's shape is that of the fewest tiles. A reader of another stride than the layout's has
    its pixels in the same banks, and takes them one after the other.
    """
    readers = _readers(steps)
    return {name: _layout(shape, readers[name], machine) for name, shape in steps.maps.items()}


def accesses(steps: Steps, layouts: Layouts, machine: Machine) -> int:
    """Accesses to the activation memory that all convolutions take, at one chunk a beat."""
    readers = _readers(steps)
    return sum(_work(layouts[name], readers[name], machine) for name in steps.maps)


def _readers(steps: Steps) -> dict[str, list[Step]]:
    """The convolutions that read each map."""
    readers: dict[str, list[Step]] = {name: [] for name in steps.maps}
    for step in steps.steps:
        if step.operation == Operation.CONV and step.source is not None:
            readers[step.source].append(step)
    return readers


def _layout(shape: Shape, readers: list[Step], machine: Machine) -> Layout:
    candidates = [
        Layout(tile_x, phases)
        for phases in dict.fromkeys([(0, 0), *map(_phases, readers)])
        for tile_x in range(machine.row_bits, -1, -1)
    ]
    return min(
        candidates, key=lambda layout: (_work(layout, readers, machine), *_waste(layout, shape))
    )


def _phases(step: Step) -> Pair:
    """log2 of a reader's strides, where they are powers of two."""
    y, x = (stride.bit_length() - 1 if stride & (stride - 1) == 0 else 0 for stride in step.stride)
    return min(y, MOST_PHASE), min(x, MOST_PHASE)


def _work(layout: Layout, readers: list[Step], machine: Machine) -> int:
    """Accesses that the map's convolutions take, at one chunk a beat."""
    return sum(
        tiles(step.shape, layout.tile_x, machine)
        * ceil_div(step.shape[2], machine.cols)
        * step.beats(machine.lanes)
        * (1 if is_conflict_free(layout, step) else machine.rows)
        for step in readers
    )


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


def tiles(shape: Shape, tile_x: int, machine: Machine) -> int:
    """Tiles of R rows, 2**tile_x columns wide, that cover the pixels of a map (H, W, C)."""
    tile_y = machine.row_bits - tile_x
    return ceil_div(shape[0], 1 << tile_y) * ceil_div(shape[1], 1 << tile_x)
