"""The fewest cycles in which an array can compute a network, were nothing else to be done."""

from math import prod

from truncmac.golden import layer_bits
from truncmac.golden.types import BitWidths
from truncmac.hw.config import chunk_count
from truncmac.integers import ceil_div

from .compiled import Compiled

__all__ = ["bound_cycles"]


def bound_cycles(compiled: Compiled, bits: BitWidths) -> int:
    """The sum of ceil(M / R) ceil(N / C) ceil(K / L) ceil(k / P) over all layers of weights.

    M are a layer's output pixels, N its output channels, and K the codes of its window; k is its
    own. R, C, L and P are rows, columns, lanes and planes of the array.

    Parameters
    ----------
    bits : k of the network, or of each layer
    """
    array, widths = compiled.config.array, layer_bits(compiled.network, bits)
    return sum(
        ceil_div(step.shape[0] * step.shape[1], array.rows)
        * ceil_div(step.shape[2], array.cols)
        * ceil_div(prod(step.window), array.lanes)
        * chunk_count(widths[step.name][0], array.planes)
        for step in compiled.steps.steps
        if step.layer is not None
    )
