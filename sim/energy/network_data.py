"""What toggles in each layer of a network, by its own weights and by activations on images."""

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

IMAGES = 16  # at most, over which the mean of a layer's switching goes
OUTPUTS = 1024  # of a layer, at most, for which the toggles of a PE's adders are counted
AT_ONCE = 1 << 19  # products at once, so that intermediate arrays stay in the cache


@dataclass(frozen=True, eq=False)
class NetworkData:
    """A network and images for it.

    Attributes
    ----------
    network : the network
    images : uint8 array (B, C, H, W) of codes, a whole number of batches
    batch : number of images whose rows are one product
    """

    network: Network
    images: Codes
    batch: int = 1

    @classmethod
    def of(cls, network: Network, images: Codes, batch: int = 1) -> "NetworkData":
        """Take `IMAGES` of the images, evenly spread, or all if there are fewer.

        If there are fewer images than a batch has, they are the batch.
        """
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
        """What toggles in each layer of weights, at each k of the network."""
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
    batches : number of equal parts of its rows; each is a product of its own and ends with a tile
    """
    return Switching(
        density=density(gemm, config),
        weight_toggles=weight_toggles(gemm, config),
        adder_toggles=_adder_toggles(gemm, config),
        sum_toggles=_sum_toggles(gemm, config, batches),
    )


def _adder_toggles(gemm: Gemm, config: ArrayConfig) -> float:
    """Mean over `OUTPUTS` outputs: all outputs in as many equal parts, and one drawn of each."""
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
    """Mean over all sums, with those of the zeros that fill the last tiles of each batch."""
    rows = gemm.activations.reshape(batches, -1, gemm.reduction)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % config.rows), (0, 0)))
    codes = np.pad(gemm.codes, ((0, 0), (0, -gemm.columns % config.cols)))
    filled = replace(gemm, activations=rows.reshape(-1, gemm.reduction), codes=codes)
    tiles = filled.sums().reshape(filled.rows, -1, config.cols).swapaxes(0, 1)
    return changed_bits(tiles.reshape(-1, config.cols), config)
