"""Where the cycles of a layer go: what it needs of the array, and what is lost for which reason.

In a cycle the array could do rows x cols x lanes products of an activation and a weight chunk.
What a layer needs of these is its work; all others are lost for one of `REASONS`. The work and the
losses add up to the cycles exactly.
"""

from collections.abc import Mapping

from truncmac.golden.types import Integers
from truncmac.integers import ceil_div
from truncmac.sim.cycles.latencies import RESTART
from truncmac.sim.cycles.points import Sizes

from .layers import Layers
from .schedule import Schedule

__all__ = ["REASONS", "lost_products", "needed_products"]

REASONS: Mapping[str, str] = {
    "rows": "rows of PEs without an output: M does not fill the last tile",
    "columns": "columns of PEs without an output: N does not fill the last tile",
    "lanes": "lanes without a product: K does not fill the last beat",
    "drain": "the tile before still drains: the stall of tiles shorter than that takes",
    "parameters": "the next column tile's requantisation parameters still load",
    "pipeline": "filling and draining the array's pipeline, and starting the next job",
    "memory": "the DRAM still moves the next job's operands or the last one's outputs",
}


def needed_products(layers: Layers, sizes: Sizes, bits: Integers) -> Integers:
    """Products of an activation and a weight chunk that each layer needs.

    Parameters
    ----------
    bits : k of each layer
    """
    return layers.macs * ceil_div(bits, sizes.planes)


def lost_products(
    layers: Layers, sizes: Sizes, found: Schedule, bits: Integers
) -> dict[str, Integers]:
    """Products that the array could do in each layer's cycles and does not, by reason.

    Parameters
    ----------
    found : the layers' schedule
    bits : k of each layer
    """
    each = layers.groups * ceil_div(bits, sizes.planes)
    M, K, N = layers.rows, layers.reduction, layers.columns
    rows = ceil_div(M, sizes.rows) * sizes.rows
    columns = ceil_div(N, sizes.cols) * sizes.cols
    reduction = ceil_div(K, sizes.lanes) * sizes.lanes
    counts, slots = found.counts, sizes.rows * sizes.cols * sizes.lanes
    stalled = counts.stalled_drain + counts.stalled_parameters
    restarts = RESTART * found.jobs
    return {
        "rows": each * (rows - M) * columns * reduction,
        "columns": each * M * (columns - N) * reduction,
        "lanes": each * M * N * (reduction - K),
        "drain": slots * counts.stalled_drain,
        "parameters": slots * counts.stalled_parameters,
        "pipeline": slots * (counts.cycles - counts.chunks - stalled + restarts),
        "memory": slots * (found.cycles - counts.cycles - restarts),
    }
