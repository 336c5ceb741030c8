"""Cycles to print beside ours: SCALE-Sim's of a weight-stationary array, and the lower bound."""

from collections.abc import Sequence

from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div
from truncmac.sim.workloads.shapes import LayerShape, Workload

__all__ = ["bound_cycles", "convolutions", "scale_sim_cycles"]


def scale_sim_cycles(layers: Sequence[LayerShape], rows: int, cols: int) -> int:
    """Cycles that SCALE-Sim reports for a weight-stationary array of 8-bit MACs.

    On R rows and C columns a product takes ceil(K/R) * ceil(N/C) folds of M + 2R + C - 2 cycles.
    The "Total Cycles" that SCALE-Sim 3.0.0 reports is the number of its last cycle, counted from
    0, so it is one less.
    """
    total = 0
    for layer in layers:
        folds = ceil_div(layer.reduction, rows) * ceil_div(layer.columns, cols)
        total += layer.groups * (folds * (layer.rows + 2 * rows + cols - 2) - 1)
    return total


def bound_cycles(layers: Sequence[LayerShape], config: ArrayConfig, bits: int) -> int:
    """The fewest cycles in which the multipliers could do the work of layers at a network's k.

    MACs * ceil(k/P) / (R * C * L), rounded up, for R rows and C columns of PEs with L lanes and P
    planes: without filling, draining or padding.
    """
    work = sum(layer.macs * chunk_count(layer.at(bits), config.planes) for layer in layers)
    return ceil_div(work, config.rows * config.cols * config.lanes)


def convolutions(workload: Workload) -> tuple[LayerShape, ...]:
    """The layers without the fully connected ones, as topologies of convolutions have them."""
    return tuple(layer for layer in workload.layers if layer.window is not None)
