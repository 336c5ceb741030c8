"""Lays GEMMs out as the memories that the harness plays into the core."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm, memory_image, pack_weights
from truncmac.hw.config import ArrayConfig

__all__ = ["Memories", "Tile", "read_results", "tile_grid"]

Words = npt.NDArray[np.uint8]  # (words, bytes of a word), byte 0 lowest


def tile_grid(gemm: Gemm, config: ArrayConfig) -> tuple[int, int]:
    """Tiles along the GEMM's rows and columns."""
    return -(-gemm.rows // config.rows), -(-gemm.columns // config.cols)


def activation_words(activations: npt.NDArray[np.uint8], config: ArrayConfig) -> Words:
    """Beats of all row tiles, shape (row tiles * beats, rows * lanes), zero padded."""
    rows, reduction = activations.shape
    row_tiles, beats = -(-rows // config.rows), -(-reduction // config.lanes)
    padded = np.zeros((row_tiles * config.rows, beats * config.lanes), np.uint8)
    padded[:rows, :reduction] = activations
    tiles = padded.reshape(row_tiles, config.rows, beats, config.lanes)
    return tiles.transpose(0, 2, 1, 3).reshape(row_tiles * beats, -1)


@dataclass(frozen=True)
class Tile:
    """One command of the run, with the memory words where its operands begin."""

    bits: int
    beats: int
    offset: int
    last: bool
    weights: int
    activations: int

    def word(self, beats_width: int) -> int:
        """The harness' form: last, offset, beats, bits, weights, activations."""
        value = (int(self.last) << 9 | self.offset) << beats_width | self.beats
        return ((value << 4 | self.bits) << 32 | self.weights) << 32 | self.activations


@dataclass
class Memories:
    """Memories of a run; what two GEMMs share is stored once.

    Attributes
    ----------
    tiles : list of Tile
    activations, weights : list of arrays (words, bytes of a word), byte 0 lowest
    """

    config: ArrayConfig
    tiles: list[Tile] = field(default_factory=list)
    activations: list[Words] = field(default_factory=list)
    weights: list[Words] = field(default_factory=list)
    _bases: dict[tuple[str, bytes], int] = field(default_factory=dict)
    _words: dict[str, int] = field(default_factory=lambda: {"a": 0, "w": 0})

    def add(self, gemm: Gemm) -> None:
        """Append the tiles of a GEMM: column tile by column tile, row tiles innermost.

        Raises
        ------
        ValueError
            If its reduction is longer than the array was built for.
        """
        config = self.config
        if gemm.reduction > config.max_reduction:
            raise ValueError(
                f"Layer {gemm.name!r} has reduction K = {gemm.reduction}; the array is built for "
                f"K up to {config.max_reduction}. Build it with --max-reduction {gemm.reduction}"
            )
        beats = -(-gemm.reduction // config.lanes)
        packed = pack_weights(
            gemm.codes, columns=config.cols, lanes=config.lanes, planes=config.planes
        )
        image = memory_image(packed)
        weights = self._place("w", self.weights, image.reshape(-1, image.shape[-1]))
        words = activation_words(gemm.activations, config)
        activations = self._place("a", self.activations, words)
        row_tiles, column_tiles = tile_grid(gemm, config)
        last = (column_tiles - 1, row_tiles - 1)
        self.tiles += [
            Tile(
                bits=gemm.bits,
                beats=beats,
                offset=gemm.offset,
                last=(column, row) == last,
                weights=weights + column * config.chunks * beats,
                activations=activations + row * beats,
            )
            for column in range(column_tiles)
            for row in range(row_tiles)
        ]

    def _place(self, kind: str, memory: list[Words], words: Words) -> int:
        """Base of `words`, appended unless they are there already."""
        key = (kind, words.tobytes())
        if key not in self._bases:
            memory.append(words)
            self._bases[key] = self._words[kind]
            self._words[kind] += len(words)
        return self._bases[key]

    @property
    def depth(self) -> int:
        """Words of the longest memory."""
        return max(len(self.tiles), *self._words.values())

    def write(self, folder: Path) -> dict[str, int]:
        """Write tiles.hex, activations.hex and weights.hex; return their word counts."""
        beats_width = self.config.max_beats.bit_length()
        tiles = "".join(f"{tile.word(beats_width):x}\n" for tile in self.tiles)
        (folder / "tiles.hex").write_text(tiles)
        for name, memory in (("activations", self.activations), ("weights", self.weights)):
            with (folder / f"{name}.hex").open("wb") as file:
                for words in memory:
                    file.write(hex_lines(words))
        return {
            "tiles": len(self.tiles),
            "activation_words": self._words["a"],
            "weight_words": self._words["w"],
        }


def hex_lines(words: Words) -> bytes:
    """The form that $readmemh reads: a word a line, highest digit first."""
    count, width = words.shape
    digits = np.frombuffer(words[:, ::-1].tobytes().hex().encode(), np.uint8)
    lines = np.full((count, 2 * width + 1), ord("\n"), np.uint8)
    lines[:, :-1] = digits.reshape(count, 2 * width)
    return lines.tobytes()


def read_results(
    path: Path, gemms: Sequence[Gemm], config: ArrayConfig
) -> list[npt.NDArray[np.int64]]:
    """Outputs (M, N) of each GEMM from the rows that the harness wrote, in order.

    Raises
    ------
    RuntimeError
        If rows are missing, or undefined: the simulated hardware is broken.
    """
    try:
        data = bytes.fromhex(path.read_text())
    except ValueError:
        raise RuntimeError(f"{path}: undefined bits (x) among the results") from None
    rows = np.frombuffer(data, ">i8").reshape(-1, config.cols)[:, ::-1].astype(np.int64)
    outputs, start = [], 0
    for gemm in gemms:
        row_tiles, column_tiles = tile_grid(gemm, config)
        count = row_tiles * column_tiles * config.rows
        if start + count > len(rows):
            raise RuntimeError(f"{path}: the run ended within layer {gemm.name!r}")
        block = rows[start : start + count].reshape(column_tiles, -1, config.cols)
        matrix = block.transpose(1, 0, 2).reshape(row_tiles * config.rows, -1)
        outputs.append(matrix[: gemm.rows, : gemm.columns])
        start += count
    return outputs
