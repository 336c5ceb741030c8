"""Random GEMMs for finding faults: awkward shapes, extreme values, every bit-width."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm, OffsetKind, Requantisation, weight_offset
from truncmac.golden.types import Codes
from truncmac.hw.config import ArrayConfig

__all__ = ["random_gemms"]

FILLS = ("random", "random", "random", "zeros", "ones", "bits", "sparse")
REDUCTION_IN_MOST = 160  # elements: long reductions take long, so only a few are drawn


def random_gemms(
    config: ArrayConfig,
    *,
    bits: Sequence[int] = range(1, 9),
    count: int = 8,
    seed: int = 0,
    tiles: int = 3,
    longest: int = REDUCTION_IN_MOST,
    single: float = 0.0,
) -> list[Gemm]:
    """Draw `count` GEMMs for each bit-width, in mixed order.

    The first GEMM of a bit-width is 1 x 1 x 1. The second has the largest operands over the longest
    reduction that the array takes. The others have random shapes, most of which the array's rows,
    columns and lanes do not divide, weights of TruncQuant or two's complement, and outputs that
    are S, codes, or codes with a residual.

    Parameters
    ----------
    bits : values of k
    count : number of GEMMs at each k
    seed : random seed of shapes and values
    tiles : the most tiles along rows and along columns; one more element may start another
    longest : the longest reduction of the GEMMs with random shapes
    single : share of GEMMs of one tile, after which k changes
    """
    rng = np.random.default_rng(seed)
    gemms = []
    for k in bits:
        shapes = _shapes(config, rng, tiles, longest, single)
        for index in range(count):
            rows, reduction, columns = next(shapes)
            extreme = index == 1
            kind: OffsetKind = "bipolar" if rng.random() < 0.7 else "twos_complement"
            requant = None if extreme else _requantisation(rng, columns, config)
            residual = None
            if requant is not None and requant.residual_multiplier is not None:
                residual = _codes(rng, (rows, columns), None)
            gemms.append(
                Gemm(
                    name=f"k{k}_{index}_{rows}x{reduction}x{columns}",
                    activations=_codes(rng, (rows, reduction), "ones" if extreme else None),
                    codes=_codes(rng, (reduction, columns), "ones" if extreme else None),
                    bits=k,
                    offset=weight_offset(k, kind),
                    requant=requant,
                    residual=residual,
                )
            )
    return [gemms[index] for index in rng.permutation(len(gemms))]


def _shapes(
    config: ArrayConfig, rng: np.random.Generator, tiles: int, longest: int, single: float
) -> Iterator[tuple[int, int, int]]:
    yield 1, 1, 1
    yield config.rows, config.max_reduction, config.cols
    yield config.rows, min(config.lanes, config.max_reduction), config.cols
    longest = min(longest, config.max_reduction)
    while True:
        one = single > 0 and rng.random() < single
        rows, columns = (size if one else tiles * size + 1 for size in (config.rows, config.cols))
        yield (
            int(rng.integers(1, rows + 1)),
            int(rng.integers(1, longest + 1)),
            int(rng.integers(1, columns + 1)),
        )


def _codes(rng: np.random.Generator, shape: tuple[int, int], fill: str | None) -> Codes:
    match fill or rng.choice(FILLS):
        case "zeros":
            return np.zeros(shape, np.uint8)
        case "ones":
            return np.full(shape, 255, np.uint8)
        case "bits":
            return (1 << rng.integers(0, 8, shape)).astype(np.uint8)
        case "sparse":
            values = rng.integers(0, 256, shape) * (rng.random(shape) < 0.2)
            return values.astype(np.uint8)
        case _:
            return rng.integers(0, 256, shape, dtype=np.uint8)


def _requantisation(
    rng: np.random.Generator, columns: int, config: ArrayConfig
) -> Requantisation | None:
    """Draw parameters over the hardware's whole range, with its ends; None where S leaves."""
    if rng.random() < 0.35:
        return None

    def signed(width: int) -> npt.NDArray[np.int64]:
        most = (1 << width - 1) - 1
        values = rng.integers(-most - 1, most, columns, endpoint=True)
        return np.where(rng.random(columns) < 0.1, rng.choice([-most - 1, most]), values)

    # Usual shifts, which give codes between the ends, and all others
    usual = np.clip(config.multiplier_bits + rng.integers(0, 16, columns), 0, 63)
    shift = np.where(rng.random(columns) < 0.7, usual, rng.integers(0, 64, columns))
    residual = rng.random() < 0.5
    return Requantisation(
        multiplier=signed(config.multiplier_bits),
        bias=signed(min(config.bias_width, 48)) >> rng.integers(0, 40, columns),
        shift=shift,
        out_bits=int(rng.integers(1, 9)),
        residual_multiplier=signed(config.residual_multiplier_bits) if residual else None,
    )
