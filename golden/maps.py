"""The NPU's activation memory: groups of banks, and how the pixels of a map lie in them.

A group has a bank for each row of the array. A tile's rows are Rx x Ry pixels, so a map is cut
into blocks of Rx x Ry pixels, and each pixel of a block is in another bank. A map that is read
with a stride is first cut into the phases of the stride, and each phase into blocks of its own,
so that the pixels of a tile are in different banks whichever tap of the window is read.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truncmac.descriptors import ProgramFault
from truncmac.integers import ceil_div

from .types import Codes, Integers, Pair, Shape

__all__ = ["ActivationMemory", "Machine", "MapPlace", "ProgramError"]

MOST_PHASE = 3  # a stride has 4 bits, so 8 is its largest power of two


class ProgramError(ValueError):
    """A program asks for what the NPU cannot do.

    Attributes
    ----------
    fault : what the hardware reports; None if it cannot see the mistake
    index : of the descriptor at fault, from 0; None before it is known
    """

    def __init__(self, message: str, fault: ProgramFault | None = None, index: int | None = None):
        super().__init__(message if index is None else f"Descriptor {index}: {message}")
        self.fault = fault
        self.index = index


@dataclass(frozen=True)
class Machine:
    """The sizes of an NPU on which its results and its program's layout depend.

    Attributes
    ----------
    rows, cols, lanes, planes : of the array; the first three are powers of two
    max_reduction : the longest reduction K
    groups : of the activation memory
    depth : words of each of a group's `rows` banks; a word is `lanes` codes
    bus_bytes : of a beat of the memory bus; weights and parameters begin at a multiple of it
    configuration : the hash that a program for this NPU carries
    """

    rows: int
    cols: int
    lanes: int
    planes: int
    max_reduction: int
    groups: int
    depth: int
    bus_bytes: int
    configuration: int

    @property
    def row_bits(self) -> int:
        """log2 of the rows."""
        return self.rows.bit_length() - 1

    @property
    def weight_word_bytes(self) -> int:
        """Bytes of a chunk of every column and lane; they are whole bytes."""
        return self.cols * self.lanes * self.planes // 8


@dataclass(frozen=True)
class MapPlace:
    """Where a map lies, and in which layout; the fields are those of a descriptor.

    Pixel (x, y) is in bank (x div 2**phase_x) mod Rx + Rx ((y div 2**phase_y) mod Ry), where
    Rx = 2**tile_x and Rx Ry are the array's rows.

    Attributes
    ----------
    group : of banks
    base : its first word, the same in every bank
    step_x, step_y : words from a block to the next along a row, and from a row of blocks to the
        next; a block is Rx x Ry pixels of each phase
    tile_x : log2 of Rx
    phase_x, phase_y : log2 of the stride with which the map's reader passes over it
    """

    group: int
    base: int
    step_x: int
    step_y: int
    tile_x: int
    phase_x: int
    phase_y: int

    @classmethod
    def packed(
        cls,
        shape: Shape,
        machine: Machine,
        *,
        group: int,
        base: int,
        tile_x: int,
        phases: tuple[int, int] = (0, 0),
    ) -> "MapPlace":
        """The place of a map (H, W, C) that leaves out no word; `phases` are (y, x)."""
        _, width, channels = shape
        phase_y, phase_x = phases
        step_x = ceil_div(channels, machine.lanes) << (phase_x + phase_y)
        step_y = step_x * ceil_div(width, 1 << (tile_x + phase_x))
        return cls(group, base, step_x, step_y, tile_x, phase_x, phase_y)

    def words(self, shape: Shape, machine: Machine) -> int:
        """Words of each bank from the base to the end of a map (H, W, C)."""
        height, width, _ = shape
        down = (height - 1) >> (self.phase_y + machine.row_bits - self.tile_x)
        right = (width - 1) >> (self.phase_x + self.tile_x)
        return down * self.step_y + (right + 1) * self.step_x

    def tile_rows(self, machine: Machine) -> int:
        """Rows of pixels of a row of blocks: Ry of each phase."""
        return 1 << (self.phase_y + machine.row_bits - self.tile_x)

    def check(self, shape: Shape, machine: Machine) -> None:
        """Refuse a map (H, W, C) that is not within the activation memory, with `ProgramError`."""
        if self.group >= machine.groups or self.tile_x > machine.row_bits:
            raise ProgramError(
                f"a map is in group {self.group} with tiles of 2**{self.tile_x} columns; there "
                f"are {machine.groups} groups of {machine.rows} banks",
                ProgramFault.PLACE,
            )
        if max(self.phase_x, self.phase_y) > MOST_PHASE:
            raise ProgramError(
                f"a map is for strides of 2**{self.phase_x} and 2**{self.phase_y}; the largest is "
                f"{1 << MOST_PHASE}",
                ProgramFault.PLACE,
            )
        blocks = ceil_div(shape[2], machine.lanes)
        if self.step_x < blocks << (self.phase_x + self.phase_y):
            raise ProgramError(
                f"a map of {blocks} words a pixel has {self.step_x} words a block",
                ProgramFault.PLACE,
            )
        end = self.base + self.words(shape, machine)
        if end > machine.depth:
            raise ProgramError(
                f"a map ends at word {end} of group {self.group}, which has {machine.depth}",
                ProgramFault.PLACE,
            )

    def locate(
        self, shape: Shape, machine: Machine, strides: Pair = (1, 1)
    ) -> tuple[Integers, Integers]:
        """Bank, and word of the first channels, of each pixel of a map (H, W, C): (H, W) each.

        With strides they are those of pixels so many rows and columns apart only.
        """
        y, x = np.arange(0, shape[0], strides[0])[:, None], np.arange(0, shape[1], strides[1])
        tile_y = machine.row_bits - self.tile_x
        blocks = self.step_x >> (self.phase_x + self.phase_y)
        column, row = x >> self.phase_x, y >> self.phase_y
        bank = (column & ((1 << self.tile_x) - 1)) + ((row & ((1 << tile_y) - 1)) << self.tile_x)
        phase = ((y & ((1 << self.phase_y) - 1)) << self.phase_x) + (x & ((1 << self.phase_x) - 1))
        block = (row >> tile_y) * self.step_y + (column >> self.tile_x) * self.step_x
        return bank, self.base + block + phase * blocks


class ActivationMemory:
    """Codes on chip. Reading what was never written is refused: the hardware gives any value then.

    Parameters
    ----------
    machine : its sizes
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        shape = (machine.groups, machine.rows, machine.depth, machine.lanes)
        self._codes = np.empty(shape, np.uint8)
        self._written = np.zeros(shape, np.bool_)

    def read(self, place: MapPlace, shape: Shape, strides: Pair = (1, 1)) -> Codes:
        """The codes of a map (H, W, C), or of its pixels so many rows and columns apart.

        Raises
        ------
        ProgramError
            If it is not within the memory, or not all that is read was written.
        """
        where = self._where(place, shape, strides)
        if not self._written[where].all():
            raise ProgramError(f"reads codes of group {place.group} that nothing has written")
        return self._codes[where]

    def write(self, place: MapPlace, codes: Codes) -> None:
        """Write a map (H, W, C); words that hold channels of others keep them.

        Raises
        ------
        ProgramError
            If it is not within the memory.
        """
        where = self._where(place, codes.shape)
        self._codes[where] = codes
        self._written[where] = True

    def _where(
        self, place: MapPlace, shape: Shape, strides: Pair = (1, 1)
    ) -> tuple[int, Integers, Integers, npt.NDArray[np.intp]]:
        """Indices of each code of a map's pixels that are so many rows and columns apart."""
        machine = self.machine
        place.check(shape, machine)
        bank, word = place.locate(shape, machine, strides)
        channel = np.arange(shape[2])
        word = word[..., None] + channel // machine.lanes
        return place.group, bank[..., None], word, channel % machine.lanes
