"""Writes a network at one k as QONNX, so that other tools run the same integers.

Weights are their 8-bit codes, a `Quant`, and a `Trunc` that keeps k bits. Sums are float32 where
a bound proves them exact, in several parts where not; requantisation is float64, exact below
2**53. So whoever runs the graph gets golden's outputs, bit for bit. Each layer's output is the
tensor of its name.

Source: QONNX, arXiv 2206.07527.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from truncmac.golden import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    Layer,
    MaxPool,
    Network,
    Product,
    Shortcut,
    integer_weights,
    layer_bits,
    shapes,
    weight_offset,
)
from truncmac.golden.product import requantisation
from truncmac.golden.types import Reals

__all__ = ["DOMAIN", "qonnx_model"]

DOMAIN = "qonnx.custom_op.general"
EXACT_FLOAT32 = 1 << 24
EXACT_FLOAT64 = 1 << 53
MOST_POOLED = 1 << 20  # a sum that a float32 mean gives back by rounding
OPSET, DOMAIN_OPSET, IR_VERSION = 13, 2, 8  # Trunc with an output scale is in version 2


def qonnx_model(network: Network, bits: int, batch: int = 1) -> onnx.ModelProto:
    """The network at `bits` as QONNX.

    The graph takes `image`, float32 (batch, C, H, W), codes; and gives the last layer's outputs,
    logits as float64 and codes as float32, both whole numbers.

    Raises
    ------
    ValueError
        If there are no parameters for `bits`, or a layer's numbers are too large for floats to
        hold them exactly: names it.
    """
    widths = layer_bits(network, bits)
    builder = _Builder(network, bits, batch)
    for layer in network.layers:
        if isinstance(layer, Product):
            builder.product(layer, widths[layer.name][0])
        else:
            builder.other(layer)
    return builder.model()


class _Builder:
    """Collects nodes, constants and the shapes of what lies between."""

    def __init__(self, network: Network, bits: int, batch: int) -> None:
        self.network, self.bits, self.batch = network, bits, batch
        self.shapes = shapes(network)
        self.largest = {IMAGE: (1 << network.image.bits) - 1}  # code of each layer
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.infos: dict[str, onnx.ValueInfoProto] = {}
        self.taken = {IMAGE, *self.shapes}
        self.values: dict[str, str] = {}
        one_image = "image_codes" if "image_codes" not in self.taken else "image_codes_"
        self.taken.add(one_image)
        codes = self._quant(one_image, IMAGE, self.shapes[IMAGE], network.image.bits, "ROUND")
        self.values[IMAGE] = codes

    def model(self) -> onnx.ModelProto:
        last = self.network.layers[-1].name
        shape = (self.batch, *self.shapes[IMAGE])
        graph = helper.make_graph(
            self.nodes,
            self.network.name,
            [helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, shape)],
            [self.infos.pop(last)],
            initializer=list(self.constants.values()),
            value_info=list(self.infos.values()),
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, DOMAIN_OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="truncmac"
        )
        model.metadata_props.add(key="truncmac_k", value=str(self.bits))
        return model

    def constant(self, name: str, value: npt.ArrayLike, dtype: type[np.generic]) -> str:
        """Name of a constant; the first of that name and value serves all."""
        name = self._free(name) if name not in self.constants else name
        if name not in self.constants:
            array = np.ascontiguousarray(value, dtype).reshape(np.shape(value))
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(
        self,
        output: str,
        op: str,
        inputs: Sequence[str],
        shape: tuple[int, ...],
        kind: int = TensorProto.FLOAT,
        **attributes: Any,
    ) -> str:
        """Add a node and give its output's name; `shape` is without the batch unless `whole`."""
        whole = bool(attributes.pop("whole", False))
        domain = DOMAIN if op in ("Quant", "Trunc") else ""
        name = str(attributes.pop("name", f"{op}_{output}"))
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, domain=domain))
        self.nodes[-1].attribute.extend(
            helper.make_attribute(key, value) for key, value in sorted(attributes.items())
        )
        shape = shape if whole else (self.batch, *shape)
        self.infos[output] = helper.make_tensor_value_info(output, kind, shape)
        return output

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _quant(
        self, output: str, value: str, shape: tuple[int, ...], bits: int, rounding: str
    ) -> str:
        """Unsigned codes of `bits`, of scale 1."""
        inputs = [value, *self._scalars(("one", 1), ("zero", 0), (f"bits_{bits}", bits))]
        unsigned: dict[str, Any] = {"signed": 0, "narrow": 0, "rounding_mode": rounding}
        return self.node(output, "Quant", inputs, shape, **unsigned)

    def _scalars(self, *values: tuple[str, float]) -> list[str]:
        return [self.constant(f"const/{name}", value, np.float32) for name, value in values]

    def product(self, layer: Product, bits: int) -> None:
        """Weights at `bits`, the product, and requantisation or logits."""
        shape = self.shapes[layer.name]
        weights = self._weights(layer, bits)
        sums = self._sums(layer, bits, weights)
        value = self._affine(layer, bits, sums, shape)
        if layer.out_bits is not None:
            name = layer.name
            floor = self.node(
                self._free(f"{name}/floor"), "Floor", [value], shape, TensorProto.DOUBLE
            )
            narrow = self._cast(f"{name}/float", floor, shape, TensorProto.FLOAT)
            self._quant(name, narrow, shape, layer.out_bits, "ROUND")
            self.largest[name] = (1 << layer.out_bits) - 1
        self.values[layer.name] = layer.name

    def _weights(self, layer: Product, bits: int) -> str:
        """2 ck - z of the codes: quantised to 8 bits, truncated to `bits`."""
        codes = self.network.tensors[f"{layer.name}.codes"]
        codes = codes if isinstance(layer, Conv2d) else codes.T
        shape, name = codes.shape, layer.name
        eight = [*self._scalars(("one", 1), ("zero", 0), ("bits_8", 8))]
        whole = self.node(
            self._free(f"{name}/codes8"),
            "Quant",
            [self.constant(f"{name}/codes", codes, np.float32), *eight],
            shape,
            whole=True,
            signed=0,
            narrow=0,
            rounding_mode="ROUND",
        )
        step = 1 << (8 - bits)
        to = self._scalars((f"step_{step}", step), (f"bits_{bits}", bits))
        kept = self.node(
            self._free(f"{name}/codes{bits}"),
            "Trunc",
            [whole, *eight, *to],
            shape,
            whole=True,
            signed=0,
            narrow=0,
            rounding_mode="FLOOR",
        )
        doubled = self.node(
            self._free(f"{name}/doubled"),
            "Mul",
            [kept, *self._scalars((f"two_of_{step}", 2 / step))],
            shape,
            whole=True,
        )
        offset = weight_offset(bits, layer.offset)
        centred = [doubled, *self._scalars((f"offset_{offset}", offset))]
        return self.node(self._free(f"{name}/weights"), "Sub", centred, shape, whole=True)

    def _sums(self, layer: Product, bits: int, weights: str) -> str:
        """S, as float64."""
        name, value, shape = layer.name, self.values[layer.input], self.shapes[layer.name]
        integers = np.abs(
            integer_weights(self.network.tensors[f"{name}.codes"], bits, layer.offset)
        )
        largest = self.largest[layer.input]
        if not isinstance(layer, Conv2d):
            kind = TensorProto.FLOAT
            if int(integers.sum(1, dtype=np.int64).max()) * largest >= EXACT_FLOAT32:
                kind = TensorProto.DOUBLE
                matrix = self._free(f"{name}/weights64")
                size = self.network.tensors[f"{name}.codes"].T.shape
                weights = self.node(matrix, "Cast", [weights], size, kind, whole=True, to=kind)
                value = self._cast(f"{name}/input64", value, self.shapes[layer.input], kind)
            sums = self.node(
                self._free(f"{name}/sums"), "MatMul", [value, weights], shape, kind, name=name
            )
            return self._cast(f"{name}/sums64", sums, shape, TensorProto.DOUBLE)
        pads = (*layer.padding, *layer.padding)
        if layer.pad_code and any(pads):
            largest = max(largest, layer.pad_code)
            value = self._pad(name, value, self.shapes[layer.input], layer.padding, layer.pad_code)
            pads = (0, 0, 0, 0)
        parts = list(_parts(name, integers.sum((2, 3), dtype=np.int64) * largest))
        found = []
        for start, stop in parts:
            pair = [value, weights]
            if len(parts) > 1:
                pair = self._channels(layer, pair, start, stop, pads)
            output = self._free(f"{name}/sums")
            attributes: dict[str, Any] = {"strides": layer.stride, "pads": pads}
            if len(parts) == 1:
                attributes["name"] = name
            sums = self.node(output, "Conv", pair, shape, TensorProto.FLOAT, **attributes)
            found.append(self._cast(f"{name}/sums64", sums, shape, TensorProto.DOUBLE))
        total = found[0]
        for part in found[1:]:
            total = self.node(
                self._free(f"{name}/total"), "Add", [total, part], shape, TensorProto.DOUBLE
            )
        return total

    def _channels(
        self, layer: Conv2d, pair: Sequence[str], start: int, stop: int, pads: Sequence[int]
    ) -> list[str]:
        """Input and weights of the input channels `start` to `stop`."""
        _, height, width = self.shapes[layer.input]
        if not any(pads):  # padded already, or not at all
            height += 2 * layer.padding[0] if layer.pad_code else 0
            width += 2 * layer.padding[1] if layer.pad_code else 0
        outputs, _, *kernel = self.network.tensors[f"{layer.name}.codes"].shape
        bounds = [
            self.constant(f"const/{n}", [v], np.int64)
            for n, v in ((f"at_{start}", start), (f"at_{stop}", stop), ("axis_1", 1))
        ]
        sliced = (stop - start, height, width)
        image = self.node(self._free(f"{layer.name}/part"), "Slice", [pair[0], *bounds], sliced)
        weights = self.node(
            self._free(f"{layer.name}/weights_part"),
            "Slice",
            [pair[1], *bounds],
            (outputs, stop - start, *kernel),
            whole=True,
        )
        return [image, weights]

    def _affine(self, layer: Product, bits: int, sums: str, shape: tuple[int, ...]) -> str:
        """(M*S + Mr*r + B) / 2**s, or logits M*S + B: exact in float64."""
        name = layer.name
        tensors = {
            key: self.network.tensors[f"{name}.b{self.bits}.{key}"].astype(np.int64)
            for key in ("multiplier", "bias", *(["residual_multiplier"] if layer.residual else []))
        }
        params = requantisation(self.network, layer, self.bits)
        shift = np.zeros(1, np.int64) if params is None else params.shift
        self._check_exact(layer, bits, tensors)
        unit: Reals = np.exp2(-shift.astype(np.float64))
        terms: dict[str, Reals] = {
            key: array.astype(np.float64) * unit for key, array in tensors.items()
        }
        value = self._scaled(layer, "multiplier", sums, terms["multiplier"], shape)
        if layer.residual is not None:
            codes = self.values[layer.residual]
            codes = self._cast(f"{name}/residual", codes, shape, TensorProto.DOUBLE)
            extra = self._scaled(layer, "residual", codes, terms["residual_multiplier"], shape)
            value = self._double(f"{name}/added", "Add", [value, extra], shape)
        bias = self.constant(f"{name}/bias", _column(terms["bias"], shape), np.float64)
        final = name if layer.out_bits is None else self._free(f"{name}/affine")
        return self.node(final, "Add", [value, bias], shape, TensorProto.DOUBLE)

    def _scaled(
        self, layer: Product, what: str, value: str, factor: Reals, shape: tuple[int, ...]
    ) -> str:
        constant = self.constant(f"{layer.name}/{what}", _column(factor, shape), np.float64)
        return self._double(f"{layer.name}/{what}_scaled", "Mul", [value, constant], shape)

    def _double(self, name: str, op: str, inputs: Sequence[str], shape: tuple[int, ...]) -> str:
        return self.node(self._free(name), op, inputs, shape, TensorProto.DOUBLE)

    def _check_exact(
        self, layer: Product, bits: int, tensors: dict[str, npt.NDArray[np.int64]]
    ) -> None:
        """No intermediate sum may need more than float64's 53 bits, in units of 2**-s."""
        most = self.network.reduction(layer) * (1 << bits) * 255
        sizes = {key: max(map(abs, array.tolist())) for key, array in tensors.items()}
        bound = sizes["multiplier"] * most + sizes["bias"]
        bound += sizes.get("residual_multiplier", 0) * 255
        if bound >= EXACT_FLOAT64:
            raise ValueError(
                f"Layer {layer.name!r} can reach {bound} at k = {self.bits}, which float64 does "
                "not hold exactly; QONNX has no form for it. Use multipliers of fewer bits"
            )

    def other(self, layer: Layer) -> None:
        """Pools, shortcuts and flattening: codes in, codes out."""
        value, shape = self.values[layer.input], self.shapes[layer.name]
        before, name = self.shapes[layer.input], layer.name
        self.largest[name] = self.largest[layer.input]
        if isinstance(layer, MaxPool):
            pads = (*layer.padding, *layer.padding)
            if any(p >= k for p, k in zip(layer.padding, layer.kernel, strict=True)):
                value = self._pad(name, value, before, layer.padding, 0)
                pads = (0, 0, 0, 0)
            sizes: dict[str, Any] = {
                "kernel_shape": layer.kernel,
                "strides": layer.stride,
                "pads": pads,
            }
            self.node(name, "MaxPool", [value], shape, name=name, **sizes)
        elif isinstance(layer, AvgPool):
            self._mean(layer, value, before)
        elif isinstance(layer, Shortcut):
            self._shortcut(layer, value, before)
        elif isinstance(layer, Flatten):
            self.node(name, "Flatten", [value], shape, name=name, axis=1)
        self.values[name] = name

    def _mean(self, layer: AvgPool, value: str, before: tuple[int, ...]) -> None:
        """The mean of the codes, rounded half up: the exact sum, divided once."""
        name, shape = layer.name, self.shapes[layer.name]
        kernel = layer.kernel or (before[1], before[2])
        count = kernel[0] * kernel[1]
        if count * self.largest[name] > MOST_POOLED:
            raise ValueError(
                f"Layer {name!r} averages {count} codes of up to {self.largest[name]}; QONNX has "
                f"no exact form for more than {MOST_POOLED // self.largest[name]}"
            )
        mean = self._free(f"{name}/mean")
        if layer.kernel is None:
            self.node(mean, "GlobalAveragePool", [value], shape, name=name)
        else:
            sizes: dict[str, Any] = {"kernel_shape": kernel, "strides": layer.stride or kernel}
            self.node(mean, "AveragePool", [value], shape, name=name, **sizes)
        number = self._scalars((f"count_{count}", count))
        total = self.node(self._free(f"{name}/times"), "Mul", [mean, *number], shape)
        total = self.node(self._free(f"{name}/sum"), "Round", [total], shape)
        exact = self.node(self._free(f"{name}/exact"), "Div", [total, *number], shape)
        bits = self.largest[name].bit_length()
        self._quant(name, exact, shape, bits, "HALF_UP")

    def _shortcut(self, layer: Shortcut, value: str, before: tuple[int, ...]) -> None:
        name, shape = layer.name, self.shapes[layer.name]
        ends = [before[1], before[2]]
        bounds = [
            self.constant(self._free(f"{name}/{what}"), values, np.int64)
            for what, values in (
                ("starts", [0, 0]),
                ("ends", ends),
                ("axes", [2, 3]),
                ("steps", layer.stride),
            )
        ]
        kept = (before[0], *shape[1:])
        value = self.node(self._free(f"{name}/kept"), "Slice", [value, *bounds], kept)
        pads = [0, 0, 0, 0, 0, layer.channels - before[0], 0, 0]
        self._pad_node(name, name, value, shape, pads, 0, name=name)

    def _pad(
        self, name: str, value: str, before: tuple[int, ...], padding: tuple[int, int], code: int
    ) -> str:
        (top, left), (channels, height, width) = padding, before
        shape = (channels, height + 2 * top, width + 2 * left)
        pads = [0, 0, top, left, 0, 0, top, left]
        return self._pad_node(name, self._free(f"{name}/padded"), value, shape, pads, code)

    def _pad_node(
        self,
        owner: str,
        output: str,
        value: str,
        shape: tuple[int, ...],
        pads: Sequence[int],
        code: int,
        **attributes: Any,
    ) -> str:
        sizes = self.constant(self._free(f"{owner}/pads"), pads, np.int64)
        inputs = [value, sizes, *self._scalars((f"code_{code}", code))]
        return self.node(output, "Pad", inputs, shape, mode="constant", **attributes)

    def _cast(self, name: str, value: str, shape: tuple[int, ...], kind: int) -> str:
        return self.node(self._free(name), "Cast", [value], shape, kind, to=kind)


def _parts(name: str, bounds: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of input channels whose sums float32 holds; `bounds` (O, I) is each one's largest."""
    start, total = 0, np.zeros(len(bounds), np.int64)
    for channel, bound in enumerate(bounds.T):
        if bound.max() >= EXACT_FLOAT32:
            raise ValueError(
                f"Layer {name!r}: the sum over one input channel can reach {bound.max()}, which "
                "float32 does not hold exactly; QONNX has no form for so large a kernel"
            )
        if (total + bound).max() >= EXACT_FLOAT32:
            yield start, channel
            start, total = channel, np.zeros_like(total)
        total = total + bound
    yield start, bounds.shape[1]


def _column(values: Reals, shape: tuple[int, ...]) -> Reals:
    """Values (O,) so that they meet (B, O, H, W) or (B, O) channel by channel."""
    return values.reshape(-1, 1, 1) if len(shape) == 3 else values
