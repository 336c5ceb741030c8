"""Networks that people compare accelerators with, by their shapes alone.

Only layers of weights are here: products of two activations, such as the scores of attention, have
no weights to truncate. First and last layers keep 8 bits.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .shapes import LayerShape, Window, Workload

__all__ = ["TRANSFORMERS", "WORKLOADS"]

IMAGENET_SIZE = 224  # pixels on a side
IMAGENET_CLASSES = 1000


class _Shapes:
    """Collects the layers of a network and knows the shape that the next one reads."""

    def __init__(self, channels: int, size: int) -> None:
        self.layers: list[LayerShape] = []
        self.channels = channels
        self.size = size

    def window(self, kernel: int, stride: int, channels: int | None = None) -> Window:
        """The window of a kernel, padded so that only the stride changes the image's size."""
        pad = kernel // 2
        return Window(
            channels or self.channels,
            *(self.size, self.size),
            *((kernel, kernel), (stride, stride), (pad, pad)),
        )

    def conv(self, name: str, outputs: int, kernel: int = 3, stride: int = 1, **own: Any) -> None:
        """Add a convolution; what follows reads its outputs."""
        window = self.window(kernel, stride)
        self.layers.append(LayerShape.conv2d(name, window, outputs, **own))
        self.channels, self.size = outputs, window.output[0]

    def depthwise(self, name: str, stride: int) -> None:
        """Add a 3 x 3 convolution of each channel by itself: K = 9, N = 1."""
        window = self.window(3, stride, channels=1)
        self.layers.append(LayerShape.conv2d(name, window, 1, groups=self.channels))
        self.size = window.output[0]

    def projection(self, name: str, outputs: int, stride: int) -> None:
        """Add a 1 x 1 convolution on a shortcut, whose outputs the next layer does not read."""
        self.layers.append(LayerShape.conv2d(name, self.window(1, stride), outputs))

    def classes(self, name: str, outputs: int) -> None:
        """Add the fully connected layer at the end, which reads one vector."""
        self.layers.append(LayerShape(name, 1, self.channels, outputs, bits=8, raw=True))


def _resnet20() -> Workload:
    net = _Shapes(3, 32)
    net.conv("stem", 16, bits=8)
    for stage, width in enumerate((16, 32, 64), start=1):
        for block in range(1, 4):
            stride = 2 if stage > 1 and block == 1 else 1
            net.conv(f"stage{stage}_block{block}_a", width, stride=stride)
            net.conv(f"stage{stage}_block{block}_b", width, residual=True)
    net.classes("logits", 10)
    return Workload("resnet20", tuple(net.layers))


def _resnet(name: str, depths: tuple[int, ...], expansion: int) -> Workload:
    """A ResNet for ImageNet; a block is two 3 x 3 convolutions, or a bottleneck of expansion 4."""
    net = _Shapes(3, IMAGENET_SIZE)
    net.conv("stem", 64, 7, 2, bits=8)
    net.size //= 2  # pooling
    index = 0
    for stage, depth in enumerate(depths):
        for block in range(depth):
            stride = 2 if stage and not block else 1
            _residual_block(net, f"stages_{index}", 64 << stage, stride, expansion)
            index += 1
    net.classes("classes", IMAGENET_CLASSES)
    return Workload(name, tuple(net.layers))


def _residual_block(net: _Shapes, name: str, width: int, stride: int, expansion: int) -> None:
    outputs = width * expansion
    if stride > 1 or net.channels != outputs:
        net.projection(f"{name}_shortcut_0", outputs, stride)
    if expansion == 1:
        net.conv(f"{name}_conv1", width, stride=stride)
        net.conv(f"{name}_conv2", outputs, residual=True)
        return
    net.conv(f"{name}_conv1", width, 1)
    net.conv(f"{name}_conv2", width, stride=stride)
    net.conv(f"{name}_conv3", outputs, 1, residual=True)


def _mobilenet_v1() -> Workload:
    """MobileNet v1. Source: arXiv 1704.04861, table 1."""
    net = _Shapes(3, IMAGENET_SIZE)
    net.conv("stem", 32, stride=2, bits=8)
    widths = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    for index, width in enumerate(widths):
        stride = 2 if index in (1, 3, 5, 11) else 1
        net.depthwise(f"block{index + 1}_depthwise", stride)
        net.conv(f"block{index + 1}_pointwise", width, 1)
    net.classes("classes", IMAGENET_CLASSES)
    return Workload("mobilenet-v1", tuple(net.layers))


def _mobilenet_v2() -> Workload:
    """MobileNet v2. Source: arXiv 1801.04381, table 2: expansion, channels, repeats, stride."""
    net = _Shapes(3, IMAGENET_SIZE)
    net.conv("stem", 32, stride=2, bits=8)
    index = 0
    for expansion, width, repeats, first in (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    ):
        for repeat in range(repeats):
            index += 1
            inputs = net.channels
            if expansion > 1:
                net.conv(f"block{index}_expand", inputs * expansion, 1)
            net.depthwise(f"block{index}_depthwise", 1 if repeat else first)
            net.conv(f"block{index}_project", width, 1, residual=repeat > 0)
    net.conv("last", 1280, 1)
    net.classes("classes", IMAGENET_CLASSES)
    return Workload("mobilenet-v2", tuple(net.layers))


def _pointwise(workload: Workload) -> Workload:
    """The 1 x 1 convolutions of a workload alone."""
    layers = tuple(
        layer
        for layer in workload.layers
        if layer.window is not None and layer.window.kernel == (1, 1)
    )
    return Workload(f"{workload.name}-pointwise", layers)


def _encoder(tokens: int, width: int, depth: int, *, fused: bool) -> list[LayerShape]:
    """Transformer blocks: the projections of attention, and a feed-forward of four times the width.

    If `fused`, query, key and value are one product, as in GPT-2 and ViT.
    """
    attention = {"qkv": 3} if fused else {"query": 1, "key": 1, "value": 1}
    sizes = {name: (width, width * times) for name, times in attention.items()}
    sizes |= {"out": (width, width), "up": (width, 4 * width), "down": (4 * width, width)}
    return [
        LayerShape(f"block{block}_{name}", tokens, *size)
        for block in range(1, depth + 1)
        for name, size in sizes.items()
    ]


def _bert_base(tokens: int) -> Workload:
    """The encoder of BERT-base. Source: arXiv 1810.04805."""
    return Workload("bert-base", tuple(_encoder(tokens, 768, 12, fused=False)))


def _gpt2_small(tokens: int) -> Workload:
    """The blocks of GPT-2 small, and the output layer over the vocabulary for the last token."""
    head = LayerShape("logits", 1, 768, 50257, bits=8, raw=True)
    return Workload("gpt2-small", (*_encoder(tokens, 768, 12, fused=True), head))


def _vit_b16() -> Workload:
    """ViT-B/16: patches of 16 x 16 pixels, and one more token for the class.

    Source: arXiv 2010.11929.
    """
    side = IMAGENET_SIZE // 16
    window = Window(3, IMAGENET_SIZE, IMAGENET_SIZE, (16, 16), (16, 16))
    patches = LayerShape.conv2d("patches", window, 768, bits=8)
    head = LayerShape("classes", 1, 768, IMAGENET_CLASSES, bits=8, raw=True)
    blocks = _encoder(side * side + 1, 768, 12, fused=True)
    return Workload("vit-b16", (patches, *blocks, head))


# Transformers, each with the sequence length that its plain name has; `NAME@TOKENS` has another
TRANSFORMERS: Mapping[str, tuple[Callable[[int], Workload], int]] = {
    "bert-base": (_bert_base, 128),
    "gpt2-small": (_gpt2_small, 1024),
}

WORKLOADS: Mapping[str, Callable[[], Workload]] = {
    "resnet20": _resnet20,
    "resnet18": partial(_resnet, "resnet18", (2, 2, 2, 2), 1),
    "resnet50": partial(_resnet, "resnet50", (3, 4, 6, 3), 4),
    "mobilenet-v1": _mobilenet_v1,
    "mobilenet-v1-pointwise": lambda: _pointwise(_mobilenet_v1()),
    "mobilenet-v2": _mobilenet_v2,
    "mobilenet-v2-pointwise": lambda: _pointwise(_mobilenet_v2()),
    "vit-b16": _vit_b16,
    **{name: partial(make, tokens) for name, (make, tokens) in TRANSFORMERS.items()},
}
