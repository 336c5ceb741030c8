"""Schedules layers on an array with two levels of memory: order, traffic and time of each.

Each pair of a row block and a column block of a layer (see `blocks`) is a job of the array, whose
cycles are the closed form's. While a job runs, the blocks of the next job are loaded, those of the
next layer too, and the outputs of the job before are written. So a job takes its own cycles or
those of the DRAM, whichever are more; the traffic of a layer is shared evenly by its jobs.

There are two orders. `weights` keeps a column block's weights while all row blocks stream past;
`activations` keeps a row block's activations while all column blocks stream past. The operand that
streams past is read again from DRAM for every block that is kept, unless it fits its scratchpad
whole. A layer of several groups of channels is as many layers of one group, one after the other.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.sim.cycles.points import CounterValues, Sizes

from .blocks import Blocks, MemoryArrays, Residency, residency
from .jobs import LayerJobs
from .layers import Layers

__all__ = ["ORDERS", "Goal", "Schedule", "schedule"]

Goal = Literal["time", "traffic"]
ORDERS = ("weights", "activations")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What becomes of each layer: arrays (..., layers).

    Attributes
    ----------
    counts : the core's counters, summed over the layer's jobs
    jobs : number of jobs of the array, of all groups
    row_blocks, column_blocks : number of blocks into which each group is cut
    weights_stay : whether the order keeps weights; else it keeps activations
    dram_weights, dram_inputs, dram_residuals, dram_outputs : bytes to or from DRAM; the
        requantisation parameters count as weights
    read_activations, read_weights : bytes that the array reads from the scratchpads
    dram_cycles : cycles that the DRAM takes for all that traffic
    cycles : cycles of the layer, with its waiting for memory
    fits : whether each scratchpad holds one block at least; else the other numbers mean nothing
    """

    counts: CounterValues
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
    sizes, memory, bits : arrays that broadcast with the layers; bits is the network's k
    goal : "time": the fewest cycles; "traffic": the fewest DRAM bytes

    Raises
    ------
    ValueError
        If the goal is unknown.
    """
    if goal not in get_args(Goal):
        raise ValueError(f"Goal must be time or traffic, not {goal!r}")
    blocks = Blocks(layers, sizes, memory, layers.bits(bits))
    jobs, resident = LayerJobs.of(blocks), residency(blocks)
    ours, theirs = (_ordered(blocks, jobs, resident, order == "weights") for order in ORDERS)
    keys = ("cycles", "dram_bytes") if goal == "time" else ("dram_bytes", "cycles")
    (a, b), (c, d) = ([getattr(s, key) for key in keys] for s in (ours, theirs))
    return _chosen((a < c) | ((a == c) & (b <= d)), ours, theirs)


def _chosen(first: npt.NDArray[np.bool_], ours: Schedule, theirs: Schedule) -> Schedule:
    """`ours` where `first`, else `theirs`; their jobs are the same."""
    differing = ("weights_stay", "dram_weights", "dram_inputs", "dram_cycles", "cycles")
    changes = {
        name: np.where(first, getattr(ours, name), getattr(theirs, name)) for name in differing
    }
    return replace(ours, **changes)


def _ordered(blocks: Blocks, jobs: LayerJobs, resident: Residency, weights_stay: bool) -> Schedule:
    """The schedule in one of the orders."""
    layers, sizes = blocks.layers, blocks.sizes
    # How often all inputs, and all weights, are read
    passes = np.where(weights_stay & (blocks.row_blocks > 1), blocks.column_blocks, 1)
    loads = np.where(weights_stay | (blocks.column_blocks == 1), 1, blocks.row_blocks)
    dram_inputs = np.where(resident.finds_input, 0, layers.groups * passes * blocks.input_bytes())
    dram_weights = layers.groups * loads * blocks.column_tiles * blocks.tile_weights
    traffic = dram_inputs + dram_weights + resident.dram_residuals + resident.dram_outputs
    cycles_per_byte = 1 / blocks.memory.dram_bytes_per_cycle
    share = np.ceil(traffic * cycles_per_byte / blocks.jobs).astype(np.int64)
    tiles = layers.groups * blocks.row_tiles * blocks.column_tiles
    return Schedule(
        counts=jobs.counts,
        jobs=blocks.jobs,
        row_blocks=blocks.row_blocks,
        column_blocks=blocks.column_blocks,
        weights_stay=np.array(weights_stay),
        dram_weights=dram_weights,
        dram_inputs=dram_inputs,
        dram_residuals=resident.dram_residuals,
        dram_outputs=resident.dram_outputs,
        read_activations=jobs.counts.beats * sizes.rows * sizes.lanes,
        read_weights=tiles * blocks.words * sizes.weight_bytes,
        dram_cycles=np.ceil(traffic * cycles_per_byte).astype(np.int64),
        cycles=(jobs.times * np.maximum(jobs.cycles, share)).sum(axis=0),
        fits=blocks.fits,
    )
