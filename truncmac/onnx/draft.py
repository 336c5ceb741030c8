"""A network in the making, while its ONNX graph is read node by node."""

import re
from dataclasses import dataclass

from truncmac.golden import (
    IMAGE,
    AffineProduct,
    ImageSpec,
    Layer,
    NetworkFileError,
    Stream,
)
from truncmac.golden.types import Array, Codes, Shape

from .attributes import MOST_SIZE
from .options import Options
from .read import Graph, Node
from .values import Constant, Value
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
    shapes : of the image and of each layer's output, without the batch, by layer name
    codes : `LAYER.codes`, uint8, of each layer of weights
    truncated : by layer name, the bits of weights that the graph itself truncates
    helpers : names of layers that no node asked for: they add, scale or requantise codes
    helper_weights : how many weights the helpers have
    notes : one sentence each
    """

    def __init__(self, graph: Graph, options: Options) -> None:
        self.name = graph.name
        self.output = graph.output
        self.options = options
        self.pixels = graph.pixels
        self.spec, self.flat_image = _image(graph)
        self.image: Value | None = None
        self.image_stream: Stream | None = None
        self.values: dict[str, Value] = {
            name: Constant(array) for name, array in graph.constants.items()
        }
        self.layers: list[Layer | ClosedProduct] = []
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
    if len(sizes) != len(shape) or len(sizes) not in (1, 3):
        raise NetworkFileError(
            f"Input {graph.input!r} must have the shape (batch, channels, height, width) or "
            f"(batch, features), fixed but for the batch, not {graph.input_shape}"
        )
    if len(sizes) == 1:
        return ImageSpec(sizes[0], 1, 1), True
    channels, height, width = sizes
    return ImageSpec(channels, height, width), False
