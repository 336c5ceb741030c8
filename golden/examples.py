"""Networks of known shape with made-up weights: for cycles, traffic and bit-exactness.

Their accuracy means nothing. Weights are bell-shaped, and each layer is requantised so that its
codes are spread as a trained network's are, about half of them zero.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from .executor import run_layer
from .network import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Layer,
    Linear,
    Network,
    Product,
    Shortcut,
)
from .quantise import Codes, weight_codes
from .requantise import from_affine

__all__ = ["EXAMPLES", "example_images", "example_network"]

BIT_WIDTHS = (8, 4, 2, 1)
ACT_BITS = 4
DEVIATIONS = 2.0  # a code's range, in standard deviations of the sums before it

Shapes = Iterator[tuple[Layer, tuple[int, ...] | None]]


def resnet20(bits: int = ACT_BITS) -> tuple[ImageSpec, Shapes]:
    """ResNet-20 for 32 x 32 x 3 images and ten classes: 40.6 million multiply-accumulates.

    Source: arXiv 1512.03385, section 4.2, with option A shortcuts.
    """

    def layers() -> Shapes:
        yield Conv2d("stem", IMAGE, bits=8, out_bits=bits, padding=(1, 1)), (16, 3, 3, 3)
        before, inputs = "stem", 16
        for stage, outputs in enumerate((16, 32, 64)):
            for block in range(3):
                name = f"stage{stage + 1}_block{block + 1}"
                stride = (2, 2) if outputs != inputs else (1, 1)
                residual = before
                if outputs != inputs:
                    residual = f"{name}_shortcut"
                    yield Shortcut(residual, before, channels=outputs, stride=stride), None
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
        yield AvgPool("mean", before), None
        yield Flatten("flatten", "mean"), None
        yield Linear("logits", "flatten", bits=8), (10, 64)

    return ImageSpec(3, 32, 32, 8), layers()


EXAMPLES: Mapping[str, Callable[[], tuple[ImageSpec, Shapes]]] = {"resnet20": resnet20}


def example_images(name: str, count: int, seed: int = 0) -> Codes:
    """Smooth random images, codes (count, C, H, W), for the example `name`."""
    image, _ = _example(name)
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 1 << image.bits, (count, image.channels, 4, 4))
    repeats = -(-image.height // 4), -(-image.width // 4)
    smooth = coarse.repeat(repeats[0], axis=2).repeat(repeats[1], axis=3)
    return smooth[:, :, : image.height, : image.width].astype(np.uint8)


def example_network(name: str, seed: int = 0) -> Network:
    """The example `name` with weights drawn from `seed`.

    Raises
    ------
    ValueError
        If there is no such example; names those that there are.
    """
    image, layers = _example(name)
    rng = np.random.default_rng(seed)
    sample = example_images(name, 2, seed)
    tensors: dict[str, npt.NDArray[np.generic]] = {}
    done: list[Layer] = []
    values: dict[int, dict[str, npt.NDArray[np.integer]]]
    values = {bits: {IMAGE: sample} for bits in BIT_WIDTHS}
    for layer, shape in layers:
        done.append(layer)
        network = Network(name, image, BIT_WIDTHS, tuple(done), tensors)
        if shape is not None:
            tensors[f"{layer.name}.codes"] = weight_codes(rng.normal(0, 0.5, shape))
        for bits in BIT_WIDTHS:
            if isinstance(layer, Product):
                _add_parameters(tensors, network, layer, values[bits], bits)
            values[bits][layer.name] = run_layer(network, layer, values[bits], bits)
    return Network(name, image, BIT_WIDTHS, tuple(done), tensors)


def _add_parameters(
    tensors: dict[str, npt.NDArray[np.generic]],
    network: Network,
    layer: Product,
    values: Mapping[str, npt.NDArray[np.integer]],
    bits: int,
) -> None:
    """Requantise so that a channel's sums have mean zero and fill the codes' range."""
    prefix = f"{layer.name}.b{bits}"
    channels = len(tensors[f"{layer.name}.codes"])
    zeros = np.zeros(channels, np.int64)
    tensors |= {f"{prefix}.multiplier": zeros + 1, f"{prefix}.bias": zeros}
    if layer.out_bits is None:
        return
    found: list[npt.NDArray[np.int64]] = []
    tensors |= {f"{prefix}.shift": zeros}
    if layer.residual is not None:
        tensors |= {f"{prefix}.residual_multiplier": zeros}
    run_layer(network, layer, values, bits, on_gemm=lambda gemm: found.append(gemm.sums()))
    scale = ((1 << layer.out_bits) - 1) / (DEVIATIONS * (found[0].std(axis=0) + 1))
    residual = None if layer.residual is None else np.ones(channels)
    params = from_affine(
        scale, -scale * found[0].mean(axis=0), out_bits=layer.out_bits, residual_scale=residual
    )
    tensors |= {
        f"{prefix}.multiplier": params.multiplier,
        f"{prefix}.bias": params.bias,
        f"{prefix}.shift": params.shift,
    }
    if params.residual_multiplier is not None:
        tensors |= {f"{prefix}.residual_multiplier": params.residual_multiplier}


def _example(name: str) -> tuple[ImageSpec, Shapes]:
    if name not in EXAMPLES:
        raise ValueError(f"Example must be one of {', '.join(EXAMPLES)}, not {name!r}")
    return EXAMPLES[name]()
