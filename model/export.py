"""Exports a trained model: its weight codes once, and its batch-norms folded for each bit-width."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from truncmac.golden import (
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
    Stream,
    mean_pool,
    output_shape,
    requantisation_tensors,
    weight_codes,
    weight_scale,
)
from truncmac.golden.types import Array, Codes, Reals, Shape

from .convert import trace
from .layers import (
    PadShortcut,
    QuantActivation,
    QuantAvgPool2d,
    SwitchableBatchNorm,
    TruncConv2d,
    TruncLinear,
    bit_widths,
    real_weights,
)

__all__ = ["ExportError", "check_finite", "export", "weight_unit"]

IMAGE_BITS = 8
MOST_REDUCTION = 1 << 14  # of a layer of all pixels of a mean: longer ones weigh too much
ADDITIONS = {"add", "iadd", "add_"}
RESHAPES = {"flatten", "view", "reshape"}


class ExportError(ValueError):
    """A part of the trained model has no integer form; the message names it."""


@dataclass(frozen=True)
class OpenProduct:
    """A layer of weights whose sums are not requantised yet.

    Attributes
    ----------
    layer : its golden form so far
    weights : V, real (O, I, KH, KW) or (O, I)
    source : the codes that it reads
    scale, offset : by k, real (N,); a sum S is worth scale * S + offset
    residual : codes that are added to the sums, or None
    """

    layer: Product
    weights: Reals
    source: Stream
    scale: Mapping[int, Reals]
    offset: Mapping[int, Reals]
    residual: Stream | None = None


@dataclass(frozen=True)
class Mean:
    """Means of a channel's codes over the image, which are not rounded yet.

    Attributes
    ----------
    name : of the part
    source : the codes
    count : pixels of the image
    flat : whether it is one vector
    """

    name: str
    source: Stream
    count: int
    flat: bool = False


Known = Stream | OpenProduct | Mean


def check_finite(state: Mapping[str, torch.Tensor]) -> None:
    """Check that all values of a `state_dict` are finite.

    Raises
    ------
    ValueError
        If a value is NaN or infinite: names the tensor.
    """
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"Checkpoint tensor {name!r} must be finite, not NaN or infinite; "
                "the training diverged"
            )


def export(
    model: nn.Module,
    image: tuple[int, int, int],
    *,
    name: str = "network",
    widths: Sequence[int] | None = None,
) -> Network:
    """The integer network of a model that `truncquantize` made.

    A linear layer of means over the image takes all pixels, each with the same weight, if they are
    at most 16,384 in all; other means become codes of 8 bits.

    Each requantised layer is certified, channel by channel, unless residuals of many bits make the
    proof long; see `golden.certify`.

    Parameters
    ----------
    image : channels, height and width of the input, 8-bit codes that stand for code / 255
    name : of the network
    widths : the bit-widths k to export for; None: all that the batch-norms have statistics for

    Raises
    ------
    ExportError
        If a value between layers is not a code: names the part, and what to do.
    ValueError
        If a tensor holds NaN or infinity.
    """
    check_finite(model.state_dict())
    graph = trace(model)
    exporter = _Exporter(model, image, tuple(widths or bit_widths(model)))
    known: dict[fx.Node, Known] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            known[node] = Stream(IMAGE, IMAGE_BITS)
        elif node.op == "output":
            exporter.give_logits(known[node.args[0]])
        elif (value := exporter.value(node, known)) is not None:
            known[node] = value
    return Network(
        name=name,
        image=ImageSpec(*image, bits=IMAGE_BITS),
        bit_widths=exporter.widths,
        layers=tuple(exporter.layers),
        tensors=exporter.tensors,
    )


class _Exporter:
    """Collects layers and tensors while it goes through the model's operations."""

    def __init__(self, model: nn.Module, image: Shape, widths: tuple[int, ...]) -> None:
        self.model = model
        self.widths = widths
        self.layers: list[Layer] = []
        self.shapes: dict[str, Shape] = {IMAGE: image}
        self.tensors: dict[str, Array] = {}

    def value(self, node: fx.Node, known: Mapping[fx.Node, Known]) -> Known | None:
        """What a node gives; None for sizes, which only reshapes need."""
        operation = str(node.target) if node.op != "call_function" else node.target.__name__  # type: ignore[union-attr]
        inputs = [known[arg] for arg in node.all_input_nodes if arg in known]
        if node.op == "call_module":
            module = self.model.get_submodule(str(node.target))
            return self._module(str(node.target), module, inputs[0])
        if operation in ADDITIONS and len(inputs) == 2:
            return self._add(node.name, *inputs)
        if operation in RESHAPES:
            return self._flatten(node.name, inputs[0])
        if operation in ("size", "getattr", "getitem"):
            return None
        raise ExportError(f"{node.name}: operation {operation} has no integer form")

    def append(self, layer: Layer) -> None:
        """Append a layer, whose weights are there if it has any."""
        self.layers.append(layer)
        self.shapes[layer.name] = output_shape(layer, self.shapes[layer.input], self.tensors)

    def _module(self, path: str, module: nn.Module, value: Known) -> Known:
        name = path.replace(".", "_")
        if isinstance(module, nn.Identity | nn.Dropout):
            return value
        if isinstance(value, Mean):
            found = self._of_means(name, module, value)
            if not isinstance(found, Stream):
                return found
            value = found
        if isinstance(module, SwitchableBatchNorm):
            return self._normalise(path, module, value)
        if isinstance(module, QuantActivation) and isinstance(value, OpenProduct):
            return self._requantise(value, module.act_bits)
        if isinstance(value, OpenProduct):
            raise ExportError(f"{path}: its input is not an activation code; put a ReLU before it")
        if isinstance(module, TruncConv2d | TruncLinear):
            return self._product(name, module, value)
        if isinstance(module, QuantActivation):
            return value  # codes stay what they are
        if isinstance(module, nn.Flatten):
            return self._flatten(name, value)
        return self._reshape(name, module, value)

    def _of_means(self, name: str, module: nn.Module, value: Mean) -> Known:
        """What a module that takes means as they are makes of them; for others they are codes."""
        if isinstance(module, nn.Flatten):
            return self._flatten(name, value)
        short = isinstance(module, TruncLinear) and (
            module.in_features * value.count <= MOST_REDUCTION
        )
        if isinstance(module, TruncLinear) and short and value.flat:
            return self._over_pixels(name, module, value)
        return self._rounded(value)

    def _over_pixels(self, name: str, module: TruncLinear, value: Mean) -> OpenProduct:
        """A layer that takes all pixels of means, each with the same weight: nothing is rounded."""
        flat = self._flat(f"{value.name}_pixels", value.source)
        found = self._product(name, module, flat)
        layer = Linear(name, flat.layer, bits=module.fixed_bits, pixels=value.count)
        return replace(
            found,
            layer=layer,
            scale={bits: scale / value.count for bits, scale in found.scale.items()},
        )

    def _rounded(self, value: Mean) -> Stream:
        """Append a pool that gives means as codes of 8 bits, and a Flatten if it is one vector."""
        source = replace(value.source, scale=1 / value.source.largest)
        output = Stream(value.name, 8, scale=1 / 255)
        pool, _ = mean_pool(AvgPool(value.name, source.layer), source, output, value.count)
        self.append(pool)
        found = Stream(value.name, 8)
        return self._flat(f"{value.name}_flat", found) if value.flat else found

    def _reshape(self, name: str, module: nn.Module, value: Stream) -> Known:
        """Append a pool or a shortcut, which takes codes and gives codes."""
        if isinstance(module, QuantAvgPool2d) and module.exact:
            height, width = self.shapes[value.layer][1:]
            return Mean(name, value, height * width)
        if isinstance(module, nn.MaxPool2d):
            stride = module.stride if module.stride is not None else module.kernel_size
            pair = (_pair(module.kernel_size), _pair(stride), _pair(module.padding))
            self.append(MaxPool(name, value.layer, *pair))
        elif isinstance(module, QuantAvgPool2d):
            self.append(AvgPool(name, value.layer))
        elif isinstance(module, PadShortcut):
            stride2 = _pair(module.stride)
            self.append(Shortcut(name, value.layer, module.channels, stride2))
        else:
            raise ExportError(f"{name}: {type(module).__name__} has no integer form")
        return replace(value, layer=name)

    def _product(self, name: str, module: TruncConv2d | TruncLinear, value: Stream) -> OpenProduct:
        if module.scheme == "dorefa":
            raise ExportError(f"{name}: weights rounded for each k have no common 8-bit codes")
        weights = real_weights(module).detach().double().cpu().numpy()
        bias = 0.0 if module.bias is None else module.bias.detach().double().cpu().numpy()
        layer: Product
        if isinstance(module, TruncConv2d):
            layer = Conv2d(
                name,
                value.layer,
                bits=module.fixed_bits,
                stride=_pair(module.stride),
                padding=_pair(module.padding),
            )
        else:
            layer = Linear(name, value.layer, bits=module.fixed_bits)
        ones = np.ones(len(weights))
        units = {
            bits: weight_unit(weights, module.fixed_bits or bits, value.bits)
            for bits in self.widths
        }
        self.tensors[f"{name}.codes"] = _codes(weights, module.scheme)
        return OpenProduct(
            layer,
            weights,
            value,
            scale={bits: unit * ones for bits, unit in units.items()},
            offset=dict.fromkeys(self.widths, bias * ones),
        )

    def _normalise(self, path: str, module: SwitchableBatchNorm, value: Known) -> OpenProduct:
        if not isinstance(value, OpenProduct) or value.residual is not None:
            raise ExportError(f"{path}: a batch-norm must follow its convolution or linear layer")
        scale, offset = {}, {}
        for bits in self.widths:
            slope, shift = batch_norm(module.norms[str(bits)])
            scale[bits] = slope * value.scale[bits]
            offset[bits] = slope * value.offset[bits] + shift
        return replace(value, scale=scale, offset=offset)

    def _add(self, name: str, one: Known, other: Known) -> OpenProduct:
        one, other = (self._rounded(v) if isinstance(v, Mean) else v for v in (one, other))
        if isinstance(one, Stream):
            one, other = other, one
        if isinstance(one, Stream) or isinstance(other, OpenProduct) or one.residual is not None:
            raise ExportError(
                f"{name}: an add takes a layer's sums and one stream of activation codes; "
                "put a ReLU after one of its inputs"
            )
        return replace(one, residual=other)

    def _flatten(self, name: str, value: Known) -> Known:
        if isinstance(value, Mean):
            return replace(value, flat=True)
        if isinstance(value, OpenProduct):
            raise ExportError(f"{name}: its input is not an activation code; put a ReLU before it")
        return self._flat(name, value)

    def _flat(self, name: str, value: Stream) -> Stream:
        self.append(Flatten(name, value.layer))
        return replace(value, layer=name)

    def _requantise(self, value: OpenProduct, act_bits: int) -> Stream:
        """Append a layer; all between its sums and its codes becomes M, Mr, B and s."""
        name = value.layer.name
        largest = (1 << act_bits) - 1
        residual = value.residual
        extra = None
        if residual is not None:
            extra = np.full(len(value.weights), largest / ((1 << residual.bits) - 1))
        size = value.weights[0].size * (
            value.layer.pixels if isinstance(value.layer, Linear) else 1
        )
        for bits in self.widths:
            scale, offset = largest * value.scale[bits], largest * value.offset[bits]
            used = value.layer.bits or bits
            self.tensors |= requantisation_tensors(
                f"{name}.b{bits}",
                scale,
                offset,
                out_bits=act_bits,
                largest_sum=size * ((1 << used) - 1) * value.source.largest,
                residual_scale=extra,
                largest_residual=0 if residual is None else residual.largest,
            )
        added = None if residual is None else residual.layer
        self.append(replace(value.layer, out_bits=act_bits, residual=added))
        return Stream(name, act_bits)

    def give_logits(self, value: Known) -> None:
        """Append the last layer, whose sums are logits.

        All of its channels share one scale, so logits are in units of S, and B alone is rounded.
        """
        if not isinstance(value, OpenProduct) or value.residual is not None:
            raise ExportError(
                "The network must end in a Conv2d or Linear layer: its sums are logits"
            )
        name = value.layer.name
        for bits in self.widths:
            unit = value.scale[bits]
            if not (unit == unit[0]).all() or unit[0] <= 0:
                raise ExportError(f"{name}: a batch-norm after the last layer has no integer form")
            prefix = f"{name}.b{bits}"
            self.tensors[f"{prefix}.multiplier"] = np.ones(len(unit), np.int64)
            self.tensors[f"{prefix}.bias"] = np.rint(value.offset[bits] / unit).astype(np.int64)
        self.append(value.layer)


def weight_unit(weights: Reals, bits: int, in_bits: int) -> float:
    """What S = 1 is worth, for weights of `bits` and input codes of `in_bits`.

    This is E / (2**bits - 1) times 1 / (2**in_bits - 1). E is the mean magnitude of the real
    weights, see `golden.weight_scale`.
    """
    return weight_scale(weights) / ((1 << bits) - 1) / ((1 << in_bits) - 1)


def batch_norm(norm: nn.Module) -> tuple[Reals, Reals]:
    """Slope and offset, real (N,), of a batch-norm that uses its running statistics."""
    state = {key: value.double().cpu().numpy() for key, value in norm.state_dict().items()}
    epsilon: Any = norm.eps
    slope = state["weight"] / np.sqrt(state["running_var"] + epsilon)
    return slope, state["bias"] - slope * state["running_mean"]


def _codes(weights: Reals, scheme: str) -> Codes:
    if scheme == "truncquant":
        return weight_codes(weights)
    squashed = np.tanh(weights)
    largest = max(float(np.abs(squashed).max()), np.finfo(np.float64).tiny)
    return np.rint(255 * (squashed / (2 * largest) + 0.5)).astype(np.uint8)


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
