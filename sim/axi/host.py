"""What a host gives the AXI top for a matrix product, and how it reads the results.

The register values, and the bytes of each stream as they lie in memory: what a driver's DMA
would send.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from truncmac.golden import WEIGHT_BITS, Gemm, memory_image, pack_weights, prefix
from truncmac.hw.axi.ports import word_strides
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div

from .memories import (
    Words,
    activation_words,
    check_gemm,
    parameter_memory,
    residual_words,
)

__all__ = ["decode_results", "job_registers", "job_streams", "stream_words"]


def job_registers(gemm: Gemm, config: ArrayConfig) -> dict[str, int]:
    """Return the values of the registers that describe the job, by name."""
    check_gemm(gemm, config)
    row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
    requant = gemm.requant
    limit = 0 if requant is None else (1 << requant.out_bits) - 1
    return {
        "bits": gemm.bits,
        "beats": ceil_div(gemm.reduction, config.lanes),
        "row_tiles": row_tiles,
        "column_tiles": column_tiles,
        "offset": gemm.offset,
        "output": limit | (requant is None) << 8 | (gemm.residual is not None) << 9,
    }


def job_streams(gemm: Gemm, config: ArrayConfig, widths: BusWidths) -> Mapping[str, bytes]:
    """Return the bytes of each input stream, by name; of the weights, a prefix of each tile."""
    _, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
    packed = pack_weights(gemm.codes, columns=config.cols, lanes=config.lanes, planes=config.planes)
    image = memory_image(packed)[:, : prefix(packed, gemm.bits).shape[1]]
    activations = np.tile(activation_words(gemm.activations, config), (column_tiles, 1))
    streams = {
        "activations": activations,
        "weights": image.reshape(-1, image.shape[-1]),
        "parameters": parameter_memory(gemm, config),
    }
    if gemm.residual is not None:
        streams["residuals"] = residual_words(gemm.residual, config)
    strides = word_strides(config, widths)
    return {name: spaced(words, strides[name]) for name, words in streams.items()}


def stream_words(registers: Mapping[str, int], config: ArrayConfig) -> dict[str, int]:
    """Return how many words a job takes of each input stream, whatever its registers hold.

    A job in error takes its words as well, and drops them. With a k of more than 8 it takes those
    of k = 8, with a k of 0 no weights, with 0 beats neither weights nor activations, and without
    tiles in either direction no word of any stream.

    Parameters
    ----------
    registers : values by name, as `job_registers` gives them
    """
    bits, beats = min(registers["bits"], WEIGHT_BITS), registers["beats"]
    row_tiles, column_tiles = registers["row_tiles"], registers["column_tiles"]
    tiles = row_tiles * column_tiles
    columns = column_tiles if tiles else 0
    raw, residual = registers["output"] >> 8 & 1, registers["output"] >> 9 & 1
    return {
        "activations": tiles * beats,
        "weights": columns * beats * chunk_count(bits, config.planes),
        "parameters": 0 if raw else columns * config.cols,
        "residuals": tiles * config.departures if residual else 0,
    }


def spaced(words: Words, stride: int) -> bytes:
    """Return words (n, bytes) as bytes, each word padded with zeros to `stride` bytes."""
    padded = np.zeros((len(words), stride), np.uint8)
    padded[:, : words.shape[1]] = words
    return padded.tobytes()


def decode_results(data: bytes, gemm: Gemm, config: ArrayConfig) -> npt.NDArray[np.int64]:
    """Return the outputs (M, N) that the bytes of the results stream hold.

    Raises
    ------
    ValueError
        If there are not as many bytes as the job gives.
    """
    row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
    kind = "<i4" if gemm.requant is None else "u1"
    values = np.frombuffer(data, kind).astype(np.int64)
    expected = row_tiles * config.rows * column_tiles * config.cols
    if len(values) != expected:
        raise ValueError(f"Results must be {expected} values, not {len(values)}")
    blocks = values.reshape(column_tiles, row_tiles * config.rows, config.cols)
    matrix = blocks.transpose(1, 0, 2).reshape(row_tiles * config.rows, -1)
    return matrix[: gemm.rows, : gemm.columns]
