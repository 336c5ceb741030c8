"""Cycles to print beside ours: SCALE-Sim's of a weight-stationary array, and the lower bound."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div
from truncmac.sim.workloads.shapes import LayerShape, Workload

from .folding import square_array

__all__ = ["RivalArray", "bound_cycles", "convolutions", "rival_array", "scale_sim_cycles"]


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


@dataclass(frozen=True, kw_only=True)
class RivalArray:
    """A weight-stationary array of 8-bit MACs, and the cycles that SCALE-Sim gives it."""

    rows: int
    cols: int
    cycles: int


def rival_array(workload: Workload, config: ArrayConfig, *, images: int = 1) -> RivalArray | None:
    """The rival of as many MACs a cycle as an array does at k = 8, as square as it can be.

    None if the array does not do a whole number of MACs a cycle at k = 8.

    Parameters
    ----------
    images : number of images in a batch, whose rows are one product
    """
    if not float(config.peak_macs).is_integer():
        return None
    rows, cols = square_array(int(config.peak_macs))
    layers = [replace(layer, rows=layer.rows * images) for layer in workload.layers]
    return RivalArray(rows=rows, cols=cols, cycles=scale_sim_cycles(layers, rows, cols))


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
