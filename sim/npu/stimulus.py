"""Random networks with all that the NPU can do, drawn by seed."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, TypeVar

import numpy as np

from truncmac.golden import (
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
    shapes,
)
from truncmac.golden.types import Array, Codes, Pair

__all__ = ["WIDTHS", "fitting", "random_images", "random_network"]

WIDTHS = (8, 5, 2, 1)  # k for which a random network has parameters
TRIES = 50
STRIDES = (1, 2, 2, 2, 2, 3, 4, 8)  # of a block, as often as they are drawn
Made = TypeVar("Made")
Tensors = MutableMapping[str, Array]
Drawn = Sequence[tuple[Layer, tuple[int, ...] | None]]  # layers, and the shapes of their weights
Known = Mapping[str, tuple[int, ...]]  # shape of each map so far, the image's first


def random_network(seed: int) -> Network:
    """A network of every kind of layer, drawn by seed; its name tells the seed."""
    rng = np.random.default_rng(seed)
    channels, height, width = _draws(rng, (1, 5, 5), (5, 13, 13))
    image = ImageSpec(channels, height, width, bits=8)
    tensors: Tensors = {}
    known: dict[str, tuple[int, ...]] = {"image": (image.channels, image.height, image.width)}
    layers: list[Layer]
    if seed % 13 == 5:  # a perceptron
        hidden = Linear("hidden", "flatten", out_bits=5)
        logits = Linear("logits", "hidden")
        _add_tensors(rng, tensors, hidden, (9, int(np.prod(known["image"]))))
        _add_tensors(rng, tensors, logits, (4, 9))
        layers = [Flatten("flatten", "image"), hidden, logits]
        return Network(f"random{seed}", image, WIDTHS, tuple(layers), tensors)
    layers = []

    def add(drawn: Drawn) -> None:
        for layer, shape in drawn:
            layers.append(layer)
            if isinstance(layer, Product) and shape is not None:
                _add_tensors(rng, tensors, layer, shape)
        network = Network(f"random{seed}", image, WIDTHS, tuple(layers), tensors)
        known.update(shapes(network))

    more = np.random.default_rng((seed, 1))
    block = more.integers(3)  # the layer before which there is one
    for index in range(int(rng.integers(3, 9))):
        if index == block:
            add(_block(more, f"block{index}", known))
        add([_layer(rng, f"layer{index}", known)])
    last = layers[-1].name
    if len(known[last]) == 3 and rng.integers(4):
        layers.append(Flatten("flat", last))
        known["flat"] = (int(np.prod(known[last])),)
        last = "flat"
    if len(known[last]) == 1 and rng.integers(4):
        logits = Linear("logits", last, out_bits=None if rng.integers(3) else 7)
        layers.append(logits)
        _add_tensors(rng, tensors, logits, (int(rng.integers(1, 12)), known[last][0]))
    return Network(f"random{seed}", image, WIDTHS, tuple(layers), tensors)


def random_images(network: Network, seed: int, number: int = 1) -> Codes:
    """Images for a network, uint8 (number, C, H, W), drawn by seed."""
    image = network.image
    rng = np.random.default_rng(seed)
    shape = (number, image.channels, image.height, image.width)
    return rng.integers(0, 1 << image.bits, shape, np.uint8)


def fitting(make: Callable[[Network], Made], seed: int) -> Iterator[Made]:
    """What `make` makes of random networks, from this seed on, for which it raises no ValueError.

    Raises
    ------
    ValueError
        If `TRIES` networks in a row do not fit: says what the last of them lacks.
    """
    failed = 0
    for number in count(seed):
        try:
            made = make(random_network(number))
        except ValueError as error:
            failed += 1
            if failed == TRIES:
                message = f"None of {TRIES} random networks fits the NPU; the last: {error}"
                raise ValueError(message) from None
            continue
        failed = 0
        yield made


def _draws(rng: np.random.Generator, low: Any, high: Any, size: int | None = None) -> list[int]:
    return [int(n) for n in rng.integers(low, high, size)]


def _pair(rng: np.random.Generator, low: int, high: int) -> Pair:
    first, second = _draws(rng, low, high, 2)
    return first, second


def _layer(
    rng: np.random.Generator, name: str, known: Known
) -> tuple[Layer, tuple[int, ...] | None]:
    """A layer that fits one of those before it, and the shape of its weights."""
    source = list(known)[-1] if rng.integers(4) else str(rng.choice(list(known)))
    channels, height, width = known[source]
    kind = rng.choice(["conv", "conv", "conv", "max", "avg", "shortcut"])
    least = min(height, width)
    if kind == "conv":
        return _convolution(rng, name, source, known)
    if kind == "max":
        kernel = _pair(rng, 1, min(least, 3) + 1)
        padding = (int(rng.integers(0, kernel[0])), int(rng.integers(0, kernel[1])))
        return MaxPool(name, source, kernel, _pair(rng, 1, 4), padding), None
    if kind == "avg":
        window = _pair(rng, 1, min(least, 4) + 1) if rng.integers(2) else None
        return AvgPool(name, source, window, _pair(rng, 1, 3)), None
    more = int(rng.integers(0, 6))
    return Shortcut(name, source, channels=channels + more, stride=_pair(rng, 1, 4)), None


def _block(rng: np.random.Generator, name: str, known: Known) -> Drawn:
    """Two convolutions, the second of which adds what a shortcut takes of the first one's input."""
    source = str(rng.choice(list(known)))
    channels, _, _ = known[source]
    outputs, kernel = channels + int(rng.integers(0, 6)), 1 + 2 * int(rng.integers(2))
    down, across = (int(stride) for stride in rng.choice(STRIDES, 2))
    pad = kernel // 2, kernel // 2
    first = Conv2d(f"{name}_a", source, out_bits=8, stride=(down, across), padding=pad)
    past = Shortcut(f"{name}_s", source, channels=outputs, stride=(down, across))
    second = Conv2d(f"{name}_b", first.name, out_bits=6, residual=past.name)
    return [
        (first, (outputs, channels, kernel, kernel)),
        (past, None),
        (second, (outputs, outputs, 1, 1)),
    ]


def _convolution(
    rng: np.random.Generator, name: str, source: str, known: Known
) -> tuple[Layer, tuple[int, ...]]:
    """A convolution, which adds a residual where one fits."""
    channels, height, width = known[source]
    kernel = _pair(rng, 1, min(height, width, 4) + 1)
    outputs = int(rng.integers(1, 20))
    layer = Conv2d(
        name,
        source,
        bits=int(rng.integers(1, 9)) if rng.integers(3) == 0 else None,
        out_bits=int(rng.integers(1, 9)),
        offset="twos_complement" if rng.integers(3) == 0 else "bipolar",
        stride=_pair(rng, 1, 4),
        padding=(int(rng.integers(0, kernel[0])), int(rng.integers(0, kernel[1]))),
        pad_code=int(rng.integers(0, 256)),
    )
    size = tuple(
        (n + 2 * p - k) // s + 1
        for n, p, k, s in zip((height, width), layer.padding, kernel, layer.stride, strict=True)
    )
    fits = [other for other, shape in known.items() if shape == (outputs, *size)]
    same = [other for other, shape in known.items() if shape[1:] == size]
    if same and not fits and rng.integers(2):
        outputs = known[same[0]][0]
        fits = [same[0]]
    if fits and rng.integers(3):
        layer = replace(layer, residual=str(rng.choice(fits)))
    return layer, (outputs, channels, *kernel)


def _add_tensors(
    rng: np.random.Generator, tensors: Tensors, layer: Product, shape: tuple[int, ...]
) -> None:
    """Weights and parameters; some multipliers are negative, some are zero."""
    tensors[f"{layer.name}.codes"] = rng.integers(0, 256, shape, np.uint8)
    for bits in WIDTHS:
        prefix, size = f"{layer.name}.b{bits}", shape[0]
        multiplier = rng.integers(-(1 << 11), 1 << 11, size) * (rng.random(size) > 0.2)
        tensors[f"{prefix}.multiplier"] = multiplier.astype(np.int64)
        tensors[f"{prefix}.bias"] = rng.integers(-(1 << 24), 1 << 26, size)
        if layer.out_bits is not None:
            tensors[f"{prefix}.shift"] = rng.integers(10, 24, size)
        if layer.residual is not None:
            tensors[f"{prefix}.residual_multiplier"] = rng.integers(-(1 << 16), 1 << 16, size)
