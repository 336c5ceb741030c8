"""Blocks of layers that fit the scratchpads, and which layers find their input there.

A layer is cut into blocks that fit half a scratchpad each: column tiles by their weights, row
tiles by their activations and outputs. The other half is loaded meanwhile.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers, Reals
from truncmac.integers import ceil_div
from truncmac.sim.cycles.points import Sizes

from .layers import RAW_BYTES, Layers
from .platforms import Platform

__all__ = ["UNLIMITED", "Blocks", "MemoryArrays", "Residency", "needed_bytes", "residency"]


@dataclass(frozen=True, kw_only=True)
class MemoryArrays:
    """Sizes of the scratchpads in bytes, and the DRAM's bytes a cycle: arrays that broadcast."""

    activation_bytes: Integers
    weight_bytes: Integers
    dram_bytes_per_cycle: Reals

    @classmethod
    def of(cls, platform: Platform) -> "MemoryArrays":
        """The memories of one platform."""
        return cls(
            activation_bytes=np.array(platform.memory.activation_bytes),
            weight_bytes=np.array(platform.memory.weight_bytes),
            dram_bytes_per_cycle=np.array(platform.dram_bytes_per_cycle),
        )


# Memories that no layer waits for: cycles are those of the array alone
UNLIMITED = MemoryArrays(
    activation_bytes=np.array(1 << 40),
    weight_bytes=np.array(1 << 40),
    dram_bytes_per_cycle=np.array(np.inf),
)


class Blocks:
    """The blocks of layers on arrays with memories; all attributes are arrays that broadcast.

    Parameters
    ----------
    bits : k of each layer

    Attributes
    ----------
    row_tiles, column_tiles : tiles of each group along M and N
    words : words of weights in a column tile
    tile_weights : bytes of the weights and requantisation parameters of a column tile
    block_rows, block_columns : tiles in a block, at most; 0 if not even one fits
    row_blocks, column_blocks : blocks of each group
    jobs : pairs of a row block and a column block, of all groups
    fits : whether one block at least fits
    """

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

    def needed(self) -> tuple[Integers, Integers]:
        """Bytes of each scratchpad, of activations and of weights, that hold one block."""
        whole, fixed, each = self._row_terms()
        rows = np.minimum(whole, ceil_div(fixed + each, self.layers.line))
        return 2 * rows, 2 * self.tile_weights

    def input_bytes(self) -> Integers:
        """Bytes of the inputs of all row blocks of a group; blocks read common lines again each."""
        block = self.block_rows * self.sizes.rows
        inputs = (self.row_blocks - 1) * self._input_bytes(block)
        inputs = inputs + self._input_bytes(self.layers.rows - (self.row_blocks - 1) * block)
        return np.where(self.row_blocks == 1, self.layers.input_codes, inputs)

    def _input_bytes(self, outputs: Integers) -> Integers:
        """Bytes of the inputs of a block of so many outputs of each channel."""
        layers = self.layers
        lines = ceil_div(outputs - 1, layers.line) + 1
        lines = (lines - 1) * layers.stride + layers.kernel
        return np.minimum(lines * layers.line_codes, layers.input_codes)

    def _output_bytes(self) -> Integers:
        """Bytes of the outputs and residual codes of one row tile and a column block."""
        each = np.where(self.layers.raw, RAW_BYTES, 1) + self.layers.residual
        block_columns = np.maximum(self.block_columns, 1)
        columns = np.minimum(block_columns * self.sizes.cols, self.layers.columns)
        return self.sizes.rows * columns * each

    def _row_terms(self) -> tuple[Integers, Integers, Integers]:
        """Bytes (whole, fixed, each) of the inputs and outputs of row tiles.

        All row tiles take `whole`; m of them take at most (fixed + m * each) / line.
        """
        layers, outputs = self.layers, self._output_bytes()
        # m tiles span at most (m * rows + line - 2) / line output lines after their first
        fixed = layers.line_codes * (
            layers.stride * (layers.line - 2) + layers.kernel * layers.line
        )
        each = self.sizes.rows * layers.line_codes * layers.stride + outputs * layers.line
        return layers.input_codes + outputs * self.row_tiles, fixed, each

    def _most_rows(self, most: Integers) -> Integers:
        """The number of row tiles that take at most `most` bytes; all if all together do."""
        whole, fixed, each = self._row_terms()
        return np.where(whole <= most, self.row_tiles, (most * self.layers.line - fixed) // each)


def needed_bytes(
    layers: Layers, sizes: Sizes, memory: MemoryArrays, bits: npt.ArrayLike
) -> tuple[Integers, Integers]:
    """Bytes of each scratchpad, of activations and of weights, without which a layer does not fit.

    Activations are counted beside the block of weights that fits `memory`, or one column tile.

    Parameters
    ----------
    bits : k of the network
    """
    return Blocks(layers, sizes, memory, layers.bits(bits)).needed()


@dataclass(frozen=True, kw_only=True)
class Residency:
    """What stays in the activation scratchpad from one layer to the next.

    Attributes
    ----------
    finds_input : whether the layer before left this layer's input in the scratchpad
    dram_residuals, dram_outputs : bytes of residual codes and outputs that move to or from DRAM
    """

    finds_input: npt.NDArray[np.bool_]
    dram_residuals: Integers
    dram_outputs: Integers


def residency(blocks: Blocks) -> Residency:
    """Find what stays in the scratchpad.

    A layer whose input, output and residual codes fit the scratchpad together leaves its output
    there for the next layer.
    """
    layers = blocks.layers
    outputs = layers.groups * layers.output_bytes
    residual = np.where(layers.residual, outputs, 0)
    together = layers.groups * layers.input_codes + outputs + residual
    fits, _ = np.broadcast_arrays(
        together <= blocks.memory.activation_bytes, blocks.row_blocks + blocks.bits
    )
    leaves = fits & np.append(np.ones(fits.shape[-1] - 1, bool), False)
    finds = np.roll(leaves, 1, axis=-1)
    return Residency(
        finds_input=finds,
        dram_residuals=np.where(finds & fits, 0, residual),
        dram_outputs=np.where(leaves, 0, outputs),
    )
