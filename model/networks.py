"""Plain float networks that can be converted: what passes between their layers can be codes."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .layers import PadShortcut

__all__ = [
    "NETWORKS",
    "build",
    "digits_cnn",
    "mlp",
    "resnet18",
    "resnet20",
    "resnet50",
    "vgg_small",
]


@dataclass(frozen=True)
class ImageShape:
    """The channels, height and width of images, and the number of their classes."""

    channels: int
    height: int
    width: int
    classes: int


class DigitsCNN(nn.Module):
    """Four convolutions with one residual; the first has stride 2 for images of 16 rows or more."""

    def __init__(self, shape: ImageShape, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = conv(shape.channels, channels // 2, stride=2 if shape.height >= 16 else 1)
        self.norm1 = nn.BatchNorm2d(channels // 2)
        self.conv2 = conv(channels // 2, channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, channels)
        self.norm3 = nn.BatchNorm2d(channels)
        self.pool = nn.MaxPool2d(2)
        self.conv4 = conv(channels, 2 * channels)
        self.norm4 = nn.BatchNorm2d(2 * channels)
        self.act = nn.ReLU()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(2 * channels, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes)."""
        x = self.act(self.norm1(self.conv1(images)))
        x = self.act(self.norm2(self.conv2(x)))
        x = self.act(self.norm3(self.conv3(x)) + x)
        x = self.pool(x)
        x = self.act(self.norm4(self.conv4(x)))
        logits: Tensor = self.linear(self.flatten(self.mean(x)))
        return logits


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a residual."""

    EXPANSION = 1

    def __init__(self, inputs: int, width: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv1 = conv(inputs, width, stride=stride)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = shortcut
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Act after the add."""
        y = self.act(self.norm1(self.conv1(x)))
        result: Tensor = self.act(self.norm2(self.conv2(y)) + self.shortcut(x))
        return result


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and a residual."""

    EXPANSION = 4

    def __init__(self, inputs: int, width: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        outputs = width * self.EXPANSION
        self.conv1 = conv(inputs, width, kernel=1)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, stride=stride)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, outputs, kernel=1)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.shortcut = shortcut
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Act after the add."""
        y = self.act(self.norm1(self.conv1(x)))
        y = self.act(self.norm2(self.conv2(y)))
        result: Tensor = self.act(self.norm3(self.conv3(y)) + self.shortcut(x))
        return result


def conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the image's size at stride 1; its batch-norm has the bias."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """1 x 1 convolution as shortcut. A ReLU follows, so that what is added is a code."""
    return nn.Sequential(
        conv(inputs, outputs, kernel=1, stride=stride), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def stages(
    block: type[BasicBlock] | type[Bottleneck],
    inputs: int,
    widths: Sequence[int],
    depths: Sequence[int],
    shortcut: Callable[[int, int, int], nn.Module],
) -> nn.Sequential:
    """Stages of residual blocks; each but the first halves the image."""
    blocks = []
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(depth):
            stride = 2 if stage and not index else 1
            outputs = width * block.EXPANSION
            same = stride == 1 and inputs == outputs
            way = nn.Identity() if same else shortcut(inputs, outputs, stride)
            blocks.append(block(inputs, width, stride=stride, shortcut=way))
            inputs = outputs
    return nn.Sequential(*blocks)


def residual(
    stem: Mapping[str, nn.Module], way: nn.Module, outputs: int, classes: int
) -> nn.Sequential:
    """Stem, residual blocks, the mean over the image, and the classes."""
    layers = {**stem, "stages": way, "mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return nn.Sequential(OrderedDict(**layers, classes=nn.Linear(outputs, classes)))


def digits_cnn(shape: ImageShape) -> nn.Module:
    """Four convolutions, one residual, 32 to 64 channels: the shipped network."""
    return DigitsCNN(shape)


def mlp(shape: ImageShape) -> nn.Module:
    """Two hidden layers of 256, with batch-norm."""
    inputs = shape.channels * shape.height * shape.width
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            linear1=nn.Linear(inputs, 256, bias=False),
            norm1=nn.BatchNorm1d(256),
            act1=nn.ReLU(),
            linear2=nn.Linear(256, 256, bias=False),
            norm2=nn.BatchNorm1d(256),
            act2=nn.ReLU(),
            classes=nn.Linear(256, shape.classes),
        )
    )


def resnet20(shape: ImageShape) -> nn.Module:
    """ResNet-20 in its CIFAR form, shortcuts without parameters (arXiv 1512.03385, sec. 4.2)."""
    stem = {"stem": conv(shape.channels, 16), "norm": nn.BatchNorm2d(16), "act": nn.ReLU()}
    way = stages(
        BasicBlock, 16, (16, 32, 64), (3, 3, 3), lambda _, out, stride: PadShortcut(out, stride)
    )
    return residual(stem, way, 64, shape.classes)


def _imagenet_stem(shape: ImageShape) -> dict[str, nn.Module]:
    first = nn.Conv2d(shape.channels, 64, 7, 2, padding=3, bias=False)
    pool = nn.MaxPool2d(3, 2, padding=1)
    return {"stem": first, "norm": nn.BatchNorm2d(64), "act": nn.ReLU(), "pool": pool}


def resnet18(shape: ImageShape) -> nn.Module:
    """ResNet-18 in its ImageNet form, projections followed by a ReLU (arXiv 1512.03385)."""
    way = stages(BasicBlock, 64, (64, 128, 256, 512), (2, 2, 2, 2), projection)
    return residual(_imagenet_stem(shape), way, 512, shape.classes)


def resnet50(shape: ImageShape) -> nn.Module:
    """ResNet-50 in its ImageNet form, projections followed by a ReLU (arXiv 1512.03385)."""
    way = stages(Bottleneck, 64, (64, 128, 256, 512), (3, 4, 6, 3), projection)
    return residual(_imagenet_stem(shape), way, 2048, shape.classes)


def vgg_small(shape: ImageShape) -> nn.Module:
    """Six convolutions of 128 to 512 channels, as binary networks use it (arXiv 1603.05279)."""
    layers: dict[str, nn.Module] = {}
    inputs = shape.channels
    for index, outputs in enumerate((128, 128, 256, 256, 512, 512)):
        layers[f"conv{index + 1}"] = conv(inputs, outputs)
        layers[f"norm{index + 1}"] = nn.BatchNorm2d(outputs)
        layers[f"act{index + 1}"] = nn.ReLU()
        if index % 2:
            layers[f"pool{index // 2 + 1}"] = nn.MaxPool2d(2)
        inputs = outputs
    return residual(layers, nn.Identity(), 512, shape.classes)


NETWORKS: Mapping[str, Callable[[ImageShape], nn.Module]] = {
    "cnn": digits_cnn,
    "mlp": mlp,
    "resnet18": resnet18,
    "resnet20": resnet20,
    "resnet50": resnet50,
    "vgg-small": vgg_small,
}


def build(name: str, shape: ImageShape) -> nn.Module:
    """The network `name`, with fresh weights.

    Raises
    ------
    ValueError
        If there is no such network; names those that there are.
    """
    if name not in NETWORKS:
        raise ValueError(f"Network must be one of {', '.join(NETWORKS)}, not {name!r}")
    return NETWORKS[name](shape)
