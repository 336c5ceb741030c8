"""The exported network: layers that take and give activation codes, in the order they run in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .coding import ImageCoding
from .layers import output_size, sides, spread
from .quantise import WEIGHT_BITS, OffsetKind
from .requantise import Requantisation
from .types import Codes, Padding, Pair, Shape, Tensors

__all__ = [
    "IMAGE",
    "AvgPool",
    "CodeLayer",
    "CodeRounding",
    "Conv2d",
    "Flatten",
    "ImageSpec",
    "Layer",
    "Linear",
    "MaxPool",
    "Network",
    "Product",
    "Shortcut",
    "check_dense",
    "check_reduction",
    "check_rounding",
    "code_bits",
    "output_shape",
    "shapes",
]

CodeRounding = Literal["half_up", "half_even"]
IMAGE = "image"  # the name of the network's input


@dataclass(frozen=True)
class ImageSpec:
    """The shape of an input image, the bits of its codes, and what they stand for.

    Attributes
    ----------
    channels, height, width : of the image
    bits : of its codes
    coding : what the codes stand for; None: arrays of codes are all that the network is known to
        take, a pixel of 8 bits is its code, and others are p * (2**bits - 1) / 255, rounded
    """

    channels: int
    height: int
    width: int
    bits: int = 8
    coding: ImageCoding | None = None

    @property
    def meaning(self) -> ImageCoding:
        """The coding; if none is known, that in which codes stand for 0 to 1, as pixels do."""
        return self.coding or ImageCoding(scale=(1 / ((1 << self.bits) - 1),))


@dataclass(frozen=True)
class Layer:
    """What every layer has: its own name, and the name of the layer, or `image`, that it reads."""

    name: str
    input: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all that it reads."""
        return (self.input,)


@dataclass(frozen=True)
class Product(Layer):
    """A layer of weights. It runs on the array as a matrix product.

    Attributes
    ----------
    residual : name of the layer whose codes requantisation adds, or None
    bits : the layer's own k; None: it follows the network's
    offset : the kind of z in W = 2 ck - z, or the code that stands for 0; see `weight_offset`
    out_bits : bits of its output codes; None: it gives logits, M*S + B
    rounding : of halves to codes: "half_up", as hardware does, or "half_even", as ONNX does
    """

    residual: str | None = None
    bits: int | None = None
    offset: OffsetKind = "bipolar"
    out_bits: int | None = None
    rounding: CodeRounding = "half_up"

    @property
    def sources(self) -> tuple[str, ...]:
        """Its input, and its residual if it has one."""
        return (self.input,) if self.residual is None else (self.input, self.residual)


@dataclass(frozen=True)
class Conv2d(Product):
    """A convolution. Its codes have shape (O, I / groups, KH, KW).

    Attributes
    ----------
    stride : (vertical, horizontal)
    padding : (vertical, horizontal), the same on opposite sides; or (top, left, bottom, right)
    pad_code : what surrounds the image
    dilation : how far apart the taps of a window lie, (vertical, horizontal)
    groups : the input's and the output's channels are cut into so many equal groups, and each group
        of outputs reads its group of inputs alone. As many groups as inputs: depthwise
    """

    stride: Pair = (1, 1)
    padding: Padding = (0, 0)
    pad_code: int = 0
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class Linear(Product):
    """A fully connected layer. Its codes have shape (O, I).

    Attributes
    ----------
    pixels : how many neighbouring codes of the vector share a weight. A layer of the means of an
        image's channels is one of all pixels: its vector is the flattened image, and `pixels` is
        height times width
    """

    pixels: int = 1


@dataclass(frozen=True)
class MaxPool(Layer):
    """A pool that gives the largest code of each window; `padding` as in `Conv2d`."""

    kernel: Pair = (2, 2)
    stride: Pair = (2, 2)
    padding: Padding = (0, 0)


@dataclass(frozen=True)
class AvgPool(Layer):
    """A pool that gives the mean code of each window, rounded half up.

    Without a `kernel` the window is the whole image; without a `stride` windows lie side by side.
    A pool that requantises gives clamp((M*S + B) >> s, 0, 2**out_bits - 1) of a window's sum S
    instead, so that means have a scale, a zero point and bits of their own.

    Attributes
    ----------
    out_bits, multiplier, bias, shift : bits of the codes, M, B and s, of all channels; None, all
        of them: the mean code is given
    """

    kernel: Pair | None = None
    stride: Pair | None = None
    out_bits: int | None = None
    multiplier: int | None = None
    bias: int | None = None
    shift: int | None = None

    @property
    def requant(self) -> Requantisation | None:
        """The parameters, each of one channel; None if the mean code is given."""
        if None in (numbers := (self.multiplier, self.bias, self.shift)) or self.out_bits is None:
            return None
        arrays = [np.array([number], np.int64) for number in numbers]
        return Requantisation(
            multiplier=arrays[0], bias=arrays[1], shift=arrays[2], out_bits=self.out_bits
        )


@dataclass(frozen=True)
class Shortcut(Layer):
    """A residual's way past a stride: every `stride`-th pixel, and more channels, of code 0.

    Source: option A of Deep Residual Learning, arXiv 1512.03385, section 4.2.
    """

    channels: int = 1
    stride: Pair = (1, 1)


@dataclass(frozen=True)
class Flatten(Layer):
    """A layer that makes one vector of codes (C, H, W), channels outermost."""


@dataclass(frozen=True)
class CodeLayer(Layer):
    """A layer without weights that says itself what it makes of the codes that it reads.

    Its kinds are in `coders`. What is `given` to a method follows `sources`.
    """

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """What follows `NAME.` in the names of its tensors."""
        return ()

    def shape(self, given: Sequence[Shape], tensors: Tensors) -> Shape:
        """The shape of its output; raises ValueError if the layer does not fit its inputs."""
        raise NotImplementedError

    def bits(self, given: Sequence[int]) -> int:
        """The bits of its output's codes."""
        return given[0]

    def run(self, given: Sequence[Codes], tensors: Tensors) -> Codes:
        """Its output (B, ...) of codes (B, ...)."""
        raise NotImplementedError

    def check(self, tensors: Tensors) -> None:
        """Raise ValueError if one of its tensors is not as it must be."""

    def image(self, shape: Shape) -> tuple[int, int, int]:
        """Channels, height and width of what it reads; raises ValueError if that is a vector."""
        _require(len(shape) == 3, self, "(channels, height, width)", shape)
        return shape[0], shape[1], shape[2]


@dataclass(frozen=True)
class Network:
    """Layers and their tensors.

    Attributes
    ----------
    name : what the network is called
    image : what it takes
    bit_widths : the k that there are parameters for
    layers : in the order in which they run; the last one's output is the network's
    tensors : by name. `LAYER.codes`, uint8, are a layer's weight codes. For each bit-width B there
        are int64 arrays (O,): `LAYER.bB.multiplier` and `.bias`; `.shift`, unless the layer gives
        logits; `.residual_multiplier`, if it has a residual. Where the exporter certified the
        layer, `LAYER.bB.exact`, uint8 (O,), is 1 for each channel whose codes are those of exact
        rational arithmetic for every sum
    """

    name: str
    image: ImageSpec
    bit_widths: tuple[int, ...]
    layers: tuple[Layer, ...]
    tensors: Tensors = field(repr=False)

    @property
    def products(self) -> list[Product]:
        """The layers of weights, which run on the array."""
        return [layer for layer in self.layers if isinstance(layer, Product)]

    def weights(self, layer: Product) -> Codes:
        """The 8-bit weight codes of a layer, (O, I, KH, KW), or (O, I) with one for each input."""
        codes = self.tensors[f"{layer.name}.codes"].astype(np.uint8, copy=False)
        return np.repeat(codes, layer.pixels, axis=1) if isinstance(layer, Linear) else codes

    def codes(self, layer: Product) -> Codes:
        """The 8-bit weight codes of a layer as a matrix, uint8 (K, N); K is that of one group."""
        codes = self.weights(layer)
        return codes.reshape(len(codes), -1).T

    def reduction(self, layer: Product) -> int:
        """K of a layer, the length of each of its dot products."""
        codes = self.tensors[f"{layer.name}.codes"]
        pixels = layer.pixels if isinstance(layer, Linear) else 1
        return int(codes.size // len(codes)) * pixels


def check_reduction(network: Network, most: int) -> None:
    """Check that every layer's K is at most `most`.

    Raises
    ------
    ValueError
        If a layer's K is more: names the layer and both numbers.
    """
    for layer in network.products:
        reduction = network.reduction(layer)
        if reduction > most:
            raise ValueError(
                f"Layer {layer.name!r} has reduction K = {reduction}; the array is built for K "
                f"up to {most}. Build it with --max-reduction {reduction}"
            )


def check_dense(network: Network, runner: str) -> None:
    """Check that no layer has groups or a weight offset of its own, which `runner` lacks.

    Raises
    ------
    ValueError
        If one has: names the layer.
    """
    for layer in network.products:
        if isinstance(layer, Conv2d) and layer.groups > 1:
            raise ValueError(
                f"Layer {layer.name!r} is a convolution of {layer.groups} groups, which {runner} "
                "does not run; run it on golden"
            )
        if isinstance(layer.offset, int):
            raise ValueError(
                f"Layer {layer.name!r} has weights of which the code {layer.offset} stands for 0; "
                f"{runner} does not run them, run it on golden"
            )


def check_rounding(network: Network) -> None:
    """Check that every layer rounds halves up, as hardware does.

    Raises
    ------
    ValueError

    Raises
    ------
    ValueError
        If one does not: names it.
    """
    for layer in network.products:
        if layer.rounding != "half_up":
            raise ValueError(
                f"Layer {layer.name!r} rounds halves to the even code, and hardware rounds them "
                "up; run it on golden, or import it with --halves up"
            )


def shapes(network: Network) -> dict[str, Shape]:
    """The shapes of the image and of each layer's output, without the batch, by name.

    Raises
    ------
    ValueError
        If a layer does not fit what it reads: names both, with their shapes.
    """
    image = network.image
    known: dict[str, Shape] = {IMAGE: (image.channels, image.height, image.width)}
    for layer in network.layers:
        if isinstance(layer, CodeLayer):
            given = [known[source] for source in layer.sources]
            known[layer.name] = layer.shape(given, network.tensors)
            continue
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
    """The bits of the codes of the image and of each layer, by name; 8 for logits.

    Pools, shortcuts and what only moves codes give codes of as many bits as they take, but means
    may have bits of their own.
    """
    known = {IMAGE: network.image.bits}
    for layer in network.layers:
        if isinstance(layer, Product):
            known[layer.name] = layer.out_bits or WEIGHT_BITS
        elif isinstance(layer, CodeLayer):
            known[layer.name] = layer.bits([known[source] for source in layer.sources])
        elif isinstance(layer, AvgPool) and layer.out_bits is not None:
            known[layer.name] = layer.out_bits
        else:
            known[layer.name] = known[layer.input]
    return known


def output_shape(layer: Layer, given: Shape, tensors: Tensors) -> Shape:
    """The shape of a layer's output, without the batch.

    Parameters
    ----------
    given : the shape of its input
    tensors : `LAYER.codes` of the layer, if it has weights

    Raises
    ------
    ValueError
        If the layer does not fit its input: names both.
    """
    if isinstance(layer, Linear):
        rows, columns = tensors[f"{layer.name}.codes"].shape
        columns *= layer.pixels
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
        inputs *= layer.groups
        _require(channels == inputs, layer, f"{inputs} channels", given)
        if outputs % layer.groups:
            raise ValueError(
                f"Layer {layer.name!r} must have a multiple of its {layer.groups} groups as output "
                f"channels, not {outputs}"
            )
        size = (kernel[0], kernel[1])
        window = output_size((height, width), size, layer.stride, layer.padding, layer.dilation)
        channels = outputs
    elif isinstance(layer, MaxPool):
        window = output_size((height, width), layer.kernel, layer.stride, layer.padding)
    elif isinstance(layer, AvgPool):
        size = layer.kernel or (height, width)
        window = output_size((height, width), size, layer.stride or size, (0, 0))
    else:
        raise TypeError(f"Layer {layer.name!r} must be one of the known kinds, not {type(layer)}")
    if isinstance(layer, Conv2d | MaxPool):
        size = layer.kernel if isinstance(layer, MaxPool) else spread(size, layer.dilation)
        _narrower(layer, layer.padding, size)
    _require(min(window) >= 1, layer, "at least one window", given)
    return (channels, *window)


def _narrower(layer: Layer, padding: Padding, kernel: Pair) -> None:
    if any(side >= size for side, size in zip(sides(padding), kernel * 2, strict=True)):
        raise ValueError(
            f"Layer {layer.name!r} must have a padding narrower than its window {kernel}, "
            f"not {padding}"
        )


def _require(holds: bool, layer: Layer, wanted: str, given: Shape) -> None:
    if not holds:
        raise ValueError(
            f"Layer {layer.name!r} takes {wanted}, but its input {layer.input!r} gives {given}"
        )
