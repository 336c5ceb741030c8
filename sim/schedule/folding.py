"""Mappings that fill the array: images on idle rows, and other shapes of as many PEs.

Times are those of the array alone: no memory is waited for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import SIZE_LIMITS, ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.workloads.shapes import LayerShape, Workload

from .blocks import UNLIMITED
from .layers import Layers
from .schedule import schedule

__all__ = ["Folding", "Shape", "foldings", "shapes", "square_array"]


@dataclass(frozen=True)
class Folding:
    """A layer whose rows do not fill the array, alone and with images beside each other.

    Attributes
    ----------
    images : the fewest whose rows fill the last tile
    alone, folded : utilisation, by the order of the k
    columns_fill : share of the column tiles that N fills; images do not help there
    """

    layer: LayerShape
    images: int
    alone: tuple[float, ...]
    folded: tuple[float, ...]
    columns_fill: float


def foldings(workload: Workload, config: ArrayConfig, bits: Sequence[int]) -> list[Folding]:
    """What each layer whose rows do not fill the array gains from several images."""
    needs = [config.rows // math.gcd(config.rows, layer.rows) for layer in workload.layers]
    used = {images: _utilisation(workload, config, bits, images) for images in {1, *needs}}
    return [
        Folding(
            layer,
            images,
            alone=tuple(used[1][:, index].tolist()),
            folded=tuple(used[images][:, index].tolist()),
            columns_fill=layer.columns / (ceil_div(layer.columns, config.cols) * config.cols),
        )
        for index, (layer, images) in enumerate(zip(workload.layers, needs, strict=True))
        if images > 1
    ]


def _utilisation(
    workload: Workload, config: ArrayConfig, bits: Sequence[int], images: int
) -> npt.NDArray[np.float64]:
    """Of each layer at each k, (k, layers)."""
    layers, sizes, wanted = Layers.of(workload, images), Sizes.of(config), np.array(bits)[:, None]
    cycles = schedule(layers, sizes, UNLIMITED, wanted).cycles
    ideal = layers.macs * ceil_div(layers.bits(wanted), config.planes)
    return ideal / (cycles * config.rows * config.cols * config.lanes)


@dataclass(frozen=True)
class Shape:
    """An array of as many PEs, and the workload's cycles on it, by the order of the k."""

    config: ArrayConfig
    cycles: tuple[int, ...]


def shapes(
    workload: Workload, config: ArrayConfig, bits: Sequence[int], *, images: int = 1
) -> list[Shape]:
    """Every rows x cols of as many PEs as `config` has, most rows last."""
    configs = _same_pes(config)
    sizes = Sizes.of(configs)
    spread = Sizes(**{name: array[:, None, None] for name, array in vars(sizes).items()})
    wanted = np.array(bits)[:, None]
    cycles = schedule(Layers.of(workload, images), spread, UNLIMITED, wanted).cycles.sum(axis=-1)
    return [Shape(shape, tuple(row)) for shape, row in zip(configs, cycles.tolist(), strict=True)]


def _same_pes(config: ArrayConfig) -> list[ArrayConfig]:
    found, pes = [], config.rows * config.cols
    for rows in range(1, min(pes, SIZE_LIMITS["rows"][1]) + 1):
        if pes % rows or pes // rows > SIZE_LIMITS["cols"][1]:
            continue
        if rows == config.rows:
            found.append(config)
            continue
        try:
            found.append(replace(config, rows=rows, cols=pes // rows, requantisers=None))
        except ValueError:
            continue  # a word of a stream would be too wide
    return found


def square_array(macs: int) -> tuple[int, int]:
    """Rows and columns of the array of so many MACs that is nearest to a square."""
    cols = next(n for n in range(math.isqrt(macs), 0, -1) if macs % n == 0)
    return macs // cols, cols
