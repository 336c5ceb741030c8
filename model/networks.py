"""Networks to train, described by the layers that their integer form has.

One list of golden layers is both what PyTorch runs and what is exported, so that the two
cannot differ in structure.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from truncmac.golden import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Layer,
    Linear,
    MaxPool,
    Product,
)

from .layers import (
    QuantActivation,
    QuantAvgPool,
    SwitchableBatchNorm2d,
    TruncConv2d,
    TruncLinear,
)

__all__ = ["BIT_WIDTHS", "CodeNetwork", "ConvBlock", "DigitsNet", "code_bits"]

BIT_WIDTHS = (1, 2, 4, 8)


class ConvBlock(nn.Module):
    """Convolution, batch-norm, residual add where there is one, activation.

    Parameters
    ----------
    layer : what it is in the exported network
    shape : (O, I, KH, KW) of the weights
    """

    def __init__(self, layer: Conv2d, shape: Sequence[int], bit_widths: Sequence[int]) -> None:
        super().__init__()
        _require(len(shape) == 4, layer, f"four dimensions, not {tuple(shape)}")
        _require(layer.out_bits is not None, layer, "activation codes as output, not logits")
        _require(layer.pad_code == 0, layer, f"padding with code 0, not {layer.pad_code}")
        outputs, inputs, height, width = shape
        self.conv = TruncConv2d(
            (outputs, inputs, height, width),
            stride=layer.stride,
            padding=layer.padding,
            own_bits=layer.bits,
        )
        self.norm = SwitchableBatchNorm2d(outputs, bit_widths)
        self.activation = QuantActivation(layer.out_bits or 8)

    def forward(self, values: Tensor, residual: Tensor | None = None) -> Tensor:
        """Values (B, O, OH, OW) of values (B, I, H, W) and of a residual like the result."""
        normalised = self.norm(self.conv(values))
        total = normalised if residual is None else normalised + residual
        result: Tensor = self.activation(total)
        return result


class CodeNetwork(nn.Module):
    """A network that runs `layers` on real values a/A of activation codes.

    Parameters
    ----------
    name, image, layers : as in `golden.Network`
    weight_shapes : by layer name, (O, I, KH, KW) or (O, I)
    bit_widths : those that it is trained for

    Raises
    ------
    ValueError
        If a layer cannot be trained; says which and why.
    """

    def __init__(
        self,
        name: str,
        image: ImageSpec,
        layers: Sequence[Layer],
        weight_shapes: Mapping[str, Sequence[int]],
        bit_widths: Sequence[int] = BIT_WIDTHS,
    ) -> None:
        super().__init__()
        self.name = name
        self.image = image
        self.layers = tuple(layers)
        self.bit_widths = tuple(bit_widths)
        known = code_bits(image, layers)
        self.blocks = nn.ModuleDict(
            {
                layer.name: _block(layer, weight_shapes, self.bit_widths, known)
                for layer in self.layers
            }
        )

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Output of each layer by name: real values a/A, and the logits.

        Parameters
        ----------
        images : real tensor (B, C, H, W), codes divided by 2**image.bits - 1
        """
        values = {IMAGE: images}
        for layer in self.layers:
            given = [values[layer.input]]
            if isinstance(layer, Product) and layer.residual is not None:
                given.append(values[layer.residual])
            values[layer.name] = self.blocks[layer.name](*given)
        del values[IMAGE]
        return values

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, C, H, W), codes divided by 2**image.bits - 1."""
        return self.outputs(images)[self.layers[-1].name]


class DigitsNet(CodeNetwork):
    """Handwritten digits of 8 x 8 pixels: four convolutions with a residual add, one linear."""

    def __init__(self, activation_bits: int = 4, bit_widths: Sequence[int] = BIT_WIDTHS) -> None:
        m = activation_bits
        same = (1, 1)
        layers = (
            Conv2d("conv1", IMAGE, bits=8, out_bits=m, padding=same),
            Conv2d("conv2", "conv1", out_bits=m, padding=same),
            Conv2d("conv3", "conv2", residual="conv2", out_bits=m, padding=same),
            MaxPool("pool", "conv3"),
            Conv2d("conv4", "pool", out_bits=m, padding=same),
            AvgPool("mean", "conv4"),
            Flatten("flat", "mean"),
            Linear("linear", "flat", bits=8),
        )
        shapes = {
            "conv1": (16, 1, 3, 3),
            "conv2": (32, 16, 3, 3),
            "conv3": (32, 32, 3, 3),
            "conv4": (64, 32, 3, 3),
            "linear": (10, 64),
        }
        super().__init__("digits", ImageSpec(1, 8, 8), layers, shapes, bit_widths)


def code_bits(image: ImageSpec, layers: Sequence[Layer]) -> dict[str, int]:
    """Bits of the codes that the image and each layer give, by name; logits have none."""
    known = {IMAGE: image.bits}
    for layer in layers:
        if not isinstance(layer, Product):
            known[layer.name] = known[layer.input]
        elif layer.out_bits is not None:
            known[layer.name] = layer.out_bits
    return known


def _block(
    layer: Layer,
    weight_shapes: Mapping[str, Sequence[int]],
    bit_widths: Sequence[int],
    known: Mapping[str, int],
) -> nn.Module:
    if isinstance(layer, Product):
        _require(layer.offset == "bipolar", layer, f"bipolar weights, not {layer.offset}")
        shape = weight_shapes[layer.name]
        if isinstance(layer, Conv2d):
            return ConvBlock(layer, shape, bit_widths)
        _require(len(shape) == 2, layer, f"two dimensions, not {tuple(shape)}")
        _require(layer.out_bits is None, layer, "logits as output, not activation codes")
        _require(layer.residual is None, layer, "no residual")
        return TruncLinear((shape[0], shape[1]), own_bits=layer.bits)
    if isinstance(layer, MaxPool):
        return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, AvgPool):
        return QuantAvgPool(known[layer.name], layer.kernel, layer.stride)
    if isinstance(layer, Flatten):
        return nn.Flatten()
    raise TypeError(f"Layer {layer.name!r} must be one of the known kinds, not {type(layer)}")


def _require(holds: bool, layer: Layer, wanted: str) -> None:
    if not holds:
        raise ValueError(f"Layer {layer.name!r} must have {wanted}, to be trained")


def real_images(codes: Tensor, image: ImageSpec) -> Tensor:
    """Real values in [0, 1], float32, of image codes."""
    return codes.to(torch.float32) / ((1 << image.bits) - 1)
