"""Collects a network's layers while its ONNX graph is read, and makes their parameters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from truncmac.golden import (
    IMAGE,
    AffineProduct,
    AvgPool,
    Conv2d,
    Flatten,
    Gemm,
    ImageSpec,
    Layer,
    Linear,
    MaxPool,
    Network,
    NetworkFileError,
    Product,
    Shortcut,
    Stream,
    code_parameters,
    execute,
    logit_parameters,
    output_shape,
    shapes,
)
from truncmac.golden.types import Array, Pair, Reals

from .read import Graph
from .values import Codes, Mean, Raw, Sums, Value, Weights, scalar

__all__ = ["ALL_WIDTHS", "Imported", "Layers", "Options"]

ALL_WIDTHS = (8, 7, 6, 5, 4, 3, 2, 1)
MOST_LAYERS = 2000
MOST_CHANNELS = 4096  # of a layer that only adds or requantises codes: its weights are square
MOST_SAME = 1 << 25  # weights of all such layers
MOST_SIZE = 1 << 16
MOST_IMAGES, BATCH = 256, 16  # whose means are taken
IMAGE_LEVELS = 255


@dataclass(frozen=True)
class Options:
    """What the file does not say.

    Attributes
    ----------
    widths : the network's k
    edge_bits : k of the first and last layers, or None: they follow the network's
    multiplier_bits : of the requantisation
    images : uint8 (n, C, H, W), codes of images, or None. With them each channel keeps its mean
        where weights are truncated
    """

    widths: Sequence[int] = ALL_WIDTHS
    edge_bits: int | None = 8
    multiplier_bits: int = 18
    images: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Imported:
    """A network, and notes on what its user should know: one sentence each."""

    network: Network
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Closed:
    """A layer of weights with its output; None: logits."""

    product: AffineProduct
    output: Stream | None
    rounding: float


class Layers:
    """Layers so far, what they give, and the notes."""

    def __init__(self, graph: Graph, options: Options) -> None:
        shape = graph.input_shape[1:]
        sizes = [size for size in shape if size is not None and 1 <= size <= MOST_SIZE]
        if len(sizes) != len(shape) or len(sizes) not in (1, 3):
            raise NetworkFileError(
                f"Input {graph.input!r} must have the shape (batch, channels, height, width) or "
                f"(batch, features), fixed but for the batch, not {graph.input_shape}"
            )
        self.flat_image = len(sizes) == 1
        self.spec = ImageSpec(*sizes) if len(sizes) == 3 else ImageSpec(sizes[0], 1, 1)
        self.options = options
        self.name = graph.name
        self.layers: list[Layer | _Closed] = []
        self.sizes: dict[str, tuple[int, ...]] = {
            IMAGE: (self.spec.channels, self.spec.height, self.spec.width)
        }
        self.codes: dict[str, Array] = {}
        self.truncated: dict[str, int] = {}
        self.helpers: set[str] = set()
        self.same_weights = 0
        self.image: Value | None = None
        self.image_stream: Stream | None = None
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Tell the user once."""
        if text not in self.notes:
            self.notes.append(text)

    def unique(self, name: str) -> str:
        """A layer's name, made of a node's."""
        plain = re.sub(r"\W+", "_", name).strip("_")[:80] or "layer"
        found, number = plain, 1
        while found in self.sizes:
            number += 1
            found = f"{plain}_{number}"
        return found

    def _append(self, layer: Layer | _Closed, size: tuple[int, ...]) -> None:
        if len(self.layers) >= MOST_LAYERS:
            raise NetworkFileError(f"is one of more than {MOST_LAYERS} layers")
        self.layers.append(layer)
        name = layer.product.layer.name if isinstance(layer, _Closed) else layer.name
        self.sizes[name] = size

    # The image

    def image_codes(self) -> Value:
        """The image where the graph's input is codes itself."""
        return self.quantised_image(Raw(), Stream("", 8))

    def quantised_image(self, raw: Raw, stream: Stream) -> Value:
        """The graph's input x as the codes of `stream`; all its quantisers must be equal."""
        if raw.scale <= 0:
            raise NetworkFileError("quantises an image that is multiplied by no number above 0")
        image = replace(stream, layer=IMAGE)
        if self.image is None:
            self.spec = replace(self.spec, bits=stream.bits)
            codes = Codes(image)
            step, zero = stream.scale / raw.scale, round(stream.zero + raw.offset / stream.scale, 3)
            self.note(f"An image's code stands for {step:g} * (code - {zero + 0.0:g}).")
            self.image = self.flattened("image", codes) if self.flat_image else codes
            self.image_stream = image
        elif image != self.image_stream:
            raise NetworkFileError("quantises the image in another way than an earlier node")
        assert self.image is not None  # noqa: S101 (for the type checker)
        return self.image

    def _raw_codes(self, raw: Raw) -> Value:
        """An image that is not quantised in the graph: codes of 8 bits, which stand for 0 to 1."""
        scale = raw.scale / IMAGE_LEVELS
        zero = -raw.offset / scale if scale else 0.0
        if not 0 <= zero <= IMAGE_LEVELS or abs(zero - round(zero)) > 1e-3:
            raise NetworkFileError(
                "takes the image less a mean that is no whole number of 1/255; put a Quant before"
            )
        return self.quantised_image(raw, Stream("", 8, scale, round(zero)))

    # Values

    def plain(self, value: Value) -> Stream:
        """Codes with one positive scale, and without a Pad."""
        if isinstance(value, Raw):
            value = self._raw_codes(value)
        if isinstance(value, Mean):
            self.note(
                "A mean over pixels is rounded to a code, also where the graph keeps its fraction."
            )
            return value.stream
        if not isinstance(value, Codes):
            raise NetworkFileError("has an input that is not quantised; put a Quant before it")
        if value.padding != (0, 0):
            raise NetworkFileError("must not follow a Pad")
        factor = scalar(value.factor, "scale of its input")
        if factor <= 0:
            raise NetworkFileError("has an input that is multiplied by no number above 0")
        return replace(value.stream, scale=value.stream.scale * factor)

    def sums(self, value: Value) -> Sums:
        """Sums that can still be changed; codes become sums through a layer that keeps them."""
        if isinstance(value, Codes | Mean | Raw):
            return self.unchanged(value)
        if not isinstance(value, Sums):
            raise NetworkFileError("takes what is no layer's output")
        if value.relu or value.floor:
            raise NetworkFileError("comes after a Relu or Floor without a Quant between them")
        return value

    def unchanged(self, value: Value) -> Sums:
        """A layer of weights that gives what it gets: 8-bit weights 1 on the diagonal."""
        factor = value.factor if isinstance(value, Codes) else np.ones(1)
        source = self.plain(
            replace(value, factor=np.ones(1)) if isinstance(value, Codes) else value
        )
        channels = self.sizes[source.layer][0]
        if channels > MOST_CHANNELS:
            raise NetworkFileError(
                f"needs a layer of {channels} x {channels} weights to change codes"
            )
        self.same_weights += channels * channels
        if self.same_weights > MOST_SAME:
            raise NetworkFileError("needs one of too many layers that only add or requantise codes")
        codes = np.full((channels, channels), 128, np.uint8)
        np.fill_diagonal(codes, 192)
        name = self.unique(f"{source.layer}_same")
        flat = len(self.sizes[source.layer]) == 1
        kind = Linear if flat else Conv2d
        layer = kind(name, source.layer, bits=8, offset="twos_complement")
        self.codes[f"{name}.codes"] = codes if flat else codes[:, :, None, None]
        self.sizes[name] = self.sizes[source.layer]
        self.helpers.add(name)
        self.note(
            "Adding, scaling or requantising codes takes a layer of weights of its own, 1 x 1."
        )
        product = AffineProduct(
            layer,
            self.codes[f"{name}.codes"],
            source,
            np.broadcast_to(factor / 128, (channels,)),
            np.zeros(channels),
        )
        return Sums(product)

    def by_channel(self, array: Array, sums: Sums) -> Reals:
        """A constant that meets a layer's output, as one number for each output channel."""
        codes = sums.product.codes
        return _channels(array, 4 if codes.ndim == 4 else 2, len(codes))

    def moved(self, value: Value, amount: Reals) -> Value:
        """Add a constant."""
        if isinstance(value, Raw):
            return replace(value, offset=value.offset + scalar(amount, "mean of the image"))
        sums = self.sums(value)
        return sums.moved(self.by_channel(amount, sums))

    def scaled(self, value: Value, factor: Reals) -> Value:
        """Multiply by a constant."""
        if isinstance(value, Raw):
            number = scalar(factor, "scale of the image")
            return Raw(value.scale * number, value.offset * number)
        if isinstance(value, Mean):
            number = scalar(factor, "scale")
            return replace(value, stream=replace(value.stream, scale=value.stream.scale * number))
        if isinstance(value, Codes):
            size = self.sizes[value.stream.layer]
            each = _channels(factor, 4 if len(size) == 3 else 2, size[0])
            each = each[:1] if factor.size == 1 else each
            return replace(value, factor=value.factor * each)
        sums = self.sums(value)
        return sums.scaled(self.by_channel(factor, sums))

    # Layers of weights

    def product(
        self,
        node: str,
        value: Value,
        weights: Weights,
        bias: Reals,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
    ) -> Sums:
        """Sums of a layer; codes (O, I, KH, KW) are a convolution's, (O, I) a matrix'."""
        pad_code = 0
        if isinstance(value, Codes) and value.padding != (0, 0):
            if padding != (0, 0):
                raise NetworkFileError("has pads of its own after a Pad")
            padding, pad_code = value.padding, value.pad_code
            value = replace(value, padding=(0, 0))
            source = self.plain(value)
        else:
            source = self.plain(value)
            pad_code = source.zero if padding != (0, 0) else 0
        unit, offset = weights.centred(0)
        name, outputs = self.unique(node), len(weights.codes)
        layer: Product
        if weights.codes.ndim == 4:
            geometry = {"stride": stride, "padding": padding, "pad_code": pad_code}
            layer = Conv2d(name, source.layer, offset=offset, **geometry)  # type: ignore[arg-type]
        else:
            layer = Linear(name, source.layer, offset=offset)
        if bias.size not in (1, outputs):
            raise NetworkFileError(f"has {bias.size} biases for {outputs} channels")
        self.codes[f"{name}.codes"] = np.ascontiguousarray(weights.codes)
        self.sizes[name] = output_shape(layer, self.sizes[source.layer], self.codes)
        if weights.truncated:
            self.truncated[name] = weights.width
        product = AffineProduct(
            layer,
            np.ascontiguousarray(weights.codes),
            source,
            unit,
            np.broadcast_to(bias.reshape(-1), (outputs,)),
            weights.width,
        )
        return Sums(product)

    def add_residual(self, one: Value, other: Value) -> Sums:
        """Sums and codes; of two codes one becomes sums first."""
        if isinstance(one, Codes | Mean | Raw) and isinstance(other, Sums):
            one, other = other, one
        if isinstance(other, Sums):
            raise NetworkFileError("adds the sums of two layers; put a Quant after one of them")
        sums = self.sums(one)
        if not isinstance(other, Codes) or other.padding != (0, 0):
            raise NetworkFileError("must add codes to a layer's output")
        if sums.product.residual is not None:
            raise NetworkFileError("adds a second residual; put a Quant between them")
        factor = other.factor * other.stream.scale
        channels = len(sums.product.codes)
        if self.sizes[other.stream.layer] != self.sizes[sums.product.layer.name]:
            raise NetworkFileError("adds tensors of different shapes")
        product = replace(
            sums.product,
            residual=other.stream,
            residual_scale=np.broadcast_to(factor, (channels,)),
        )
        return replace(sums, product=product)

    def close(self, sums: Sums, stream: Stream, floor: bool) -> Codes:
        """The layer of `sums` gives the codes of `stream`."""
        product = self._named(sums)
        name = product.layer.name
        output = replace(stream, layer=name)
        self._append(_Closed(product, output, 0.0 if floor else 0.5), self.sizes[name])
        return Codes(output)

    def logits(self, sums: Sums) -> None:
        """The network ends in `sums`."""
        if sums.relu or sums.floor:
            raise NetworkFileError("The graph ends in Relu or Floor; put a Quant after it")
        product = self._named(sums)
        self._append(_Closed(product, None, 0.0), self.sizes[product.layer.name])

    def _named(self, sums: Sums) -> AffineProduct:
        """The product; a second time under another name, for each output is a layer."""
        product = sums.product
        old = product.layer.name
        if not any(isinstance(x, _Closed) and x.product.layer.name == old for x in self.layers):
            return product
        name = self.unique(old)
        self.codes[f"{name}.codes"] = product.codes
        self.sizes[name] = self.sizes[old]
        self.helpers |= {name} if old in self.helpers else set()
        if old in self.truncated:
            self.truncated[name] = self.truncated[old]
        return replace(product, layer=replace(product.layer, name=name))

    # Pools and shapes

    def max_pooled(self, node: str, value: Value, kernel: Pair, stride: Pair, pads: Pair) -> Codes:
        """Largest code of each window."""
        if isinstance(value, Codes) and value.padding != (0, 0):
            if pads != (0, 0) or value.pad_code != 0:
                raise NetworkFileError("must follow a Pad only with the smallest value")
            pads, value = value.padding, replace(value, padding=(0, 0))
        source = self.plain(value)
        return Codes(
            self._reshaped(MaxPool(self.unique(node), source.layer, kernel, stride, pads), source)
        )

    def averaged(self, node: str, value: Value, kernel: Pair | None, stride: Pair | None) -> Mean:
        """Mean code of each window, rounded half up."""
        source = self.plain(value)
        size = self.sizes[source.layer]
        layer = AvgPool(self.unique(node), source.layer, kernel, stride)
        stream = self._reshaped(layer, source)
        height, width = kernel or size[1:]
        return Mean(stream, height * width)

    def flattened(self, node: str, value: Value) -> Value:
        """Codes as one vector."""
        source = value.stream if isinstance(value, Mean) else self.plain(value)
        if len(self.sizes[source.layer]) == 1:
            return value
        stream = self._reshaped(Flatten(self.unique(node), source.layer), source)
        return replace(value, stream=stream) if isinstance(value, Mean) else Codes(stream)

    def features(self, value: Value) -> int:
        """How many numbers an image has."""
        source = value.stream if isinstance(value, Mean) else self.plain(value)
        return int(np.prod(self.sizes[source.layer]))

    def padded(self, node: str, value: Value, pads: Sequence[int], constant: float) -> Codes:
        """Codes with a border, which the next layer takes over, or with channels of code 0."""
        source = self.plain(value)
        code = constant / source.scale + source.zero
        if not 0 <= code <= 255 or abs(code - round(code)) > 1e-3:
            raise NetworkFileError("pads with a value that is no code")
        valid = len(pads) == 8 and all(0 <= int(p) <= MOST_SIZE for p in pads)
        size = self.sizes[source.layer]
        if not valid or len(size) != 3:
            raise NetworkFileError("must have 8 pads of at least 0, of an image")
        _, before, top, left, _, behind, bottom, right = (int(p) for p in pads)
        if pads[0] or pads[4] or before or (top, left) != (bottom, right):
            raise NetworkFileError("must pad alike on opposite sides, or behind the channels")
        if not behind:
            return Codes(source, padding=(top, left), pad_code=round(code))
        if (top, left) != (0, 0) or round(code) != 0:
            raise NetworkFileError("must add either a border or channels of code 0")
        layer = Shortcut(self.unique(node), source.layer, channels=size[0] + behind)
        return Codes(self._reshaped(layer, source))

    def strided(
        self,
        node: str,
        value: Value,
        starts: Sequence[int],
        ends: Sequence[int],
        axes: Sequence[int],
        steps: Sequence[int],
    ) -> Codes:
        """Every `steps`-th pixel."""
        source = self.plain(value)
        size = self.sizes[source.layer]
        valid = len(size) == 3 and [int(axis) % 4 for axis in axes] == [2, 3]
        valid = valid and list(starts) == [0, 0] and len(ends) == len(steps) == 2
        if not valid or any(int(e) < s for e, s in zip(ends, size[1:], strict=True)):
            raise NetworkFileError("must keep every so-many-th pixel of the whole height and width")
        if not all(1 <= int(step) <= MOST_SIZE for step in steps):
            raise NetworkFileError("must have steps of at least 1")
        stride = int(steps[0]), int(steps[1])
        layer = Shortcut(self.unique(node), source.layer, channels=size[0], stride=stride)
        return Codes(self._reshaped(layer, source))

    def _reshaped(self, layer: Layer, source: Stream) -> Stream:
        """Append a layer that hands codes on."""
        self._append(layer, output_shape(layer, self.sizes[source.layer], self.codes))
        return replace(source, layer=layer.name)

    # The end

    def imported(self) -> Imported:
        """The network of all layers."""
        widths, own = self._bit_widths()
        means: dict[str, Reals] = {}
        images = self.options.images
        if images is not None and len(widths) > 1:
            images = images[:MOST_IMAGES]
            means = _input_means(self._network((max(widths),), own, {}), images)
            self.note(f"Channels keep their mean on {len(images)} images where k takes bits away.")
        return Imported(self._network(widths, own, means), tuple(self.notes))

    def _network(
        self,
        widths: tuple[int, ...],
        own: Mapping[str, int | None],
        means: Mapping[str, Reals],
    ) -> Network:
        layers: list[Layer] = []
        tensors: dict[str, Array] = {}
        for entry in self.layers:
            if not isinstance(entry, _Closed):
                layers.append(entry)
                continue
            product, output = entry.product, entry.output
            name = product.layer.name
            layer = replace(
                product.layer,
                bits=own[name],
                residual=None if product.residual is None else product.residual.layer,
                out_bits=None if output is None else output.bits,
            )
            layers.append(layer)
            product = replace(product, layer=layer, means=means.get(name))
            if output is None:
                tensors |= logit_parameters(product, widths)
            else:
                tensors |= code_parameters(
                    product,
                    output,
                    widths,
                    rounding=entry.rounding,
                    multiplier_bits=self.options.multiplier_bits,
                )
        network = Network(self.name, self.spec, widths, tuple(layers), tensors)
        shapes(network)
        return network

    def _bit_widths(self) -> tuple[tuple[int, ...], dict[str, int | None]]:
        """The network's k, and each layer's own.

        Where the graph truncates all weights, there is one k: its batch-norms are for that.
        """
        names = [x.product.layer.name for x in self.layers if isinstance(x, _Closed)]
        weighted = [name for name in names if name not in self.helpers]
        own: dict[str, int | None] = dict.fromkeys(names) | dict.fromkeys(self.helpers, 8)
        own |= self.truncated
        if weighted and all(name in self.truncated for name in weighted):
            least = min(self.truncated[name] for name in weighted)
            follow = {name: None for name in weighted if self.truncated[name] == least}
            self.note(f"The graph truncates its weights: the network is for k = {least} alone.")
            return (least,), own | follow
        for name in weighted[:1] + weighted[-1:]:
            own[name] = self.truncated.get(name, self.options.edge_bits)
        return tuple(self.options.widths), own


def _input_means(network: Network, images: npt.NDArray[np.uint8]) -> dict[str, Reals]:
    """Mean (K,) of each code that a dot product takes, by layer."""
    totals: dict[str, Reals] = {}
    rows: dict[str, int] = {}

    def add(gemm: Gemm) -> None:
        totals[gemm.name] = totals.get(gemm.name, 0.0) + gemm.activations.sum(0, np.float64)
        rows[gemm.name] = rows.get(gemm.name, 0) + gemm.rows

    for start in range(0, len(images), BATCH):
        execute(network, images[start : start + BATCH], network.bit_widths[0], on_gemm=add)
    return {name: total / rows[name] for name, total in totals.items()}


def _channels(array: Array, rank: int, channels: int) -> Reals:
    """A constant that meets (B, C, H, W) or (B, C), one number for each channel."""
    values = np.asarray(array, np.float64)
    shape = (1,) * (rank - values.ndim) + values.shape
    alone = len(shape) == rank and all(size == 1 for i, size in enumerate(shape) if i != 1)
    if not alone or values.size not in (1, channels):
        raise NetworkFileError(f"has a constant of shape {values.shape} for {channels} channels")
    return np.broadcast_to(values.reshape(-1), (channels,))
