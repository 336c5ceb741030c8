"""Lays GEMMs out as memories, such as the harness plays into the core, and reads its results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth.lib.data import StructLayout

from truncmac.golden import Gemm, Requantisation, memory_image, pack_weights
from truncmac.hw.config import ArrayConfig
from truncmac.hw.counters import COUNTER_BITS, COUNTERS
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.tile import tile_layout
from truncmac.integers import ceil_div

__all__ = [
    "Memories",
    "Tile",
    "read_counters",
    "read_results",
    "tiles_to_matrices",
]

Words = npt.NDArray[np.uint8]  # (words, bytes of a word), byte 0 lowest


def activation_words(activations: npt.NDArray[np.uint8], config: ArrayConfig) -> Words:
    """Return the beats of all row tiles, shape (row tiles * beats, rows * lanes), zero padded."""
    rows, reduction = activations.shape
    row_tiles, beats = ceil_div(rows, config.rows), ceil_div(reduction, config.lanes)
    padded = np.zeros((row_tiles * config.rows, beats * config.lanes), np.uint8)
    padded[:rows, :reduction] = activations
    tiles = padded.reshape(row_tiles, config.rows, beats, config.lanes)
    return tiles.transpose(0, 2, 1, 3).reshape(row_tiles * beats, -1)


@dataclass(frozen=True)
class Tile:
    """One command of the run, with the memory words where its operands begin."""

    fields: Mapping[str, int]
    last: bool
    weights: int
    activations: int

    def word(self, layout: StructLayout) -> int:
        """Return the tile in the harness' form: last, command, weights, activations."""
        value = int(self.last) << layout.size | int(layout.const(self.fields).as_bits())
        return (value << 32 | self.weights) << 32 | self.activations


@dataclass
class Memories:
    """The memories of a run. Operands that GEMMs share are stored once.

    Attributes
    ----------
    tiles : list of Tile
    activations, weights, residuals : lists of arrays (words, bytes of a word), byte 0 lowest
    parameters : list of int, words of `parameters_layout`
    """

    config: ArrayConfig
    tiles: list[Tile] = field(default_factory=list)
    activations: list[Words] = field(default_factory=list)
    weights: list[Words] = field(default_factory=list)
    residuals: list[Words] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)
    _bases: dict[tuple[str, bytes], int] = field(default_factory=dict)
    _words: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("activations", "weights", "residuals"), 0)
    )

    def add(self, gemm: Gemm, *, last: bool = True) -> None:
        """Append the tiles of a GEMM: column tile by column tile, in each all of its row tiles.

        Its outputs are S where it has no requantisation. The GEMM after it follows without a
        pause, unless it is the `last`.

        Raises
        ------
        ValueError
            If its reduction is longer, or its parameters are wider, than the array takes.
        """
        config = self.config
        check_gemm(gemm, config)
        beats = ceil_div(gemm.reduction, config.lanes)
        packed = pack_weights(
            gemm.codes, columns=config.cols, lanes=config.lanes, planes=config.planes
        )
        image = memory_image(packed)
        weights = self._place("weights", image.reshape(-1, image.shape[-1]))
        activations = self._place("activations", activation_words(gemm.activations, config))
        if gemm.residual is not None:
            self._place("residuals", residual_words(gemm.residual, config), once=False)
        self.parameters += parameter_words(gemm, config)
        requant = gemm.requant
        command = {
            "bits": gemm.bits,
            "beats": beats,
            "offset": gemm.offset,
            "limit": 0 if requant is None else (1 << requant.out_bits) - 1,
            "raw": int(requant is None),
            "residual": int(gemm.residual is not None),
        }
        row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
        end = (column_tiles - 1, row_tiles - 1)
        self.tiles += [
            Tile(
                fields=command | {"fresh": int(requant is not None and row == 0)},
                last=last and (column, row) == end,
                weights=weights + column * config.chunks * beats,
                activations=activations + row * beats,
            )
            for column in range(column_tiles)
            for row in range(row_tiles)
        ]

    def _place(self, name: str, words: Words, *, once: bool = True) -> int:
        """Append `words` to the memory `name` unless they are there already; return their base."""
        key = (name, words.tobytes() if once else b"")
        if not once or key not in self._bases:
            getattr(self, name).append(words)
            self._bases[key] = self._words[name]
            self._words[name] += len(words)
        return self._bases[key]

    @property
    def depth(self) -> int:
        """The number of words of the longest memory."""
        return max(len(self.tiles), len(self.parameters), *self._words.values())

    def write(self, folder: Path) -> dict[str, int]:
        """Write a .hex file for each memory; return their numbers of words."""
        layout = tile_layout(self.config)
        digits = [("tiles", [tile.word(layout) for tile in self.tiles])]
        digits.append(("parameters", self.parameters))
        for name, words in digits:
            (folder / f"{name}.hex").write_text("".join(f"{word:x}\n" for word in words))
        for name in self._words:
            with (folder / f"{name}.hex").open("wb") as file:
                for words in getattr(self, name):
                    file.write(hex_lines(words))
        return {
            "tiles": len(self.tiles),
            "parameters": len(self.parameters),
            **self._words,
        }


def check_gemm(gemm: Gemm, config: ArrayConfig) -> None:
    """Raise ValueError, naming the layer, unless the array of `config` can run it."""
    if gemm.reduction > config.max_reduction:
        raise ValueError(
            f"Layer {gemm.name!r} has reduction K = {gemm.reduction}; the array is built for "
            f"K up to {config.max_reduction}. Build it with --max-reduction {gemm.reduction}"
        )
    if gemm.requant is not None:
        check_requantisation(gemm.name, gemm.requant, config)


def check_requantisation(layer: str, requant: Requantisation, config: ArrayConfig) -> None:
    """Raise ValueError, naming the layer, if its parameters are wider than the array's.

    Neither may it round halves to the even code, which no array does.
    """
    if requant.half_even:
        raise ValueError(
            f"Layer {layer!r} rounds halves to the even code, and hardware rounds them up"
        )
    for name, width in (
        ("multiplier", config.multiplier_bits),
        ("residual_multiplier", config.residual_multiplier_bits),
        ("bias", config.bias_width),
    ):
        values = getattr(requant, name)
        if values is not None and np.any((values < -(1 << width - 1)) | (values >= 1 << width - 1)):
            raise ValueError(
                f"Layer {layer!r} has a requantisation {name} of more than the {width} bits "
                "that the array is built for"
            )


def parameter_words(gemm: Gemm, config: ArrayConfig) -> list[int]:
    """Return the requantisation parameters, a word for each column, zero for those of padding."""
    requant = gemm.requant
    if requant is None:
        return []
    layout = parameters_layout(config)
    zeros = np.zeros_like(requant.multiplier)
    residual = zeros if requant.residual_multiplier is None else requant.residual_multiplier
    words = [
        int(
            layout.const(
                {"multiplier": m, "residual_multiplier": r, "bias": b, "shift": s}
            ).as_bits()
        )
        for m, r, b, s in zip(
            requant.multiplier.tolist(),
            residual.tolist(),
            requant.bias.tolist(),
            requant.shift.tolist(),
            strict=True,
        )
    ]
    return words + [0] * (-len(words) % config.cols)


def parameter_memory(gemm: Gemm, config: ArrayConfig) -> Words:
    """Return the parameters as words (n, bytes), each padded to whole bytes."""
    size = ceil_div(parameters_layout(config).size, 8)
    words = b"".join(word.to_bytes(size, "little") for word in parameter_words(gemm, config))
    return np.frombuffer(words, np.uint8).reshape(-1, size)


def residual_words(residual: Words, config: ArrayConfig) -> Words:
    """Return residual codes (M, N) as words, in the results' order: a word for each departure."""
    rows, columns = residual.shape
    shape = ceil_div(rows, config.rows) * config.rows, ceil_div(columns, config.cols) * config.cols
    padded = np.zeros(shape, np.uint8)
    padded[:rows, :columns] = residual
    tiles = padded.reshape(shape[0], -1, config.cols)
    return tiles.transpose(1, 0, 2).reshape(-1, config.rows_at_once * config.cols)


def hex_lines(words: Words) -> bytes:
    """Return words as $readmemh reads them: one a line, the highest digit first."""
    count, width = words.shape
    digits = np.frombuffer(words[:, ::-1].tobytes().hex().encode(), np.uint8)
    lines = np.full((count, 2 * width + 1), ord("\n"), np.uint8)
    lines[:, :-1] = digits.reshape(count, 2 * width)
    return lines.tobytes()


def read_results(
    path: Path, gemms: Sequence[Gemm], config: ArrayConfig
) -> list[npt.NDArray[np.int64]]:
    """Return the outputs (M, N) of each GEMM from the rows that the harness wrote, in order.

    Raises
    ------
    RuntimeError
        If rows are missing or undefined, because the simulated hardware is broken.
    """
    try:
        data = bytes.fromhex(path.read_text())
    except ValueError:
        raise RuntimeError(f"{path}: undefined bits (x) among the results") from None
    parts = np.frombuffer(data, ">i8").reshape(-1, config.requantisers)[:, ::-1]
    try:
        return tiles_to_matrices(parts.reshape(-1, config.cols).astype(np.int64), gemms, config)
    except RuntimeError as error:
        raise RuntimeError(f"{path}: {error}") from None


def tiles_to_matrices(
    rows: npt.NDArray[np.int64], gemms: Sequence[Gemm], config: ArrayConfig
) -> list[npt.NDArray[np.int64]]:
    """Return the outputs (M, N) of each GEMM from rows of tiles (n, cols), in the core's order.

    Raises
    ------
    RuntimeError
        If rows are missing.
    """
    outputs, start = [], 0
    for gemm in gemms:
        row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
        count = row_tiles * column_tiles * config.rows
        if start + count > len(rows):
            raise RuntimeError(f"the run ended within layer {gemm.name!r}")
        block = rows[start : start + count].reshape(column_tiles, -1, config.cols)
        matrix = block.transpose(1, 0, 2).reshape(row_tiles * config.rows, -1)
        outputs.append(matrix[: gemm.rows, : gemm.columns])
        start += count
    return outputs


def read_counters(path: Path) -> list[dict[str, int]]:
    """Return the core's counters at the end of each job, by name."""
    mask = (1 << COUNTER_BITS) - 1
    return [
        {name: int(line, 16) >> COUNTER_BITS * i & mask for i, name in enumerate(COUNTERS)}
        for line in path.read_text().split()
    ]
