"""Ways to fill an array: several images on its idle rows, and other shapes of as many PEs.

Times are those of the array alone, which never waits for memory.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import SIZE_LIMITS, ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.workloads.shapes import LayerShape, Workload

from .blocks import UNLIMITED
from .layers import Layers
from .schedule import schedule

__all__ = ["ArrayShape", "Folding", "array_shapes", "foldings", "square_array"]


@dataclass(frozen=True)
class Folding:
    """A layer whose rows do not fill the array, with one image and with several side by side.

    Attributes
    ----------
    images : the fewest images whose rows fill the last tile
    alone, folded : utilisation with one image and with `images`, in the order of the k
    columns_fill : share of the column tiles that N fills, which more images do not raise
    """

    layer: LayerShape
    images: int
    alone: tuple[float, ...]
    folded: tuple[float, ...]
    columns_fill: float

    def as_record(self, bits: Sequence[int]) -> dict[str, Any]:
        """Plain values by name; `bits` are the k, in the order of the utilisations."""
        return {
            "layer": self.layer.name,
            "images": self.images,
            "alone": _by_k(bits, self.alone),
            "folded": _by_k(bits, self.folded),
            "columns_fill": self.columns_fill,
        }


def foldings(workload: Workload, config: ArrayConfig, bits: Sequence[int]) -> list[Folding]:
    """What several images gain, for each layer whose rows do not fill the array."""
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
    """Utilisation of each layer at each k, (k, layers)."""
    layers, sizes, wanted = Layers.of(workload, images), Sizes.of(config), np.array(bits)[:, None]
    cycles = schedule(layers, sizes, UNLIMITED, wanted).cycles
    ideal = layers.macs * ceil_div(layers.bits(wanted), config.planes)
    return ideal / (cycles * config.rows * config.cols * config.lanes)


@dataclass(frozen=True)
class ArrayShape:
    """An array, and the cycles that a workload takes on it, in the order of the k."""

    config: ArrayConfig
    cycles: tuple[int, ...]

    def as_record(self, bits: Sequence[int]) -> dict[str, Any]:
        """Plain values by name; `bits` are the k, in the order of the cycles."""
        names = ("rows", "cols", "requantisers")
        sizes = {name: getattr(self.config, name) for name in names}
        return sizes | {"cycles": _by_k(bits, self.cycles)}


def _by_k(bits: Sequence[int], values: Sequence[float]) -> dict[str, float]:
    return {str(k): value for k, value in zip(bits, values, strict=True)}


def array_shapes(
    workload: Workload, config: ArrayConfig, bits: Sequence[int], *, images: int = 1
) -> list[ArrayShape]:
    """Every rows x cols of as many PEs as `config` has, from the fewest rows to the most."""
    configs = _same_pes(config)
    sizes = Sizes.of(configs)
    spread = Sizes(**{name: array[:, None, None] for name, array in vars(sizes).items()})
    wanted = np.array(bits)[:, None]
    cycles = schedule(Layers.of(workload, images), spread, UNLIMITED, wanted).cycles.sum(axis=-1)
    return [
        ArrayShape(shape, tuple(of_shape))
        for shape, of_shape in zip(configs, cycles.tolist(), strict=True)
    ]


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
    """Rows and columns of the array of `macs` MACs that is the nearest to a square."""
    cols = next(n for n in range(math.isqrt(macs), 0, -1) if macs % n == 0)
    return macs // cols, cols
