"""Exact integer matrix products, through BLAS where a bound proves them exact."""

from dataclasses import dataclass

import numpy as np

from .exact import EXACT_FLOAT32, EXACT_FLOAT64
from .quantise import truncate
from .requantise import Requantisation, requantise
from .types import AnyIntegers, Codes, Integers

__all__ = ["Gemm", "matmul"]


def matmul(activations: AnyIntegers, weights: AnyIntegers) -> Integers:
    """The matrix product of integer arrays (M, K) and (K, N), exact: int64 (M, N).

    No partial sum exceeds K * max|a| * max|w| in magnitude. Below 2**24 float32 holds every
    partial sum exactly, and below 2**53 float64 does; there BLAS does the work.

    Raises
    ------
    ValueError
        If the bound does not fit int64.
    """
    bound = activations.shape[1] * _magnitude(activations) * _magnitude(weights)
    if bound < EXACT_FLOAT32:
        return (activations.astype(np.float32) @ weights.astype(np.float32)).astype(np.int64)
    if bound < EXACT_FLOAT64:
        return (activations.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)
    if bound >= 1 << 63:
        raise ValueError(f"Matrix product must fit 64 bits, not reach {bound}")
    return activations.astype(np.int64) @ weights.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Gemm:
    """One layer's matrix product, as the array runs it.

    Attributes
    ----------
    name : the layer's
    activations : uint8 array (M, K), codes
    codes : uint8 array (K, N), 8-bit weight codes
    bits : k
    offset : z, see `weight_offset`
    requant : parameters of the N channels; None: the outputs are the sums S
    residual : uint8 array (M, N), codes that requantisation adds; None: nothing is added
    first : of a convolution of several groups, whose products are one for each group: which of the
        layer's output channels the first of the N is
    """

    name: str
    activations: Codes
    codes: Codes
    bits: int
    offset: int
    requant: Requantisation | None = None
    residual: Codes | None = None
    first: int = 0

    @property
    def rows(self) -> int:
        """M, the number of output pixels of all images."""
        return int(self.activations.shape[0])

    @property
    def reduction(self) -> int:
        """K, the length of each dot product."""
        return int(self.activations.shape[1])

    @property
    def columns(self) -> int:
        """N, the number of output channels."""
        return int(self.codes.shape[1])

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates, M * K * N."""
        return self.rows * self.reduction * self.columns

    def sums(self) -> Integers:
        """The sums S, int64 (M, N): activations times the integer weights W = 2 ck - z.

        The array computes D = sum(ck a) and Q = sum(a) instead; S = 2 D - z Q is the same.
        """
        weights = 2 * truncate(self.codes, self.bits).astype(np.int32) - self.offset
        return matmul(self.activations, weights)

    def outputs(self) -> Integers | Codes:
        """Codes, uint8 (M, N); or S, int64 (M, N), where there is no requantisation."""
        sums = self.sums()
        return sums if self.requant is None else requantise(sums, self.requant, self.residual)


def _magnitude(values: AnyIntegers) -> int:
    if values.size == 0:
        return 0
    return max(abs(int(values.min())), abs(int(values.max())))
