"""TFLite's operators as those of ONNX, with quantisers in pairs.

Images keep their channels last: what ONNX has with its channels first stands between Transposes,
which `layouts` takes away again.

Source: TensorFlow Lite, schema.fbs, version 3, and its specification of 8-bit quantisation.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.checks import expect
from truncmac.golden.types import Array

from .flat import Table
from .read import Graph, Node
from .tflite import LiteModel, LiteOperator, LiteTensor, lite_model

__all__ = ["read_lite", "translated"]

FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # where axes go: channels first, channels last
RELU, RELU_1, RELU_6 = 1, 2, 3
BYTES: Mapping[type[np.generic], str] = {np.uint8: "uint8", np.int8: "int8"}


def read_lite(path: Path) -> Graph:
    """The graph of a TFLite file.

    Raises
    ------
    NetworkFileError
        If it is not whole, too large, or has an operator that has no form here.
    OSError
        If the file cannot be read.
    """
    try:
        return translated(lite_model(path))
    except NetworkFileError as error:
        raise NetworkFileError(f"{path}: {error}") from None


def translated(model: LiteModel) -> Graph:
    """The ONNX graph of a TFLite model; raises NetworkFileError where there is no form."""
    expect(len(model.inputs) == 1 and len(model.outputs) == 1, "must have one input and one output")
    found = _Translation(model)
    for operator in model.operators:
        label = f"operator {NAMES.get(operator.code, operator.code)} {found.label(operator)!r}"
        try:
            if operator.code not in OPERATORS:
                known = ", ".join(sorted(NAMES.values()))
                raise NetworkFileError(f"has no integer form. Known are {known}")
            OPERATORS[operator.code](found, operator)
        except NetworkFileError as error:
            raise NetworkFileError(f"{label} {error}") from None
    first = model.tensors[model.inputs[0]]
    output = found.values.get(model.outputs[0])
    if output is None or not found.nodes:
        raise NetworkFileError("has an output that no operator gives")
    return Graph(
        name="network",
        input=found.input,
        input_shape=(None, *first.shape[1:]),
        input_bytes=BYTES.get(first.kind) if first.scale.size else None,
        output=output,
        nodes=tuple(found.nodes),
        constants=found.constants,
    )


class _Translation:
    """The nodes so far, and the name of what each tensor stands for, real numbers."""

    def __init__(self, model: LiteModel) -> None:
        self.model = model
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.values: dict[int, str] = {}
        self.input = "input"
        self.taken = {self.input}  # names of tensors; others begin with a blank
        place = model.inputs[0]
        expect(place >= 0, "must have an input")
        tensor = model.tensors[place]
        self.values[place] = self.input
        if tensor.scale.size and tensor.kind in BYTES:
            parts = self._quantiser(tensor)
            self.values[place] = self.node("DequantizeLinear", [self.input, *parts])

    def label(self, operator: LiteOperator) -> str:
        """The name of what an operator gives."""
        return self.model.tensors[operator.outputs[0]].name

    def tensor(self, operator: LiteOperator, index: int) -> LiteTensor:
        """An input that must be there."""
        if index >= len(operator.inputs) or operator.inputs[index] < 0:
            raise NetworkFileError(f"lacks its input {index + 1}")
        return self.model.tensors[operator.inputs[index]]

    def value(self, operator: LiteOperator, index: int) -> str:
        """The name of what an input stands for; constants as real numbers."""
        tensor = self.tensor(operator, index)
        if tensor.array is not None:
            return self.constant(tensor.reals)
        place = operator.inputs[index]
        if place not in self.values:
            raise NetworkFileError(f"reads {tensor.name!r}, which no operator before it gives")
        return self.values[place]

    def constant(self, array: Array) -> str:
        """A constant."""
        name = f" constant {len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def node(self, op: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add a node."""
        output = f" value {len(self.nodes)}"
        node = Node(op, name or output, tuple(inputs), (output,), attributes)
        self.nodes.append(node)
        return output

    def weights(self, operator: LiteOperator, order: list[int], axis: int) -> str:
        """Constant weights with their axes in another order; `axis` is that of the outputs."""
        tensor = self.tensor(operator, 1)
        if tensor.array is None or tensor.scale.size == 0 or tensor.array.ndim != len(order):
            raise NetworkFileError("must have constant weights of 8 bits")
        if tensor.scale.size > 1 and tensor.axis != axis:
            raise NetworkFileError("must have a scale for each output channel, or one")
        parts = [self.constant(tensor.array.transpose(order)), self.constant(tensor.scale)]
        kind = tensor.kind if tensor.kind in BYTES else np.int32
        zeros = np.broadcast_to(tensor.zero, tensor.scale.shape).astype(kind)
        return self.node("DequantizeLinear", [*parts, self.constant(zeros)], axis=0)

    def bias(self, operator: LiteOperator) -> list[str]:
        """The bias, if there is one."""
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return []
        return [self.constant(self.tensor(operator, 2).reals)]

    def finish(self, operator: LiteOperator, value: str, activation: int = 0) -> None:
        """The output: `value` behind its activation, quantised as its tensor says."""
        bounds = {RELU_1: (-1.0, 1.0), RELU_6: (0.0, 6.0)}
        if activation == RELU:
            value = self.node("Relu", [value])
        elif activation in bounds:
            ends = [self.constant(np.array(end)) for end in bounds[activation]]
            value = self.node("Clip", [value, *ends])
        elif activation:
            raise NetworkFileError(f"has the activation {activation}, which has no form here")
        place = operator.outputs[0]
        tensor = self.model.tensors[place]
        if tensor.scale.size and tensor.kind in BYTES:
            parts = self._quantiser(tensor)
            value = self.node("QuantizeLinear", [value, *parts])
            value = self.node("DequantizeLinear", [value, *parts])
        elif tensor.scale.size:
            raise NetworkFileError("gives integers of more than 8 bits")
        self.values[place] = self._named(value, tensor.name)

    def first(self, operator: LiteOperator, index: int = 0) -> str:
        """An image with its channels first."""
        if len(self.tensor(operator, index).shape) != 4:
            raise NetworkFileError("must take an image")
        return self.node("Transpose", [self.value(operator, index)], perm=FIRST)

    def last(self, value: str) -> str:
        """An image with its channels last again."""
        return self.node("Transpose", [value], perm=LAST)

    def _named(self, value: str, name: str) -> str:
        """The last node's output under the name of its tensor, where that is free."""
        if name in self.taken or name[:1] == " " or self.nodes[-1].outputs != (value,):
            return value
        self.taken.add(name)
        self.nodes[-1] = replace(self.nodes[-1], outputs=(name,))
        return name

    def _quantiser(self, tensor: LiteTensor) -> list[str]:
        zero = tensor.zero.astype(tensor.kind)
        return [self.constant(tensor.scale), self.constant(zero)]


def _window(options: Table, pads: int, kernel: list[int] | None = None) -> dict[str, Any]:
    """Attributes of a window: field `pads` and the strides behind it."""
    found: dict[str, Any] = {
        "auto_pad": "SAME_UPPER" if options.whole(pads, "b") == 0 else "VALID",
        "strides": [options.whole(pads + 2), options.whole(pads + 1)],
    }
    return found | ({} if kernel is None else {"kernel_shape": kernel})


def _conv(found: _Translation, operator: LiteOperator) -> None:
    options = operator.options
    attributes = _window(options, 0)
    attributes["dilations"] = [options.whole(5, default=1), options.whole(4, default=1)]
    inputs = found.tensor(operator, 0).shape[-1]
    weights = found.tensor(operator, 1).shape
    if len(weights) != 4 or not weights[3] or inputs % weights[3]:
        raise NetworkFileError("must have weights that fit its input")
    attributes["group"] = inputs // weights[3]
    parts = [found.first(operator), found.weights(operator, [0, 3, 1, 2], 0), *found.bias(operator)]
    value = found.node("Conv", parts, found.label(operator), **attributes)
    found.finish(operator, found.last(value), options.whole(3, "b"))


def _depthwise(found: _Translation, operator: LiteOperator) -> None:
    options = operator.options
    attributes = _window(options, 0)
    attributes["dilations"] = [options.whole(6, default=1), options.whole(5, default=1)]
    attributes["group"] = found.tensor(operator, 0).shape[-1]
    parts = [found.first(operator), found.weights(operator, [3, 0, 1, 2], 3), *found.bias(operator)]
    value = found.node("Conv", parts, found.label(operator), **attributes)
    found.finish(operator, found.last(value), options.whole(4, "b"))


def _linear(found: _Translation, operator: LiteOperator) -> None:
    value = found.value(operator, 0)
    if len(found.tensor(operator, 0).shape) > 2:
        value = found.node("Flatten", [value], axis=1)
    parts = [value, found.weights(operator, [0, 1], 0), *found.bias(operator)]
    value = found.node("Gemm", parts, found.label(operator), transB=1)
    found.finish(operator, value, operator.options.whole(0, "b"))


def _pool(op: str) -> Callable[[_Translation, LiteOperator], None]:
    def translate(found: _Translation, operator: LiteOperator) -> None:
        options = operator.options
        attributes = _window(options, 0, [options.whole(4), options.whole(3)])
        value = found.node(op, [found.first(operator)], found.label(operator), **attributes)
        found.finish(operator, found.last(value), options.whole(5, "b"))

    return translate


def _binary(op: str) -> Callable[[_Translation, LiteOperator], None]:
    def translate(found: _Translation, operator: LiteOperator) -> None:
        parts = [found.value(operator, 0), found.value(operator, 1)]
        value = found.node(op, parts, found.label(operator))
        found.finish(operator, value, operator.options.whole(0, "b"))

    return translate


def _unary(op: str, **attributes: Any) -> Callable[[_Translation, LiteOperator], None]:
    def translate(found: _Translation, operator: LiteOperator) -> None:
        value = found.node(op, [found.value(operator, 0)], found.label(operator), **attributes)
        found.finish(operator, value)

    return translate


def _leaky(found: _Translation, operator: LiteOperator) -> None:
    alpha = operator.options.number(0, "f")
    parts = [found.value(operator, 0)]
    found.finish(operator, found.node("LeakyRelu", parts, found.label(operator), alpha=alpha))


def _relu6(found: _Translation, operator: LiteOperator) -> None:
    found.finish(operator, found.value(operator, 0), RELU_6)


def _concat(found: _Translation, operator: LiteOperator) -> None:
    parts = [found.value(operator, index) for index in range(len(operator.inputs))]
    value = found.node("Concat", parts, found.label(operator), axis=operator.options.whole(0))
    found.finish(operator, value, operator.options.whole(1, "b"))


def _reshape(found: _Translation, operator: LiteOperator) -> None:
    shape = found.model.tensors[operator.outputs[0]].shape
    whole = found.constant(np.array([-1, *shape[1:]], np.int64))
    parts = [found.value(operator, 0), whole]
    found.finish(operator, found.node("Reshape", parts, found.label(operator)))


def _mean(found: _Translation, operator: LiteOperator) -> None:
    axes = found.tensor(operator, 1).reals.reshape(-1).astype(np.int64).tolist()
    keep = operator.options.whole(0, "b")
    parts = [found.value(operator, 0)]
    value = found.node("ReduceMean", parts, found.label(operator), axes=axes, keepdims=keep)
    found.finish(operator, value)


def _pad(found: _Translation, operator: LiteOperator) -> None:
    pads = found.tensor(operator, 1).reals.astype(np.int64)
    if pads.ndim != 2 or pads.shape[1] != 2:
        raise NetworkFileError("must have two pads for each axis")
    parts = [found.value(operator, 0), found.constant(pads.T.reshape(-1))]
    parts += [found.value(operator, 2)] if len(operator.inputs) > 2 else []
    found.finish(operator, found.node("Pad", parts, found.label(operator), mode="constant"))


def _resize(found: _Translation, operator: LiteOperator) -> None:
    given = found.tensor(operator, 0).shape
    sizes = found.tensor(operator, 1).reals.reshape(-1).tolist()
    if operator.options.whole(0, "b") or len(given) != 4 or len(sizes) != 2 or not all(given):
        raise NetworkFileError("must repeat pixels of an image without align_corners")
    scales = np.array([1, 1, sizes[0] / given[1], sizes[1] / given[2]])
    centred = operator.options.whole(1, "b")
    value = found.node(
        "Resize",
        [found.first(operator), "", found.constant(scales)],
        found.label(operator),
        mode="nearest",
        coordinate_transformation_mode="half_pixel" if centred else "asymmetric",
        nearest_mode="round_prefer_ceil" if centred else "floor",
    )
    found.finish(operator, found.last(value))


Translate = Callable[[_Translation, LiteOperator], None]
ALL: Mapping[int, tuple[str, Translate]] = {
    0: ("ADD", _binary("Add")),
    1: ("AVERAGE_POOL_2D", _pool("AveragePool")),
    2: ("CONCATENATION", _concat),
    3: ("CONV_2D", _conv),
    4: ("DEPTHWISE_CONV_2D", _depthwise),
    6: ("DEQUANTIZE", _unary("Identity")),
    9: ("FULLY_CONNECTED", _linear),
    14: ("LOGISTIC", _unary("Sigmoid")),
    17: ("MAX_POOL_2D", _pool("MaxPool")),
    18: ("MUL", _binary("Mul")),
    19: ("RELU", _unary("Relu")),
    21: ("RELU6", _relu6),
    22: ("RESHAPE", _reshape),
    25: ("SOFTMAX", _unary("Softmax")),
    28: ("TANH", _unary("Tanh")),
    34: ("PAD", _pad),
    40: ("MEAN", _mean),
    41: ("SUB", _binary("Sub")),
    43: ("SQUEEZE", _reshape),
    50: ("LOG_SOFTMAX", _unary("LogSoftmax")),
    56: ("ARG_MAX", _unary("ArgMax")),
    60: ("PADV2", _pad),
    70: ("EXPAND_DIMS", _reshape),
    97: ("RESIZE_NEAREST_NEIGHBOR", _resize),
    98: ("LEAKY_RELU", _leaky),
    111: ("ELU", _unary("Elu")),
    114: ("QUANTIZE", _unary("Identity")),
    117: ("HARD_SWISH", _unary("HardSwish")),
    150: ("GELU", _unary("Gelu")),
}
NAMES = {code: name for code, (name, _) in ALL.items()}
OPERATORS = {code: translate for code, (_, translate) in ALL.items()}
