"""Networks of known shape with made-up weights, to measure cycles, traffic and bit-exactness.

Their accuracy means nothing. Their weights are normally distributed, and each layer is requantised
so that its codes are spread as those of a trained network are: about half of them are zero.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from truncmac.integers import ceil_div

from .executor import run_layer
from .layers import channels_last
from .network import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Layer,
    Linear,
    MaxPool,
    Network,
    Product,
    Shortcut,
)
from .quantise import weight_codes
from .requantise import from_affine, requantise
from .sums import exact_sums
from .types import AnyIntegers, Array, Codes

__all__ = ["EXAMPLES", "example_images", "example_network"]

EXAMPLE_WIDTHS = (8, 4, 2, 1)
ACT_BITS = 4
DEVIATIONS = 2.0  # the codes' range, in standard deviations of the sums that they are made of

Sized = tuple[Layer, tuple[int, ...] | None]  # a layer, and the shape of its weights
SizedLayers = Iterator[Sized]


def _resnet20(bits: int = ACT_BITS) -> tuple[ImageSpec, SizedLayers]:
    """ResNet-20 for 32 x 32 x 3 images and ten classes: 40.6 million multiply-accumulates.

    Source: arXiv 1512.03385, section 4.2, with option A shortcuts.
    """

    def shortcut(name: str, before: str, sizes: tuple[int, int]) -> Sized:
        return Shortcut(name, before, channels=sizes[1], stride=(2, 2)), None

    def layers() -> SizedLayers:
        yield Conv2d("stem", IMAGE, bits=8, out_bits=bits, padding=(1, 1)), (16, 3, 3, 3)
        yield from _stages("stem", (16, 32, 64), 3, bits, shortcut)
        yield from _classes("stage3_block3_b", 64, 10)

    return ImageSpec(3, 32, 32, 8), layers()


def _resnet18(bits: int = ACT_BITS) -> tuple[ImageSpec, SizedLayers]:
    """ResNet-18 for 224 x 224 x 3 images and 1000 classes: 1.81 billion multiply-accumulates.

    A ReLU follows each projection, so that what is added is a code.

    Source: arXiv 1512.03385, table 1, with option B shortcuts.
    """

    def shortcut(name: str, before: str, sizes: tuple[int, int]) -> Sized:
        inputs, outputs = sizes
        return Conv2d(name, before, out_bits=bits, stride=(2, 2)), (outputs, inputs, 1, 1)

    def layers() -> SizedLayers:
        stem = Conv2d("stem", IMAGE, bits=8, out_bits=bits, stride=(2, 2), padding=(3, 3))
        yield stem, (64, 3, 7, 7)
        yield MaxPool("pool", "stem", kernel=(3, 3), stride=(2, 2), padding=(1, 1)), None
        yield from _stages("pool", (64, 128, 256, 512), 2, bits, shortcut)
        yield from _classes("stage4_block2_b", 512, 1000)

    return ImageSpec(3, 224, 224, 8), layers()


def _stages(
    before: str,
    widths: tuple[int, ...],
    depth: int,
    bits: int,
    shortcut: Callable[[str, str, tuple[int, int]], Sized],
) -> SizedLayers:
    """Stages of `depth` basic blocks; each stage but the first halves the image."""
    inputs = widths[0]
    for stage, outputs in enumerate(widths):
        for block in range(depth):
            name = f"stage{stage + 1}_block{block + 1}"
            stride, residual = (1, 1), before
            if outputs != inputs:
                stride, residual = (2, 2), f"{name}_shortcut"
                yield shortcut(residual, before, (inputs, outputs))
            first, second = f"{name}_a", f"{name}_b"
            yield (
                Conv2d(first, before, out_bits=bits, padding=(1, 1), stride=stride),
                (outputs, inputs, 3, 3),
            )
            yield (
                Conv2d(second, first, residual=residual, out_bits=bits, padding=(1, 1)),
                (outputs, outputs, 3, 3),
            )
            before, inputs = second, outputs


def _classes(before: str, channels: int, classes: int) -> SizedLayers:
    yield AvgPool("mean", before), None
    yield Flatten("flatten", "mean"), None
    yield Linear("logits", "flatten", bits=8), (classes, channels)


EXAMPLES: Mapping[str, Callable[[], tuple[ImageSpec, SizedLayers]]] = {
    "resnet18": _resnet18,
    "resnet20": _resnet20,
}


def example_images(name: str, count: int, seed: int = 0) -> Codes:
    """Smooth random images for the example `name`: uint8 codes (count, C, H, W).

    Raises
    ------
    ValueError
        If there is no such example; names those that there are.
    """
    image, _ = _example(name)
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 1 << image.bits, (count, image.channels, 4, 4))
    repeats = ceil_div(image.height, 4), ceil_div(image.width, 4)
    smooth = coarse.repeat(repeats[0], axis=2).repeat(repeats[1], axis=3)
    return smooth[:, :, : image.height, : image.width].astype(np.uint8)


def example_network(name: str, seed: int = 0) -> Network:
    """The example `name`, with weights that are drawn from `seed`.

    Raises
    ------
    ValueError
        If there is no such example; names those that there are.
    """
    image, layers = _example(name)
    rng = np.random.default_rng(seed)
    sample = example_images(name, 2, seed)
    tensors: dict[str, Array] = {}
    done: list[Layer] = []
    values: dict[int, dict[str, AnyIntegers]]
    values = {bits: {IMAGE: sample} for bits in EXAMPLE_WIDTHS}
    for layer, shape in layers:
        done.append(layer)
        if shape is not None:
            tensors[f"{layer.name}.codes"] = weight_codes(rng.normal(0, 0.5, shape))
        network = Network(name, image, EXAMPLE_WIDTHS, tuple(done), tensors)
        for bits in EXAMPLE_WIDTHS:
            if isinstance(layer, Product):
                outputs = _add_parameters(network, tensors, layer, values[bits], bits)
            else:
                outputs = run_layer(network, layer, values[bits])
            values[bits][layer.name] = outputs
    return Network(name, image, EXAMPLE_WIDTHS, tuple(done), tensors)


def _add_parameters(
    network: Network,
    tensors: dict[str, Array],
    layer: Product,
    values: Mapping[str, AnyIntegers],
    bits: int,
) -> AnyIntegers:
    """Add a layer's parameters to `tensors`, and return its outputs.

    They shift the mean of each channel's sums to code 0, and scale the sums to the codes' range.
    """
    prefix = f"{layer.name}.b{bits}"
    codes = network.tensors[f"{layer.name}.codes"].astype(np.uint8, copy=False)
    inputs = values[layer.input].astype(np.uint8, copy=False)
    sums = exact_sums(layer, codes, layer.bits or bits, int(inputs.max())).whole(inputs)
    if layer.out_bits is None:
        ones = np.ones(len(codes), np.int64)
        tensors |= {f"{prefix}.multiplier": ones, f"{prefix}.bias": 0 * ones}
        return sums[:, 0, 0]
    scale = ((1 << layer.out_bits) - 1) / (DEVIATIONS * (sums.std(axis=(0, 1, 2)) + 1))
    added = None if layer.residual is None else channels_last(values[layer.residual])
    params = from_affine(
        scale,
        -scale * sums.mean(axis=(0, 1, 2)),
        out_bits=layer.out_bits,
        residual_scale=None if added is None else np.ones(len(codes)),
    )
    tensors |= {
        f"{prefix}.multiplier": params.multiplier,
        f"{prefix}.bias": params.bias,
        f"{prefix}.shift": params.shift,
    }
    if params.residual_multiplier is not None:
        tensors |= {f"{prefix}.residual_multiplier": params.residual_multiplier}
    return requantise(sums, params, added).transpose(0, 3, 1, 2)


def _example(name: str) -> tuple[ImageSpec, SizedLayers]:
    if name not in EXAMPLES:
        raise ValueError(f"Example must be one of {', '.join(EXAMPLES)}, not {name!r}")
    return EXAMPLES[name]()
