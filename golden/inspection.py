"""What an exported network is made of: sizes, work, and the information in each bit plane."""

from dataclasses import dataclass

import numpy as np

from truncmac.integers import ceil_div

from .network import Conv2d, ImageSpec, Network, Product, code_bits, shapes
from .quantise import WEIGHT_BITS, truncate
from .types import Codes, Integers, Reals

__all__ = ["LayerInspection", "image_formula", "inspect_network", "plane_information"]

CHANNELS_SHOWN = 16  # of numbers that differ between channels


@dataclass(frozen=True)
class LayerInspection:
    """One layer of weights.

    Attributes
    ----------
    name, kind : of the layer
    weights : shape of its codes, (O, I, KH, KW) or (O, I)
    output : shape, without the batch
    reduction : K, the length of each dot product
    columns : N, output channels
    macs : multiply-accumulates of one image
    bits : k of its own, or None: it follows the network's
    sum_bits : bits of a signed accumulator that holds every sum S at k = 8
    exact : by k, the share of channels that are certified exact for every sum; None if nothing is
        certified
    histogram : how often each 8-bit code occurs, int64 (256,)
    planes : information in each bit plane of the codes, real (8,), the most significant plane
        first; see `plane_information`
    """

    name: str
    kind: str
    weights: tuple[int, ...]
    output: tuple[int, ...]
    reduction: int
    columns: int
    macs: int
    bits: int | None
    sum_bits: int
    exact: dict[int, float] | None
    histogram: Integers
    planes: Reals

    def weight_bytes(self, bits: int) -> int:
        """The bytes of the weights at the network's k = `bits`, without padding."""
        return ceil_div(self.reduction * self.columns * (self.bits or bits), 8)


def inspect_network(network: Network) -> list[LayerInspection]:
    """Inspect the layers of weights, in the order in which they run."""
    sizes, bits = shapes(network), code_bits(network)
    return [
        _inspect(network, layer, sizes[layer.name], bits[layer.input]) for layer in network.products
    ]


def _inspect(
    network: Network, layer: Product, output: tuple[int, ...], act_bits: int
) -> LayerInspection:
    codes = network.codes(layer)
    reduction, columns = codes.shape
    pixels = int(np.prod(output[1:])) if isinstance(layer, Conv2d) else 1
    certified = {
        bits: float(tensor.astype(np.float64).mean())
        for bits in network.bit_widths
        if (tensor := network.tensors.get(f"{layer.name}.b{bits}.exact")) is not None
    }
    reach = 510 if isinstance(layer.offset, int) else 255  # of W
    largest = reduction * reach * ((1 << act_bits) - 1)
    return LayerInspection(
        name=layer.name,
        kind="conv2d" if isinstance(layer, Conv2d) else "linear",
        weights=network.tensors[f"{layer.name}.codes"].shape,
        output=output,
        reduction=reduction,
        columns=columns,
        macs=pixels * reduction * columns,
        bits=layer.bits,
        sum_bits=1 + largest.bit_length(),
        exact=certified or None,
        histogram=np.bincount(codes.ravel(), minlength=256),
        planes=plane_information(codes),
    )


def image_formula(image: ImageSpec) -> tuple[str, ...]:
    """How an image becomes codes, in lines: what a real x has as its code, and what a pixel is.

    Where a number differs between channels, its name is in the formula, and a line has the numbers.
    """
    coding, most = image.meaning, (1 << image.bits) - 1
    if image.coding is None and image.bits == WEIGHT_BITS:
        return ("a pixel is its code",)
    numbers = {name: getattr(coding, name) for name in ("scale", "offset", "mean", "deviation")}
    step, offset, mean, deviation = (
        f"{values[0]:.9g}" if len(values) == 1 else name for name, values in numbers.items()
    )
    real = "x" if offset == "0" else f"(x - {offset})"
    rounded = {"half_even": "rint", "half_up": "round", "floor": "floor"}[coding.rounding]
    pixel = "p / 255" if mean == "0" else f"(p / 255 - {mean})"
    pixel = pixel if deviation == "1" else f"{pixel} / {deviation}"
    lines = [
        f"code = clip({rounded}({real} / {step}) + {coding.zero_point}, 0, {most}) of a real x",
        f"x = {pixel} of a pixel p",
    ]
    for name, values in numbers.items():
        if len(values) > 1:
            listed = ", ".join(f"{value:.9g}" for value in values[:CHANNELS_SHOWN])
            lines.append(f"{name} = {listed}{', ...' if len(values) > CHANNELS_SHOWN else ''}")
    if coding.signed:
        lines.append(f"signed codes are {1 << image.bits - 1} less")
    return tuple(lines)


def plane_information(codes: Codes) -> Reals:
    """The bits of information that each plane of the codes adds to the planes above it.

    This is the entropy of the top k bits less that of the top k - 1. A plane near 0 follows from
    the planes above it, and is hardly worth its cycles and bytes.

    Returns
    -------
    real array (8,), each at most 1, the most significant plane first
    """
    entropies = [0.0]
    for bits in range(1, WEIGHT_BITS + 1):
        counts = np.bincount(truncate(codes.ravel(), bits))
        shares = counts[counts > 0] / codes.size
        entropies.append(float(-(shares * np.log2(shares)).sum()))
    return np.diff(entropies)
