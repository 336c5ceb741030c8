"""What toggles in each layer of a network, by its own weights and its activations on images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import Gemm, Network, code_bits, each_gemm
from truncmac.golden.types import Codes
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div

from .switching import (
    Switching,
    activation_beats,
    changed_bits,
    density,
    toggles_of_adders,
    weight_chunks,
    weight_toggles,
)

__all__ = ["IMAGES", "NetworkData", "layer_switching"]

IMAGES = 16  # that a layer's switching is the mean of
OUTPUTS = 1024  # of a layer, whose PEs' adders are counted; all of fewer
AT_ONCE = 1 << 19  # products, so that intermediate arrays stay in the cache


@dataclass(frozen=True, eq=False)
class NetworkData:
    """A network and images of its own.

    Attributes
    ----------
    images : uint8 array (B, C, H, W), codes; a whole number of batches
    batch : images whose rows are one product
    """

    network: Network
    images: Codes
    batch: int = 1

    @classmethod
    def of(cls, network: Network, images: Codes, batch: int = 1) -> "NetworkData":
        """With `IMAGES` of the images, or all of fewer, spread evenly; batches are of as many."""
        count = min(len(images), IMAGES)
        batch = min(batch, count)
        count -= count % batch
        return cls(network, images[np.arange(count) * len(images) // count], batch)

    @property
    def about(self) -> str:
        """Which activations these are, for captions: energies depend on them."""
        codes = code_bits(self.network)
        widths = sorted({codes[layer.input] for layer in self.network.products})
        bits = " and ".join(map(str, widths))
        many = "s" if len(self.images) > 1 else ""
        return (
            f"the network's own activation codes of {bits} bits on {len(self.images)} image{many}"
        )

    def switching(self, config: ArrayConfig, bits: Sequence[int]) -> list[list[Switching]]:
        """Of each layer of weights, at each of the network's k."""
        batches = len(self.images) // self.batch
        result: list[list[Switching]] = [[] for _ in bits]
        for k, layers in zip(bits, result, strict=True):

            def count(gemm: Gemm, layers: list[Switching] = layers) -> None:
                layers.append(layer_switching(gemm, config, batches))

            each_gemm(self.network, self.images, k, count)
        return result


def layer_switching(gemm: Gemm, config: ArrayConfig, batches: int = 1) -> Switching:
    """What toggles in a layer.

    Parameters
    ----------
    batches : equal parts of its rows, each a product of its own, which ends with a tile
    """
    return Switching(
        density=density(gemm, config),
        weight_toggles=weight_toggles(gemm, config),
        adder_toggles=_adder_toggles(gemm, config),
        sum_toggles=_sum_toggles(gemm, config, batches),
    )


def _adder_toggles(gemm: Gemm, config: ArrayConfig) -> float:
    """The mean of `OUTPUTS` of its outputs, one at random in each of as many equal parts."""
    every = gemm.rows * gemm.columns
    count = min(every, OUTPUTS)
    edges = np.arange(count + 1) * every // count
    chosen = np.random.default_rng(0).integers(edges[:-1], edges[1:])
    rows, columns = divmod(chosen, gemm.columns)
    chunks = chunk_count(gemm.bits, config.planes)
    steps = ceil_div(gemm.reduction, config.lanes) * chunks
    toggles, block = 0.0, max(1, AT_ONCE // (steps * config.lanes))
    for start in range(0, count, block):
        here = slice(start, start + block)
        beats = activation_beats(gemm.activations[rows[here]], config)
        weights = weight_chunks(gemm.codes[:, columns[here]], gemm.bits, config)
        toggles += toggles_of_adders(np.repeat(beats, chunks, axis=0), weights, config)
    return toggles / (steps * count)


def _sum_toggles(gemm: Gemm, config: ArrayConfig, batches: int) -> float:
    """Of all sums, those of zeros that fill each batch's last tile among them."""
    rows = gemm.activations.reshape(batches, -1, gemm.reduction)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % config.rows), (0, 0)))
    codes = np.pad(gemm.codes, ((0, 0), (0, -gemm.columns % config.cols)))
    filled = replace(gemm, activations=rows.reshape(-1, gemm.reduction), codes=codes)
    tiles = filled.sums().reshape(filled.rows, -1, config.cols).swapaxes(0, 1)
    return changed_bits(tiles.reshape(-1, config.cols), config)
