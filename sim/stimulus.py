"""Random GEMMs that look for trouble: awkward shapes, extreme values, every bit-width."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm, weight_offset
from truncmac.hw.config import ArrayConfig

__all__ = ["random_gemms"]

Codes = npt.NDArray[np.uint8]
FILLS = ("random", "random", "random", "zeros", "ones", "bits", "sparse")
REDUCTION_IN_MOST = 160  # elements: long reductions take long, so only a few are drawn


def random_gemms(
    config: ArrayConfig, *, bits: Sequence[int] = range(1, 9), count: int = 8, seed: int = 0
) -> list[Gemm]:
    """Draw `count` GEMMs for each bit-width, in mixed order.

    The first of a bit-width is 1 x 1 x 1, the second has the longest reduction that the array
    takes with the largest operands; the others have random shapes, mostly such that neither
    rows, columns nor lanes divide them, and weights of TruncQuant or two's complement.
    """
    rng = np.random.default_rng(seed)
    gemms = []
    for k in bits:
        shapes = _shapes(config, rng)
        for index in range(count):
            rows, reduction, columns = next(shapes)
            longest = index == 1
            kind = "bipolar" if rng.random() < 0.7 else "twos_complement"
            gemms.append(
                Gemm(
                    name=f"k{k}_{index}_{rows}x{reduction}x{columns}",
                    activations=_codes(rng, (rows, reduction), "ones" if longest else None),
                    codes=_codes(rng, (reduction, columns), "ones" if longest else None),
                    bits=k,
                    offset=weight_offset(k, kind),
                )
            )
    return [gemms[index] for index in rng.permutation(len(gemms))]


def _shapes(config: ArrayConfig, rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    yield 1, 1, 1
    yield config.rows, config.max_reduction, config.cols
    yield config.rows, min(config.lanes, config.max_reduction), config.cols
    longest = min(REDUCTION_IN_MOST, config.max_reduction)
    while True:
        yield (
            int(rng.integers(1, 3 * config.rows + 2)),
            int(rng.integers(1, longest + 1)),
            int(rng.integers(1, 3 * config.cols + 2)),
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
