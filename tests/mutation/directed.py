"""Products drawn for what random ones do not see: low bits of sums, and counters that wrap."""

import numpy as np

from truncmac.golden import Gemm, Requantisation, weight_offset
from truncmac.hw.config import ArrayConfig

__all__ = ["counted_gemms", "delicate_gemms"]


def delicate_gemms(config: ArrayConfig, count: int, seed: int, *, far: bool = False) -> list[Gemm]:
    """Products of one tile with residuals, whose codes hang on the lowest bits of M, Mr, B and r.

    B brings an output of each column to a random place between the ends of the codes, at shifts
    that begin with 0. If `far`, the shift is 0 and the output a power of two beyond or before that
    place, so that each upper bit alone makes it the highest code or zero.
    """
    rng = np.random.default_rng(seed)
    rows, columns = config.rows, config.cols

    def signed(width: int) -> np.ndarray:
        narrower = rng.integers(0, width - 1, columns)
        return rng.integers(-(1 << width - 1), 1 << width - 1, columns) >> narrower

    gemms = []
    for index in range(count):
        bits = index % 8 + 1
        reduction = int(rng.integers(1, config.max_reduction + 1))
        gemm = Gemm(
            name=f"delicate_{index}",
            activations=rng.integers(0, 256, (rows, reduction), dtype=np.uint8),
            codes=rng.integers(0, 256, (reduction, columns), dtype=np.uint8),
            bits=bits,
            offset=weight_offset(bits, "bipolar"),
        )
        residual = rng.integers(0, 256, (rows, columns), dtype=np.uint8)
        multiplier = signed(config.multiplier_bits)
        residual_multiplier = signed(config.residual_multiplier_bits)
        shift = rng.integers(0, config.bias_width - 9, columns)
        scaled = multiplier * gemm.sums() + residual_multiplier * residual
        chosen = scaled[rng.integers(0, rows, columns), np.arange(columns)]
        if far:
            shift = np.zeros_like(shift)
            power = 1 << rng.integers(8, config.bias_width, columns)
            chosen = chosen + rng.choice([-1, 1], columns) * power
        bias = rng.integers(0, 256 << shift) - chosen
        most = (1 << config.bias_width - 1) - 1
        bias = np.clip(bias, -most - 1, most)
        requant = Requantisation(
            multiplier=multiplier,
            bias=bias,
            shift=shift,
            out_bits=8,
            residual_multiplier=residual_multiplier,
        )
        gemms.append(Gemm(**(vars(gemm) | {"requant": requant, "residual": residual})))
    return gemms


def counted_gemms(config: ArrayConfig, tiles: int) -> list[Gemm]:
    """Products of many tiles of a beat: S, codes of one row of tiles, codes with residuals."""
    rng = np.random.default_rng(tiles)

    def draw(row_tiles: int, column_tiles: int, bits: int, *, codes: bool, residual: bool) -> Gemm:
        rows, columns = row_tiles * config.rows, column_tiles * config.cols
        zeros = np.zeros(columns, np.int64)
        requant = Requantisation(
            multiplier=zeros + 1,
            bias=zeros,
            shift=zeros + 9,
            out_bits=8,
            residual_multiplier=zeros + 7 if residual else None,
        )
        return Gemm(
            name=f"counted_{row_tiles}x{column_tiles}",
            activations=rng.integers(0, 256, (rows, config.lanes), dtype=np.uint8),
            codes=rng.integers(0, 256, (config.lanes, columns), dtype=np.uint8),
            bits=bits,
            offset=weight_offset(bits, "bipolar"),
            requant=requant if codes else None,
            residual=rng.integers(0, 256, (rows, columns), dtype=np.uint8) if residual else None,
        )

    return [
        draw(tiles, tiles, 8, codes=False, residual=False),
        draw(1, tiles, 1, codes=True, residual=False),
        draw(2, tiles, 3, codes=True, residual=True),
    ]
