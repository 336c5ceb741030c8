"""The exported network: layers on activation codes, in the order in which they run."""

from dataclasses import dataclass, field

import numpy as np

from .layers import output_size
from .quantise import WEIGHT_BITS, OffsetKind
from .types import Codes, Pair, Shape, Tensors

__all__ = [
    "IMAGE",
    "AvgPool",
    "Conv2d",
    "Flatten",
    "ImageSpec",
    "Layer",
    "Linear",
    "MaxPool",
    "Network",
    "Product",
    "Shortcut",
    "check_reduction",
    "code_bits",
    "output_shape",
    "shapes",
]

IMAGE = "image"  # the name of the network's input


@dataclass(frozen=True)
class ImageSpec:
    """Shape of an input image, and the bits of its codes."""

    channels: int
    height: int
    width: int
    bits: int = 8


@dataclass(frozen=True)
class Layer:
    """What every layer has: its own name, and that of the layer (or `image`) it reads."""

    name: str
    input: str


@dataclass(frozen=True)
class Product(Layer):
    """A layer of weights: it runs on the array.

    Attributes
    ----------
    residual : name of the layer whose codes are added before requantisation, or None
    bits : k of its own, or None: it follows the network's
    offset : what z stands for: "bipolar" (TruncQuant) or "twos_complement"
    out_bits : bits of its output codes, or None: it gives logits, M*S + B
    """

    residual: str | None = None
    bits: int | None = None
    offset: OffsetKind = "bipolar"
    out_bits: int | None = None


@dataclass(frozen=True)
class Conv2d(Product):
    """Convolution; codes have shape (O, I, KH, KW), `pad_code` surrounds the image."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    pad_code: int = 0


@dataclass(frozen=True)
class Linear(Product):
    """Fully connected layer; codes have shape (O, I)."""


@dataclass(frozen=True)
class MaxPool(Layer):
    """Largest code of each window."""

    kernel: Pair = (2, 2)
    stride: Pair = (2, 2)
    padding: Pair = (0, 0)


@dataclass(frozen=True)
class AvgPool(Layer):
    """Mean code of each window, rounded half up; of the whole image without `kernel`."""

    kernel: Pair | None = None
    stride: Pair | None = None


@dataclass(frozen=True)
class Shortcut(Layer):
    """A residual's way past a stride: every `stride`-th pixel, zeros for the channels it lacks.

    Source: option A of Deep Residual Learning, arXiv 1512.03385, section 4.2.
    """

    channels: int = 1
    stride: Pair = (1, 1)


@dataclass(frozen=True)
class Flatten(Layer):
    """Codes (C, H, W) as one vector, channels outermost."""


@dataclass(frozen=True)
class Network:
    """Layers and their tensors.

    Attributes
    ----------
    bit_widths : the k for which there are parameters
    layers : in the order in which they run; the last one's output is the network's
    tensors : by name. `LAYER.codes`, uint8; and for each bit-width b int64 arrays (O,)
        `LAYER.bB.multiplier`, `.bias`, and, but for logits, `.shift`, and with a residual
        `.residual_multiplier`. Where the exporter certified them, also uint8 arrays (O,)
        `LAYER.bB.exact`: 1 where a channel's codes are those of exact rational arithmetic for
        every accumulator
    """

    name: str
    image: ImageSpec
    bit_widths: tuple[int, ...]
    layers: tuple[Layer, ...]
    tensors: Tensors = field(repr=False)

    @property
    def products(self) -> list[Product]:
        """The layers that run on the array."""
        return [layer for layer in self.layers if isinstance(layer, Product)]

    def codes(self, layer: Product) -> Codes:
        """8-bit weight codes of a layer as a matrix (K, N)."""
        codes = self.tensors[f"{layer.name}.codes"]
        return codes.reshape(len(codes), -1).T.astype(np.uint8, copy=False)

    def reduction(self, layer: Product) -> int:
        """K of a layer."""
        codes = self.tensors[f"{layer.name}.codes"]
        return int(codes.size // len(codes))


def check_reduction(network: Network, most: int) -> None:
    """Raise ValueError, naming the layer and both numbers, if one's K is more than `most`."""
    for layer in network.products:
        reduction = network.reduction(layer)
        if reduction > most:
            raise ValueError(
                f"Layer {layer.name!r} has reduction K = {reduction}; the array is built for K "
                f"up to {most}. Build it with --max-reduction {reduction}"
            )


def shapes(network: Network) -> dict[str, Shape]:
    """Output shape of the image and of each layer, without the batch, by name.

    Raises
    ------
    ValueError
        If a layer does not fit what it reads: names both, with their shapes.
    """
    image = network.image
    known: dict[str, Shape] = {IMAGE: (image.channels, image.height, image.width)}
    for layer in network.layers:
        known[layer.name] = output_shape(layer, known[layer.input], network.tensors)
        if isinstance(layer, Product) and layer.residual is not None:
            residual = known[layer.residual]
            if residual != known[layer.name]:
                raise ValueError(
                    f"Layer {layer.name!r} gives {known[layer.name]}, but its residual "
                    f"{layer.residual!r} gives {residual}"
                )
    return known


def code_bits(network: Network) -> dict[str, int]:
    """Bits of the codes of the image and of each layer, by name; pools pass on what they get."""
    known = {IMAGE: network.image.bits}
    for layer in network.layers:
        if isinstance(layer, Product):
            known[layer.name] = layer.out_bits or WEIGHT_BITS
        else:
            known[layer.name] = known[layer.input]
    return known


def output_shape(layer: Layer, given: Shape, tensors: Tensors) -> Shape:
    """Output shape of a layer, without the batch, of that of its input; `tensors` has its codes.

    Raises
    ------
    ValueError
        If they do not fit: names both layers.
    """
    if isinstance(layer, Linear):
        rows, columns = tensors[f"{layer.name}.codes"].shape
        _require(given == (columns,), layer, f"({columns},)", given)
        return (rows,)
    if isinstance(layer, Flatten):
        return (int(np.prod(given)),)
    _require(len(given) == 3, layer, "(channels, height, width)", given)
    channels, height, width = given
    if isinstance(layer, Shortcut):
        _require(channels <= layer.channels, layer, f"at most {layer.channels} channels", given)
        size = output_size((height, width), (1, 1), layer.stride, (0, 0))
        return (layer.channels, *size)
    if isinstance(layer, Conv2d):
        outputs, inputs, *kernel = tensors[f"{layer.name}.codes"].shape
        _require(channels == inputs, layer, f"{inputs} channels", given)
        window = output_size((height, width), (kernel[0], kernel[1]), layer.stride, layer.padding)
        channels = outputs
    elif isinstance(layer, MaxPool):
        window = output_size((height, width), layer.kernel, layer.stride, layer.padding)
    elif isinstance(layer, AvgPool):
        size = layer.kernel or (height, width)
        window = output_size((height, width), size, layer.stride or size, (0, 0))
    else:
        raise TypeError(f"Layer {layer.name!r} must be one of the known kinds, not {type(layer)}")
    if isinstance(layer, Conv2d | MaxPool):
        size = layer.kernel if isinstance(layer, MaxPool) else (kernel[0], kernel[1])
        _narrower(layer, layer.padding, size)
    _require(min(window) >= 1, layer, "at least one window", given)
    return (channels, *window)


def _narrower(layer: Layer, padding: Pair, kernel: Pair) -> None:
    if padding[0] >= kernel[0] or padding[1] >= kernel[1]:
        raise ValueError(
            f"Layer {layer.name!r} must have a padding narrower than its window {kernel}, "
            f"not {padding}"
        )


def _require(holds: bool, layer: Layer, wanted: str, given: Shape) -> None:
    if not holds:
        raise ValueError(
            f"Layer {layer.name!r} takes {wanted}, but its input {layer.input!r} gives {given}"
        )
