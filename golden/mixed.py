"""Networks in which each layer has its own k, made of a network that has several."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .executor import execute, layer_bits, layer_gemms, row_width, run_layer
from .gemm import Gemm
from .network import IMAGE, CodeLayer, Network, Product, code_bits, shapes
from .product import prepare
from .types import AnyIntegers, Array, BitWidths, Codes, Reals

__all__ = ["Recalibration", "with_layer_bits"]

PARAMETERS = ("multiplier", "bias", "shift", "residual_multiplier", "exact")
IMAGES_AT_ONCE = 32  # bounds the memory
Means = dict[str, Reals]
Values = dict[str, AnyIntegers]


def with_layer_bits(network: Network, bits: BitWidths) -> Network:
    """A network of fixed bit-widths that gives what `execute(network, images, bits)` gives.

    Each layer of weights gets its k as its own, with the parameters that it uses at that k. The
    result has one k, the largest of `network`, and so the RTL runs it as any other network.

    Parameters
    ----------
    bits : the network's k; or k by layer name, for each layer without a k of its own

    Raises
    ------
    ValueError
        If `network` has no parameters for a bit-width, or a layer's k is missing.
    """
    widths = layer_bits(network, bits)
    largest = max(network.bit_widths)
    tensors: dict[str, Array] = {}
    for name, (_, parameters) in widths.items():
        tensors[f"{name}.codes"] = network.tensors[f"{name}.codes"]
        for what in PARAMETERS:
            if (key := f"{name}.b{parameters}.{what}") in network.tensors:
                tensors[f"{name}.b{largest}.{what}"] = network.tensors[key]
    for layer in network.layers:
        if isinstance(layer, CodeLayer):
            names = [f"{layer.name}.{name}" for name in layer.tensor_names]
            tensors |= {name: network.tensors[name] for name in names}
    layers = tuple(
        replace(layer, bits=widths[layer.name][0]) if isinstance(layer, Product) else layer
        for layer in network.layers
    )
    return replace(network, bit_widths=(largest,), layers=layers, tensors=tensors)


@dataclass(frozen=True, eq=False)
class Recalibration:
    """Fits a mix of bit-widths to images: each channel keeps the mean that its own k gave it.

    A layer's parameters for k were made for a network that runs at k throughout. Beside layers of
    other bit-widths its sums are off, most of all in their mean. Recalibration moves the biases B,
    so that the mean of M*S + Mr*r over the images is what it is in the network at that k. Biases
    stay integers, and the work of the array stays the same.

    Attributes
    ----------
    network : a network of several bit-widths
    images : uint8 array (B, C, H, W), codes; no labels are needed
    means : by k and layer name, the mean, real (N,), of M*S + Mr*r in the network at k
    """

    network: Network
    images: Codes
    means: Mapping[int, Means]

    @classmethod
    def of(cls, network: Network, images: Codes) -> "Recalibration":
        """Take the means of the network on `images` at each of its bit-widths."""
        means: dict[int, Means] = {}
        for bits in network.bit_widths:
            sums = _Sums(network, bits)
            for part in _parts(images):
                execute(network, part, bits, on_gemm=sums.add)
            means[bits] = {name: sums.mean(name) for name in sums.totals}
        return cls(network, images, means)

    def at(self, bits: BitWidths) -> Network:
        """`with_layer_bits(network, bits)`, recalibrated.

        Channels whose bias moves are no longer certified.
        """
        mixed = with_layer_bits(self.network, bits)
        widths = layer_bits(self.network, bits)
        largest = mixed.bit_widths[0]
        tensors = dict(mixed.tensors)
        mixed = replace(mixed, tensors=tensors)
        batches: list[Values] = [{IMAGE: part} for part in _parts(self.images)]
        sizes, codes = shapes(mixed), code_bits(mixed)
        for layer in mixed.layers:
            product = None
            if isinstance(layer, Product):
                own = layer.bits or largest
                sums = _Sums(mixed, largest)
                for values in batches:
                    for gemm in layer_gemms(mixed, layer, values, own, largest):
                        sums.add(gemm)
                wanted = self.means[widths[layer.name][1]][layer.name]
                _move(tensors, f"{layer.name}.b{largest}", wanted - sums.mean(layer.name))
                width, code = row_width(sizes[layer.name]), (1 << codes[layer.input]) - 1
                product = prepare(mixed, layer, own, largest, width=width, largest=code)
            for values in batches:
                values[layer.name] = run_layer(mixed, layer, values, product)
        return mixed


def _parts(images: Codes) -> list[Codes]:
    return [
        images[start : start + IMAGES_AT_ONCE] for start in range(0, len(images), IMAGES_AT_ONCE)
    ]


class _Sums:
    """Adds up M*S + Mr*r of each channel while the layers' products pass by."""

    def __init__(self, network: Network, bits: int) -> None:
        self.network = network
        self.bits = bits
        self.totals: Means = {}
        self.rows: dict[str, int] = {}

    def add(self, gemm: Gemm) -> None:
        """Add all rows of a product."""
        prefix = f"{gemm.name}.b{self.bits}"
        tensors = self.network.tensors
        own = slice(gemm.first, gemm.first + gemm.columns)
        multiplier = tensors[f"{prefix}.multiplier"].astype(np.float64)
        total = gemm.sums().sum(axis=0) * multiplier[own]
        if gemm.residual is not None:
            factor = tensors[f"{prefix}.residual_multiplier"].astype(np.float64)[own]
            total += gemm.residual.sum(axis=0, dtype=np.int64) * factor
        self.totals.setdefault(gemm.name, np.zeros(multiplier.shape))[own] += total
        self.rows[gemm.name] = self.rows.get(gemm.name, 0) + (gemm.rows if own.start == 0 else 0)

    def mean(self, name: str) -> Reals:
        """The mean of each channel of a layer, real (N,)."""
        return self.totals[name] / self.rows[name]


def _move(tensors: dict[str, Array], prefix: str, by: Reals) -> None:
    """Move the biases of `prefix`, and drop the certificates of the channels that move."""
    moves = np.rint(by).astype(np.int64)
    tensors[f"{prefix}.bias"] = tensors[f"{prefix}.bias"].astype(np.int64) + moves
    if (exact := tensors.get(f"{prefix}.exact")) is not None:
        tensors[f"{prefix}.exact"] = np.where(moves == 0, exact, np.uint8(0))
