"""Estimates cycles, so that the compiler can choose among ways to run a network.

A convolution takes its beats, or the drain of its tiles, or the fetch of its weights, whichever
is longest. A maximum pool takes the taps or the rows of its tiles, a mean a cycle for each tap
and each lane of a word and one more, a shortcut two for a word. A STORE, or a
LOAD of a map, takes a word of all lanes a cycle, or what the bus carries; the LOAD of the image a
cycle for each copy. These are no promise of what the hardware takes: conflicts of banks, and what
the bus has to carry beside, are left out.
"""

from collections.abc import Mapping, Sequence

from truncmac.descriptors import PARAMETER_BYTES
from truncmac.golden import WEIGHT_BITS, Machine
from truncmac.golden.types import Shape
from truncmac.hw.config import chunk_count
from truncmac.hw.npu.config import NpuConfig
from truncmac.integers import ceil_div

from .layouts import Layout, conflicts, pool_cycles, tiles
from .steps import Step

__all__ = ["Cycles", "Estimate", "Widths", "pieces"]

Widths = Mapping[str, tuple[int, int]]  # by layer: k of its weights, k of its parameters
Cycles = tuple[int, ...]  # for each setting
OVERHEAD = 60  # of an operation
WORD_CYCLES = 1  # of a mean or a shortcut, beside one for each tap, and of a mean for each lane


class Estimate:
    """Cycles of operations of an NPU.

    Parameters
    ----------
    config : the NPU
    machine : what the reference knows of it
    widths : of each setting, the k of each layer
    """

    def __init__(self, config: NpuConfig, machine: Machine, widths: Sequence[Widths]) -> None:
        self.config = config
        self.machine = machine
        self.widths = widths
        self._known: dict[object, Cycles] = {}

    def step(self, step: Step, layout: Layout, rows: int) -> Cycles:
        """Cycles of `rows` output rows of a step whose input lies in a layout, for each setting."""
        key = step.name, step.operation, step.target, step.kernel, layout, rows
        if key not in self._known:
            each = self._product if step.layer is not None else self._passed
            self._known[key] = tuple(each(step, layout, rows, widths) for widths in self.widths)
        return self._known[key]

    def transfer(self, shape: Shape, codes: int) -> int:
        """Cycles of a LOAD or a STORE of a map (H, W, C), with as many codes in memory."""
        words = shape[0] * shape[1] * ceil_div(shape[2], self.config.array.lanes)
        return max(words, ceil_div(codes, self.config.bus_bytes)) + OVERHEAD

    def image(self, first: Step, rows: int) -> int:
        """Cycles of the LOAD of so many rows of windows of the image; `first` loads all of it."""
        high, wide = first.kernel
        lanes = self.config.array.lanes
        size = min(lanes, self.config.bus_bytes)
        row = wide * first.source_shape[2]  # bytes of a window's row
        copies = sum(pieces(row * tap, row, lanes, size) for tap in range(high))
        read = rows * high * ceil_div(first.source_shape[1] * first.source_shape[2], size)
        return max(rows * first.shape[1] * copies, read) + OVERHEAD

    def _product(self, step: Step, layout: Layout, rows: int, widths: Widths) -> int:
        array, bits = self.config.array, widths[step.name][0]
        beats, chunks = step.beats(array.lanes), chunk_count(bits, array.planes)
        count = tiles((rows, *step.shape[1:]), layout.tile_x, self.machine.row_bits)
        tile = max(
            beats * max(chunks, conflicts(layout, step, self.machine.rows)),
            array.interval,
        )
        word = array.cols * array.lanes * array.planes // WEIGHT_BITS
        fetched = chunks * beats * word + array.cols * PARAMETER_BYTES
        column = max(count * tile, ceil_div(fetched, self.config.bus_bytes))
        return ceil_div(step.shape[2], array.cols) * column + OVERHEAD

    def _passed(self, step: Step, layout: Layout, rows: int, widths: Widths) -> int:
        if step.by_tiles:
            return pool_cycles(layout, step, self.machine, rows) + OVERHEAD
        lanes = self.config.array.lanes
        word = WORD_CYCLES + step.kernel[0] * step.kernel[1] + (lanes if step.mean else 0)
        return word * rows * step.shape[1] * ceil_div(step.shape[2], lanes) + OVERHEAD


def pieces(channel: int, count: int, lanes: int, size: int) -> int:
    """Copies of up to `size` bytes that make channels of a pixel, none of two words."""
    end, found = channel + count, 0
    while channel < end:
        channel = min(channel + size, end, (channel // lanes + 1) * lanes)
        found += 1
    return found
