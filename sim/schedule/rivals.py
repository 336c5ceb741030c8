"""Cycles of others, to print beside ours: SCALE-Sim's weight-stationary array, and the bound."""

from collections.abc import Sequence

from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div
from truncmac.sim.workloads.shapes import LayerShape, Workload

__all__ = ["bound_cycles", "convolutions", "scale_sim_cycles"]


def scale_sim_cycles(layers: Sequence[LayerShape], rows: int, cols: int) -> int:
    """Cycles that SCALE-Sim reports for a weight-stationary array of 8-bit MACs.

    A product takes ceil(K/R) * ceil(N/C) folds of M + 2R + C - 2 cycles. The "Total Cycles" that
    SCALE-Sim 3.0.0 reports of it is the number of its last cycle, counted from 0: one less.
    """
    total = 0
    for layer in layers:
        folds = ceil_div(layer.reduction, rows) * ceil_div(layer.columns, cols)
        total += layer.groups * (folds * (layer.rows + 2 * rows + cols - 2) - 1)
    return total


def bound_cycles(layers: Sequence[LayerShape], config: ArrayConfig, bits: int) -> int:
    """The fewest cycles in which the multipliers could do the work at a network's k.

    MACs * ceil(k/P) / (R * C * L), rounded up: no fill, no drain, no padding.
    """
    work = sum(layer.macs * chunk_count(layer.at(bits), config.planes) for layer in layers)
    return ceil_div(work, config.rows * config.cols * config.lanes)


def convolutions(workload: Workload) -> tuple[LayerShape, ...]:
    """Its layers without the fully connected ones, as topologies of convolutions have them."""
    return tuple(layer for layer in workload.layers if layer.window is not None)
