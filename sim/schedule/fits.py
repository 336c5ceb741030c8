"""Whether a workload fits a platform: if not, which layer does not, and what it needs."""

import numpy as np

from truncmac.golden.types import Integers
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.workloads.shapes import Workload

from .blocks import MemoryArrays, needed_bytes
from .layers import Layers
from .platforms import KIB, Platform

__all__ = ["check_fits", "check_reductions"]


def check_reductions(workload: Workload, config: ArrayConfig) -> None:
    """Check that the K of every layer is one that the array is built for.

    Raises
    ------
    ValueError
        If a K is too long: names the layer, and what to build the array with.
    """
    for layer in workload.layers:
        if layer.reduction > config.max_reduction:
            raise ValueError(
                f"Layer {layer.name!r} has reduction K = {layer.reduction}; the array is built for "
                f"K up to {config.max_reduction}. Build it with --max-reduction {layer.reduction}"
            )


def check_fits(workload: Workload, platform: Platform, layers: Layers, bits: Integers) -> None:
    """Check that a block of every layer fits the scratchpads.

    Parameters
    ----------
    layers : those of the workload
    bits : k of the network, (bit-widths, 1)

    Raises
    ------
    ValueError
        If a block does not fit: names the layer, and the scratchpad that it needs.
    """
    needed = needed_bytes(layers, Sizes.of(platform.config), MemoryArrays.of(platform), bits)
    names = (("an", "activation"), ("a", "weight"))
    have = (platform.memory.activation_bytes, platform.memory.weight_bytes)
    layer_bits = layers.bits(bits)
    for (article, name), least_bytes, size in zip(names, needed, have, strict=True):
        all_bytes = np.broadcast_to(least_bytes, layer_bits.shape)
        lacking = np.argwhere(all_bytes > size)
        if len(lacking):
            at, index = lacking[0]
            least = int(all_bytes[at, index])
            raise ValueError(
                f"Layer {workload.layers[index].name!r} needs {article} {name} scratchpad of "
                f"{least:,} bytes at k = {layer_bits[at, index]}, two halves of its "
                f"smallest block each; there are {size:,}. Give --{name}-kib "
                f"{ceil_div(least, KIB)}"
            )
