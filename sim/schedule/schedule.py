"""Layers on an array with two levels of memory: blocks, traffic and time, for many at once.

A layer is cut into blocks that fit half a scratchpad each: column tiles by their weights, row
tiles by their activations. Each pair of a row block and a column block is a job of the array,
whose cycles are the closed form's. While it runs, the next job's blocks are loaded, of the next
layer too, and the outputs of the one before are written. So a job takes its cycles or those of
the DRAM, whichever are more, where a layer's traffic is shared evenly by its jobs.

Two orders: `weights` keeps a column block's weights and passes all row blocks by it, `activations`
keeps a row block's activations and passes all column blocks. What is passed by is fetched anew
each time, unless all of it fits its scratchpad. A layer whose input, output and residual codes
fit the activation scratchpad together leaves its output there for the next. A layer of several
groups of channels is as many layers of one group, one after the other.
"""

from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers, Reals
from truncmac.integers import ceil_div
from truncmac.sim.cycles.closed_form import (
    RESTART,
    Counts,
    Products,
    Sizes,
    Start,
    count_jobs,
    count_sequence,
)
from truncmac.sim.workloads.shapes import LayerShape, Workload

__all__ = ["ORDERS", "UNLIMITED", "Layers", "MemoryArrays", "Schedule", "needed_bytes", "schedule"]

Goal = Literal["time", "traffic"]
ORDERS = ("weights", "activations")
RAW_BYTES = 4  # of an S


@dataclass(frozen=True)
class MemoryArrays:
    """Scratchpads' bytes, and DRAM bytes a cycle of the array: arrays that broadcast."""

    activation_bytes: Integers
    weight_bytes: Integers
    dram_bytes_per_cycle: Reals


# Cycles are those of the array alone
UNLIMITED = MemoryArrays(np.array(1 << 40), np.array(1 << 40), np.array(np.inf))


@dataclass(frozen=True)
class Layers:
    """A workload's layers as arrays along the last axis; sizes are those of one group.

    Attributes
    ----------
    groups : products that a layer is made of; the sizes below are those of one
    rows, reduction, columns : M of all images, K, N
    own_bits : k of their own, or 0
    raw, residual : bool
    input_codes : of all images
    line, line_codes, kernel, stride : of the windows: outputs in a line, codes in an input line,
        input lines of a window, and from one output line to the next; without a window a line
        is one output
    """

    groups: Integers
    rows: Integers
    reduction: Integers
    columns: Integers
    own_bits: Integers
    raw: npt.NDArray[np.bool_]
    residual: npt.NDArray[np.bool_]
    input_codes: Integers
    line: Integers
    line_codes: Integers
    kernel: Integers
    stride: Integers

    @classmethod
    def of(cls, workload: Workload, images: int = 1) -> "Layers":
        """Layers of a workload; `images` of a batch are so many times the rows."""
        if images < 1:
            raise ValueError(f"Images must be at least 1, not {images}")
        layers = workload.layers
        return cls(
            groups=np.array([layer.groups for layer in layers]),
            rows=np.array([images * layer.rows for layer in layers]),
            reduction=np.array([layer.reduction for layer in layers]),
            columns=np.array([layer.columns for layer in layers]),
            own_bits=np.array([layer.bits or 0 for layer in layers]),
            raw=np.array([layer.raw for layer in layers]),
            residual=np.array([layer.residual for layer in layers]),
            input_codes=np.array([images * layer.input_codes // layer.groups for layer in layers]),
            **{
                name: np.array(column)
                for name, column in zip(
                    ("line", "line_codes", "kernel", "stride"),
                    zip(*map(_lines, layers), strict=True),
                    strict=True,
                )
            },
        )

    def bits(self, bits: npt.ArrayLike) -> Integers:
        """Each layer's k at the network's `bits`."""
        return np.where(self.own_bits > 0, self.own_bits, bits)

    def products(self, bits: Integers) -> Products:
        """The layers as products at these k."""
        return Products(self.rows, self.reduction, self.columns, bits, ~self.raw)

    @property
    def output_bytes(self) -> Integers:
        """Of a group, all images: a code is a byte, S four."""
        return self.rows * self.columns * np.where(self.raw, RAW_BYTES, 1)

    @property
    def macs(self) -> Integers:
        """Multiply-accumulates, without padding."""
        return self.groups * self.rows * self.reduction * self.columns


def _lines(layer: LayerShape) -> tuple[int, int, int, int]:
    if layer.window is None:
        return 1, layer.reduction, 1, 1
    window = layer.window
    return window.output[1], window.channels * window.width, window.kernel[0], window.stride[0]


@dataclass(frozen=True)
class Schedule:
    """What becomes of each layer: arrays (..., layers).

    Attributes
    ----------
    counts : the core's counters, summed over the layer's jobs
    jobs : of the array, all groups
    row_blocks, column_blocks : into how many each group is cut
    weights_stay : the order keeps weights; else activations
    dram_weights, dram_inputs, dram_residuals, dram_outputs : bytes to or from DRAM; the
        requantisation parameters count as weights
    read_activations, read_weights : bytes that the array takes from the scratchpads
    dram_cycles : of all that traffic
    cycles : of the layer, with the waiting for memory
    fits : each scratchpad holds at least one block; where not, the other numbers mean nothing
    """

    counts: Counts
    jobs: Integers
    row_blocks: Integers
    column_blocks: Integers
    weights_stay: npt.NDArray[np.bool_]
    dram_weights: Integers
    dram_inputs: Integers
    dram_residuals: Integers
    dram_outputs: Integers
    read_activations: Integers
    read_weights: Integers
    dram_cycles: Integers
    cycles: Integers
    fits: npt.NDArray[np.bool_]

    @property
    def dram_bytes(self) -> Integers:
        """All bytes to and from DRAM."""
        return self.dram_weights + self.dram_inputs + self.dram_residuals + self.dram_outputs


def schedule(
    layers: Layers,
    sizes: Sizes,
    memory: MemoryArrays,
    bits: npt.ArrayLike,
    *,
    goal: Goal = "time",
) -> Schedule:
    """Schedule each layer in the better of the two orders.

    Parameters
    ----------
    layers : along the last axis
    sizes, memory, bits : broadcast with the layers; the network's k
    goal : "time": the fewest cycles; "traffic": the fewest DRAM bytes
    """
    if goal not in ("time", "traffic"):
        raise ValueError(f"Goal must be time or traffic, not {goal!r}")
    blocks = _Blocks(layers, sizes, memory, layers.bits(bits))
    ours, theirs = (blocks.ordered(order == "weights") for order in ORDERS)
    keys = ("cycles", "dram_bytes") if goal == "time" else ("dram_bytes", "cycles")
    (a, b), (c, d) = ([getattr(s, key) for key in keys] for s in (ours, theirs))
    return _chosen((a < c) | ((a == c) & (b <= d)), ours, theirs)


def needed_bytes(
    layers: Layers, sizes: Sizes, memory: MemoryArrays, bits: npt.ArrayLike
) -> tuple[Integers, Integers]:
    """Bytes of each scratchpad, of activations and of weights, without which a layer does not fit.

    Activations are counted beside the block of weights that fits `memory`, or one column tile.
    """
    return _Blocks(layers, sizes, memory, layers.bits(bits)).needed()


def _chosen(first: npt.NDArray[np.bool_], ours: Schedule, theirs: Schedule) -> Schedule:
    """`ours` where `first`, else `theirs`; their jobs are the same."""
    differing = ("weights_stay", "dram_weights", "dram_inputs", "dram_cycles", "cycles")
    changes = {
        name: np.where(first, getattr(ours, name), getattr(theirs, name)) for name in differing
    }
    return replace(ours, **changes)


class _Blocks:
    """Sizes of the blocks, and what does not depend on their order."""

    def __init__(self, layers: Layers, sizes: Sizes, memory: MemoryArrays, bits: Integers) -> None:
        self.layers, self.sizes, self.memory, self.bits = layers, sizes, memory, bits
        self.row_tiles = ceil_div(layers.rows, sizes.rows)
        self.column_tiles = ceil_div(layers.columns, sizes.cols)
        self.words = ceil_div(layers.reduction, sizes.lanes) * ceil_div(bits, sizes.planes)
        parameters = np.where(layers.raw, 0, sizes.cols * sizes.parameter_bytes)
        self.tile_weights = self.words * sizes.weight_bytes + parameters
        half = memory.weight_bytes // 2
        self.block_columns = np.clip(half // self.tile_weights, 0, self.column_tiles)
        half = memory.activation_bytes // 2
        self.block_rows = np.clip(self._most_rows(half), 0, self.row_tiles)
        self.fits = (self.block_columns > 0) & (self.block_rows > 0)
        self.row_blocks = ceil_div(self.row_tiles, np.maximum(self.block_rows, 1))
        self.column_blocks = ceil_div(self.column_tiles, np.maximum(self.block_columns, 1))
        self.jobs = layers.groups * self.row_blocks * self.column_blocks
        self._find_resident()
        self._count()

    def _output_bytes(self) -> Integers:
        """Of one row tile and a column block, with its residual codes."""
        each = np.where(self.layers.raw, RAW_BYTES, 1) + self.layers.residual
        block_columns = np.maximum(self.block_columns, 1)
        columns = np.minimum(block_columns * self.sizes.cols, self.layers.columns)
        return self.sizes.rows * columns * each

    def _row_terms(self) -> tuple[Integers, Integers, Integers]:
        """Bytes of all row tiles; and `line` times those of m, fixed and for each of m."""
        layers, outputs = self.layers, self._output_bytes()
        # m tiles span at most (m * rows + line - 2) / line output lines after their first
        fixed = layers.line_codes * (
            layers.stride * (layers.line - 2) + layers.kernel * layers.line
        )
        each = self.sizes.rows * layers.line_codes * layers.stride + outputs * layers.line
        return layers.input_codes + outputs * self.row_tiles, fixed, each

    def _most_rows(self, most: Integers) -> Integers:
        """Row tiles whose inputs and outputs take at most `most` bytes; all if they fit."""
        whole, fixed, each = self._row_terms()
        return np.where(whole <= most, self.row_tiles, (most * self.layers.line - fixed) // each)

    def needed(self) -> tuple[Integers, Integers]:
        """Bytes of each scratchpad, of activations and of weights, that hold one block."""
        whole, fixed, each = self._row_terms()
        rows = np.minimum(whole, ceil_div(fixed + each, self.layers.line))
        return 2 * rows, 2 * self.tile_weights

    def _input_bytes(self, outputs: Integers) -> Integers:
        """Input codes of a block of so many outputs of each channel."""
        layers = self.layers
        lines = ceil_div(outputs - 1, layers.line) + 1
        lines = (lines - 1) * layers.stride + layers.kernel
        return np.minimum(lines * layers.line_codes, layers.input_codes)

    def _find_resident(self) -> None:
        """Which layers find their input in the scratchpad, and leave their output there."""
        layers = self.layers
        outputs = layers.groups * layers.output_bytes
        residual = np.where(layers.residual, outputs, 0)
        together = layers.groups * layers.input_codes + outputs + residual
        kept, _ = np.broadcast_arrays(
            together <= self.memory.activation_bytes, self.row_blocks + self.bits
        )
        self.leaves = kept & np.append(np.ones(kept.shape[-1] - 1, bool), False)
        self.finds = np.roll(self.leaves, 1, axis=-1)
        self.dram_residuals = np.where(self.finds & kept, 0, residual)
        self.dram_outputs = np.where(self.leaves, 0, outputs)

    def _count(self) -> None:
        """Counters of each layer: as one job of the sequence, or the sum of its blocks' jobs."""
        products = self.layers.products(self.bits)
        counts = count_sequence(products, self.sizes).arrays()
        shape = np.broadcast_shapes(counts["cycles"].shape, self.jobs.shape)
        counts = {name: np.broadcast_to(array, shape).copy() for name, array in counts.items()}
        self.job_cycles = np.zeros((4, *shape), np.int64)
        self.job_times = np.zeros((4, *shape), np.int64)
        cut = np.broadcast_to(self.jobs > 1, shape)
        self.job_cycles[0], self.job_times[0] = counts["cycles"] + RESTART, ~cut
        if cut.any():
            self._count_blocks(counts, cut)
        self.counts = Counts(**counts)

    def _count_blocks(self, counts: dict[str, Integers], cut: npt.NDArray[np.bool_]) -> None:
        """Count the jobs of the layers that are `cut`: whole blocks, and those at the ends."""
        for array in counts.values():
            array[cut] = 0
        kinds = product(
            _whole_and_last(self.row_tiles, self.row_blocks, self.block_rows),
            _whole_and_last(self.column_tiles, self.column_blocks, self.block_columns),
        )
        for index, ((rows, row_times), (columns, column_times)) in enumerate(kinds):
            times = np.broadcast_to(self.layers.groups * row_times * column_times, cut.shape)
            some = cut & self.fits & (times > 0)
            found = self._jobs(rows, columns, some).arrays()
            for name, array in found.items():
                counts[name][some] += times[some] * array
            self.job_cycles[index][some] = found["cycles"] + RESTART
            self.job_times[index][some] = times[some]

    def _jobs(self, rows: Integers, columns: Integers, some: npt.NDArray[np.bool_]) -> Counts:
        """Counters of the jobs of so many row and column tiles, for the points in `some`."""

        def part(array: npt.NDArray[np.generic]) -> Any:
            return np.broadcast_to(array, some.shape)[some]

        sizes = Sizes(**{f.name: part(getattr(self.sizes, f.name)) for f in fields(Sizes)})
        jobs = Products(
            part(rows) * sizes.rows,
            part(self.layers.reduction),
            part(columns) * sizes.cols,
            part(self.bits),
            part(~self.layers.raw),
        )
        return count_jobs(jobs, sizes, Start.warm())[0]

    def ordered(self, weights_stay: bool) -> Schedule:
        """The schedule in one of the orders."""
        layers, sizes = self.layers, self.sizes
        passes = np.where(self.row_blocks > 1, self.column_blocks, 1) if weights_stay else 1
        loads = 1 if weights_stay else np.where(self.column_blocks > 1, self.row_blocks, 1)
        block = self.block_rows * sizes.rows
        inputs = (self.row_blocks - 1) * self._input_bytes(block)
        inputs = inputs + self._input_bytes(layers.rows - (self.row_blocks - 1) * block)
        inputs = np.where(self.row_blocks == 1, layers.input_codes, inputs)
        dram_inputs = np.where(self.finds, 0, layers.groups * passes * inputs)
        dram_weights = layers.groups * loads * self.column_tiles * self.tile_weights
        traffic = dram_inputs + dram_weights + self.dram_residuals + self.dram_outputs
        cycles_per_byte = 1 / self.memory.dram_bytes_per_cycle
        share = np.ceil(traffic * cycles_per_byte / self.jobs).astype(np.int64)
        cycles = (self.job_times * np.maximum(self.job_cycles, share)).sum(axis=0)
        tiles = layers.groups * self.row_tiles * self.column_tiles
        return Schedule(
            counts=self.counts,
            jobs=self.jobs,
            row_blocks=self.row_blocks,
            column_blocks=self.column_blocks,
            weights_stay=np.array(weights_stay),
            dram_weights=dram_weights,
            dram_inputs=dram_inputs,
            dram_residuals=self.dram_residuals,
            dram_outputs=self.dram_outputs,
            read_activations=self.counts.beats * sizes.rows * sizes.lanes,
            read_weights=tiles * self.words * sizes.weight_bytes,
            dram_cycles=np.ceil(traffic * cycles_per_byte).astype(np.int64),
            cycles=cycles,
            fits=self.fits,
        )


def _whole_and_last(
    tiles: Integers, blocks: Integers, block: Integers
) -> list[tuple[Integers, Integers]]:
    """(tiles, how many) of the blocks that are whole, and of the last."""
    return [(block, blocks - 1), (tiles - (blocks - 1) * block, np.ones_like(blocks))]
