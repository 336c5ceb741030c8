"""Cuts parts out of a layer, one for each stream of the gate-level simulation."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm, Requantisation
from truncmac.hw.config import ArrayConfig
from truncmac.sim.netlist.gates import PARALLEL_STREAMS

__all__ = ["parts", "used_part"]


def used_part(gemm: Gemm, config: ArrayConfig) -> tuple[float, float]:
    """Shares of the rows and of the columns of all tiles that hold outputs."""
    row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
    return (
        gemm.rows / (row_tiles * config.rows),
        gemm.columns / (column_tiles * config.cols),
    )


def parts(gemm: Gemm, config: ArrayConfig, tiles: int) -> list[Gemm]:
    """Cut a part of `tiles` row tiles for each parallel stream, evenly spread over the outputs.

    Each part has one column tile, and all row tiles if the layer has fewer than `tiles`, so that
    the control of all parts is equal. Where the layer ends, rows and columns of zeros fill a part.
    If a layer has fewer parts than there are streams, parts run on several streams.
    """
    row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
    tiles = min(tiles, row_tiles)
    starts = max(row_tiles - tiles, 0) + 1
    grid = starts * column_tiles
    chosen = (
        (np.arange(PARALLEL_STREAMS) * grid // PARALLEL_STREAMS)
        if grid >= PARALLEL_STREAMS
        else np.arange(PARALLEL_STREAMS) % grid
    )
    return [_part(gemm, config, int(i % starts), int(i // starts), tiles) for i in chosen]


def _part(gemm: Gemm, config: ArrayConfig, row_tile: int, column_tile: int, tiles: int) -> Gemm:
    rows = slice(row_tile * config.rows, (row_tile + tiles) * config.rows)
    columns = slice(column_tile * config.cols, (column_tile + 1) * config.cols)
    height, width = tiles * config.rows, config.cols

    def cut(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        block = values[rows, columns]
        return np.pad(block, ((0, height - len(block)), (0, width - block.shape[1])))

    activations = gemm.activations[rows]
    codes = gemm.codes[:, columns]
    requant = gemm.requant
    if requant is not None:
        requant = _pad_parameters(requant, columns, width)
    return replace(
        gemm,
        activations=np.pad(activations, ((0, height - len(activations)), (0, 0))),
        codes=np.pad(codes, ((0, 0), (0, width - codes.shape[1]))),
        requant=requant,
        residual=None if gemm.residual is None else cut(gemm.residual),
    )


def _pad_parameters(requant: Requantisation, columns: slice, width: int) -> Requantisation:
    def pad(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        block = values[columns]
        return np.pad(block, (0, width - len(block)))

    residual = requant.residual_multiplier
    return replace(
        requant,
        multiplier=pad(requant.multiplier),
        bias=pad(requant.bias),
        shift=pad(requant.shift),
        residual_multiplier=None if residual is None else pad(residual),
    )
