"""A network in the making, while its ONNX graph is read node by node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from truncmac.golden import (
    IMAGE,
    AffineProduct,
    AvgPool,
    CodeLayer,
    ImageSpec,
    Layer,
    NetworkFileError,
    Stream,
    output_shape,
)
from truncmac.golden.types import Array, Codes, Shape

from .attributes import MOST_SIZE
from .options import Options
from .read import Graph, Node
from .values import (
    Activations,
    CodeProduct,
    Constant,
    IntegerImage,
    Joined,
    Levels,
    Mapped,
    Mean,
    Raw,
    Sums,
    Value,
)
from .weights import Weights

__all__ = ["ClosedProduct", "Draft"]

MOST_LAYERS = 2000


@dataclass(frozen=True)
class ClosedProduct:
    """A layer of weights with what becomes of its sums.

    Attributes
    ----------
    output : the codes that it gives; None: its sums are the logits
    rounding : 0.5 to round half up, 0 to round down
    """

    product: AffineProduct
    output: Stream | None
    rounding: float


class Draft:
    """The layers so far, what each tensor of the graph stands for, and notes for the user.

    Attributes
    ----------
    name : of the network
    output : name of the graph's output
    options : what the user says of it
    pixels : mean and deviation of pixels, if the graph says them
    spec : the image; its bits and coding are known once it is quantised
    flat_image : whether the graph takes vectors (B, K), not images (B, C, H, W)
    image : the quantised image, once there is one
    values : by tensor name
    layers : in the order in which they run
    pools : names of the layers that give the codes of means, by the pool and whether they are flat
    shapes : of the image and of each layer's output, without the batch, by layer name
    codes : `LAYER.codes`, uint8, of each layer of weights
    truncated : by layer name, the bits of weights that the graph itself truncates
    helpers : names of layers that no node asked for: they add, scale or requantise codes
    helper_weights : how many weights the helpers have
    notes : one sentence each
    length : whether the graph's images are (B, C, L), so that all of its windows have one axis;
        they are images (B, C, 1, L) here
    bits : of integers that have fewer than their type, by the name of the constant
    tensors : what layers hold that have no weights, by name
    closed : the codes of a QuantizeLinear that several nodes read, by the name of its output
    folded : how many numbers were made of constants, while the graph was read
    tables : the codes that a table makes, by the source and what each code becomes
    """

    def __init__(self, graph: Graph, options: Options) -> None:
        self.name = graph.name
        self.output = graph.output
        self.options = options
        self.pixels = graph.pixels
        self.spec, self.flat_image = _image(graph)
        self.length = len(graph.input_shape) == 3
        self.bits = graph.bits
        self.tensors: dict[str, Array] = {}
        self.folded = 0
        self.closed: dict[str, Value] = {}
        self.tables: dict[tuple[str, bytes], Stream] = {}
        self.image: Value | None = None
        self.image_stream: Stream | None = None
        self.values: dict[str, Value] = {
            name: Constant(array) for name, array in graph.constants.items()
        }
        self.layers: list[Layer | ClosedProduct] = []
        self.pools: dict[tuple[AvgPool, bool], str] = {}
        self.shapes: dict[str, Shape] = {
            IMAGE: (self.spec.channels, self.spec.height, self.spec.width)
        }
        self.codes: dict[str, Codes] = {}
        self.truncated: dict[str, int] = {}
        self.helpers: set[str] = set()
        self.helper_weights = 0
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Tell the user `text`, once."""
        if text not in self.notes:
            self.notes.append(text)

    def unique(self, name: str) -> str:
        """A layer's name that is still free, made of a node's."""
        plain = re.sub(r"\W+", "_", name).strip("_")[:80] or "layer"
        found, number = plain, 1
        while found in self.shapes:
            number += 1
            found = f"{plain}_{number}"
        return found

    def append(self, layer: Layer | ClosedProduct, shape: Shape) -> None:
        """Add a layer, whose output has `shape`."""
        if len(self.layers) >= MOST_LAYERS:
            raise NetworkFileError(f"makes more than {MOST_LAYERS} layers")
        self.layers.append(layer)
        name = layer.product.layer.name if isinstance(layer, ClosedProduct) else layer.name
        self.shapes[name] = shape

    def value(self, node: Node, index: int) -> Value:
        """What input `index` of a node stands for."""
        if index >= len(node.inputs) or node.inputs[index] not in self.values:
            raise NetworkFileError(f"lacks its input {index + 1}")
        return self.values[node.inputs[index]]

    def rank(self, constant: Array, shape: Shape) -> int:
        """With how many axes a constant meets a tensor of `shape`, without the batch."""
        return 2 if len(shape) == 1 else max(4 - self.length, constant.ndim)

    def instead(self, node: Node, values: Mapping[int, Value]) -> Node:
        """The node with other values as some of its inputs, by index."""
        inputs = list(node.inputs)
        for index, value in values.items():
            inputs[index] = f"{node.inputs[index]} of {node.outputs[0]}"
            self.values[inputs[index]] = value
        return replace(node, inputs=tuple(inputs))

    def shape(self, value: Value) -> Shape:
        """The shape of a tensor that depends on the image, without the batch: (C, H, W) or (K,)."""
        if isinstance(value, Raw | IntegerImage):
            shape = self.shapes[IMAGE]
            return (prod(shape),) if self.flat_image else shape
        if isinstance(value, Activations):
            return self.shapes[value.stream.layer]
        if isinstance(value, Mean):
            shape = output_shape(value.pool, self.shapes[value.source.layer], {})
            return (prod(shape),) if value.flat else shape
        if isinstance(value, Mapped):
            return self.shapes[value.source.layer]
        if isinstance(value, CodeProduct):
            return self.shapes[value.one.layer]
        if isinstance(value, Levels):
            return self.shape(value.value)
        if isinstance(value, Joined):
            shapes = [self.shape(part) for part in value.parts]
            return (sum(shape[0] for shape in shapes), *shapes[0][1:])
        if not isinstance(value, Sums):
            raise NetworkFileError("has an input that is not quantised; put a Quant before it")
        shape = self.shapes[value.product.layer.name]
        for layer in value.after:
            shape = (
                layer.shape([shape], {})
                if isinstance(layer, CodeLayer)
                else output_shape(layer, shape, {})
            )
        return shape

    def constant(self, node: Node, index: int, default: Array | None = None) -> Array:
        """Input `index` of a node as numbers; `default` where the node has no such input."""
        if default is not None and (index >= len(node.inputs) or not node.inputs[index]):
            return default
        value = self.value(node, index)
        if isinstance(value, Weights):
            return value.reals()
        if not isinstance(value, Constant):
            raise NetworkFileError(f"must have a constant as its input {index + 1}")
        return value.array


def _image(graph: Graph) -> tuple[ImageSpec, bool]:
    """The image that the graph takes, and whether it is a vector there."""
    shape = graph.input_shape[1:]
    sizes = [size for size in shape if size is not None and 1 <= size <= MOST_SIZE]
    if len(sizes) != len(shape) or len(sizes) not in (1, 2, 3):
        raise NetworkFileError(
            f"Input {graph.input!r} must have the shape (batch, channels, height, width), "
            "(batch, channels, length) or (batch, features), fixed but for the batch, "
            f"not {graph.input_shape}"
        )
    if graph.channels_last:
        sizes = sizes[-1:] + sizes[:-1]
    if len(sizes) == 1:
        return ImageSpec(sizes[0], 1, 1), True
    return ImageSpec(sizes[0], 1 if len(sizes) == 2 else sizes[1], sizes[-1]), False
