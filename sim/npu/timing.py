"""Counts a plan's cycles in closed form, for many NPUs and k at once.

The NPUs have the plan's rows, lanes, groups and depth; columns, planes, output units and the bus
may differ. Each operation takes what it takes alone: left out are the waits of LOADs and STOREs
that run beside convolutions, and of results for a bank from which residual codes are read.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    PARAMETER_BYTES,
    ROW_BEATS,
    SUM_BYTES,
    Operation,
)
from truncmac.golden.types import Integers
from truncmac.integers import ceil_div
from truncmac.sim.cycles.npu.columns import Convolution
from truncmac.sim.cycles.npu.sizes import NpuSizes
from truncmac.sim.cycles.npu.timeline import Timeline

from .actions import Action
from .estimate import pieces
from .layouts import Layout, is_conflict_free, tiles
from .repeats import blocks_of
from .steps import Step

__all__ = ["pass_action", "plan_bytes", "plan_cycles"]

AT_ONCE, ONE_BY_ONE = 4, 1  # cycles until the first of a block's taps comes, by how they are read


def plan_cycles(
    actions: Sequence[Action], npus: NpuSizes, chunks: Sequence[Integers], rows: int
) -> Integers:
    """Cycles of a plan from start to interrupt, int64 (NPUs, bit-widths).

    Parameters
    ----------
    actions : the plan's
    npus : sizes, arrays (NPUs, 1)
    chunks : of the weights, for each action (NPUs, bit-widths); 0 where there are none
    rows : of the arrays
    """
    shape = np.broadcast_shapes(chunks[0].shape, npus.bus_bytes.shape)
    line = Timeline(npus, shape)
    line.pass_on(np.ones(shape, np.int64))  # BEGIN
    for block in blocks_of(actions):
        left, before = block.times, None
        while left:
            for number in block.actions:
                pass_action(line, actions[number], chunks[number], rows)
            left -= 1
            # Once all that happens comes later by the same time, so does what is left of it
            if before is not None and line.repeats(before):
                line.leap(before, left)
                left = 0
            before = line.moments() if left else None
    return line.over()


def plan_bytes(actions: Sequence[Action], npus: NpuSizes, chunks: Sequence[Integers]) -> Integers:
    """Bytes that a plan reads and writes, int64 (NPUs, bit-widths); as `plan_cycles`."""
    total = np.asarray((len(actions) + 2) * DESCRIPTOR_BYTES)
    for action, own in zip(actions, chunks, strict=True):
        total = total + _moved_bytes(action.step, npus, own)
    return np.broadcast_to(total, np.broadcast_shapes(chunks[0].shape, npus.bus_bytes.shape))


def _moved_bytes(step: Step, npus: NpuSizes, chunks: Integers) -> Integers | int:
    """Weights and parameters, or what a LOAD reads and a STORE writes."""
    if step.layer is not None:
        columns = ceil_div(step.shape[2], npus.array.cols)
        weights = columns * _beats(step, npus) * chunks * npus.array.weight_bytes
        return weights + (
            prod(step.shape) * SUM_BYTES if step.raw else step.shape[2] * PARAMETER_BYTES
        )
    if step.operation == Operation.LOAD:
        return sum(_rows_inside(step)) * step.source_shape[1] * step.source_shape[2]
    return prod(step.shape) if step.operation == Operation.STORE else 0


def _beats(step: Step, npus: NpuSizes) -> Integers:
    """Beats of a convolution's reduction."""
    return step.kernel[0] * step.kernel[1] * ceil_div(step.source_shape[2], npus.array.lanes)


def pass_action(
    line: Timeline, action: Action, chunks: Integers, rows: int
) -> tuple[Integers, Integers]:
    """Pass an operation; the cycles in which it is taken, and in which it is over.

    Parameters
    ----------
    chunks, rows : as of `plan_cycles`
    """
    step, npus, waits = action.step, line.npus, bool(action.values.get("wait", 0))
    beside = bool(action.values.get("beside", 0))
    if step.layer is not None:
        return line.convolve(_convolution(action, chunks, npus, rows), waits=waits)
    if step.operation == Operation.LOAD:
        return line.load(*_load_cycles(step, npus), waits=waits, beside=beside)
    if step.operation == Operation.STORE:
        return line.store(_store_cycles(step, npus), waits=waits, beside=beside)
    return line.pass_on(_passed(action, npus, rows), waits=waits)


def _convolution(action: Action, chunks: Integers, npus: NpuSizes, rows: int) -> Convolution:
    step, place = action.step, action.places[action.step.source or ""]
    high, wide, channels = step.shape
    across = 1 << place.tile_x
    return Convolution(
        beats=_beats(step, npus),
        chunks=chunks,
        tiles=np.array(tiles(step.shape, place.tile_x, rows.bit_length() - 1)),
        channels=np.array(channels),
        pixels=np.array(high * wide),
        raw=step.raw,
        gap=np.array(_gap(action, rows)),
        whole=high % (rows // across) == 0 and wide % across == 0,
        crowded=_meet(action, rows),
    )


def _gap(action: Action, rows: int) -> int:
    """Cycles from a word of a tile's pixels to the next: more than 1 if banks hold several."""
    step, place = action.step, action.places[action.step.source or ""]
    layout = Layout(place.tile_x, (place.phase_y, place.phase_x))
    return 1 if is_conflict_free(layout, step) else rows + 3


def _meet(action: Action, rows: int) -> bool:
    """Whether the last two rows of a tile are written to one bank."""
    if action.step.target is None:
        return False
    place, read = action.places[action.step.target], action.places[action.step.source or ""]
    high, wide, _ = action.step.shape
    last = [(wide - 1, high - 1), (wide - 2, high - 1) if read.tile_x else (wide - 1, high - 2)]
    across, down = (1 << place.tile_x) - 1, (rows >> place.tile_x) - 1
    banks = {(x >> place.phase_x & across, y >> place.phase_y & down) for x, y in last}
    return len(banks) == 1


def _load_cycles(step: Step, npus: NpuSizes) -> tuple[Integers, Integers]:
    """A copy a cycle, one more for each row that is read, and until the first of them is here.

    Returns the cycles, and the beats that are read ahead of the copies.
    """
    high, wide = step.kernel
    size = np.minimum(npus.array.lanes, npus.bus_bytes)
    row = wide * step.source_shape[2]  # bytes of a window's row
    if high * wide == 1:
        each = [ceil_div(row, size)]
    else:
        each = [_pieces(row * tap, row, npus, size) for tap in range(high)]
    inside = _rows_inside(step)
    row_beats = ceil_div(step.source_shape[1] * step.source_shape[2], npus.bus_bytes)
    copies = step.shape[0] * step.shape[1] * sum(each)
    # Copies of rows that lie outside, of which nothing is read, are made meanwhile
    outside = step.shape[1] * sum(each[: inside.index(True)] if True in inside[:high] else each)
    first = 4 + npus.latency + DESCRIPTOR_BYTES // npus.bus_bytes
    cycles = np.maximum(copies + sum(inside), sum(inside) * row_beats)
    ahead = np.minimum(np.maximum(ROW_BEATS // row_beats, 1), sum(inside)) * row_beats
    return cycles + np.maximum(first - outside, 1), ahead


def _pieces(channel: int, count: int, npus: NpuSizes, size: Integers) -> Integers:
    """As `pieces`, for NPUs of as many lanes that move up to `size` bytes at once."""
    lanes = int(npus.array.lanes.flat[0])
    known = {most: pieces(channel, count, lanes, most) for most in np.unique(size).tolist()}
    return np.vectorize(known.get, otypes=[np.int64])(size)


def _rows_inside(step: Step) -> list[bool]:
    """Of the rows of all windows in their order, which are inside the image."""
    tops = (y * step.stride[0] - step.padding[0] for y in range(step.shape[0]))
    return [0 <= top + tap < step.source_shape[0] for top in tops for tap in range(step.kernel[0])]


def _store_cycles(step: Step, npus: NpuSizes) -> Integers:
    """A word a cycle."""
    size = np.minimum(npus.array.lanes, npus.bus_bytes)
    high, wide, channels = step.source_shape
    beats = high * ceil_div(wide * channels, npus.bus_bytes)
    return np.maximum(high * wide * ceil_div(channels, size), beats) + 4


def _passed(action: Action, npus: NpuSizes, rows: int) -> Integers:
    step = action.step
    taps = step.kernel[0] * step.kernel[1]
    blocks = ceil_div(step.shape[2], npus.array.lanes)
    if not step.by_tiles:
        words = step.shape[0] * step.shape[1] * blocks
        each = taps + 1 + (npus.array.lanes if step.mean else 0)
        return words * each + 1
    gap, tile_x = _gap(action, rows), action.places[step.source or ""].tile_x
    count = tiles(step.shape, tile_x, rows.bit_length() - 1)
    taps, begins = taps * gap, AT_ONCE if gap == 1 else ONE_BY_ONE
    # Of each block of channels the first tile, then the others; rows leave one by one
    first, others = np.maximum(taps + begins, rows), (count - 1) * max(taps, rows)
    return taps + begins + (blocks - 1) * first + blocks * others + rows
