"""Reads networks with uniform integer quantisers from QONNX, or ONNX with QuantizeLinear pairs.

The graph is read node by node; each tensor stands for codes, for the sums of a layer of weights,
or for a constant (`onnx_values`). A quantiser after sums closes a layer. What has no integer form
is refused by op and node name.

Source: QONNX, arXiv 2206.07527; ONNX operators, opset 13.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import TensorProto

from truncmac.golden import NetworkFileError, Stream
from truncmac.golden.types import Array

from .layers import Imported, Layers, Options
from .read import Graph, Node, read_onnx
from .values import (
    CLOSE,
    Codes,
    Constant,
    Integers,
    Levels,
    Mean,
    Raw,
    Sums,
    Value,
    Weights,
    fits,
    scalar,
)

__all__ = ["from_graph", "import_onnx"]

NEAREST = {"ROUND", "HALF_EVEN", "HALF_UP"}
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
Handler = Callable[["_Reader", Node], Value]


def import_onnx(path: Path, options: Options | None = None) -> Imported:
    """Read a network from a QONNX or ONNX file.

    Raises
    ------
    NetworkFileError
        If the file is not whole, or has no integer form: names the op and the node.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    graph = replace(read_onnx(path), name=path.stem)  # exporters call theirs main_graph
    try:
        return from_graph(graph, options or Options())
    except (ValueError, OverflowError) as error:
        raise NetworkFileError(f"{path}: {error}") from None
    except MemoryError:
        raise NetworkFileError(f"{path}: takes more memory than there is") from None


def from_graph(graph: Graph, options: Options) -> Imported:
    """The network of a graph; raises ValueError as `import_onnx`."""
    reader = _Reader(graph, options)
    with np.errstate(all="ignore"):  # what overflows is refused where it is used
        for node in graph.nodes:
            operation = OPERATIONS.get(node.op)
            if operation is None:
                known = ", ".join(OPERATIONS)
                raise NetworkFileError(f"{node} has no integer form. Known are {known}")
            try:
                reader.values[node.outputs[0]] = operation(reader, node)
            except NetworkFileError as error:
                raise NetworkFileError(f"{node} {error}") from None
        return reader.finish(graph)


class _Reader(Layers):
    """What each tensor stands for, node by node."""

    def __init__(self, graph: Graph, options: Options) -> None:
        super().__init__(graph, options)
        self.values: dict[str, Value] = {
            name: Constant(array) for name, array in graph.constants.items()
        }
        self.values[graph.input] = self.image_codes() if graph.input_is_code else Raw()
        self.output = graph.output

    def finish(self, graph: Graph) -> Imported:
        value = self.values[graph.output]
        if isinstance(value, Sums):
            self.logits(value)
        elif not isinstance(value, Codes | Mean) or not self.layers:
            raise NetworkFileError(f"The graph's output {graph.output!r} is not made of the image")
        return self.imported()

    def value(self, node: Node, index: int) -> Value:
        """Input `index` of a node."""
        if index >= len(node.inputs) or node.inputs[index] not in self.values:
            raise NetworkFileError(f"lacks its input {index + 1}")
        return self.values[node.inputs[index]]

    def constant(self, node: Node, index: int, default: Array | None = None) -> Array:
        """Input `index` as numbers."""
        if default is not None and (index >= len(node.inputs) or not node.inputs[index]):
            return default
        value = self.value(node, index)
        if isinstance(value, Weights):
            return value.reals()
        if not isinstance(value, Constant):
            raise NetworkFileError(f"must have a constant as its input {index + 1}")
        return value.array

    # Quantisers

    def quant(self, node: Node) -> Value:
        _only(node, "signed", "narrow", "rounding_mode")
        value = self.value(node, 0)
        scale, zero = (self.constant(node, i).astype(np.float64) for i in (1, 2))
        bits = _whole(scalar(self.constant(node, 3), "bit width"), 1, 32, "bit width")
        signed, narrow = (bool(node.attributes.get(key, 1)) for key in ("signed", "narrow"))
        mode = str(node.attributes.get("rounding_mode", "ROUND")).upper()
        if (scale <= 0).any():
            raise NetworkFileError("must have a scale above 0")
        if isinstance(value, Constant):
            return _quantised(value.array, scale, zero, bits, signed, narrow, mode)
        if mode not in NEAREST | {"FLOOR"}:
            raise NetworkFileError(f"rounds by {mode}; known are {', '.join(NEAREST)} and FLOOR")
        if mode not in ("HALF_UP", "FLOOR"):
            self._note_halves(value)
        number = _whole(scalar(zero, "zero point"), -(1 << 15), 1 << 15, "zero point")
        stream = _stream(value, bits, scalar(scale, "scale"), number, signed, narrow)
        return self.coded(value, stream, floor=mode == "FLOOR")

    def coded(self, value: Value, stream: Stream, *, floor: bool = False) -> Value:
        """`value` as the codes of `stream`."""
        if isinstance(value, Raw):
            return self.quantised_image(value, stream)
        if isinstance(value, Mean | Codes):
            plain = value.stream if isinstance(value, Mean) else self.plain(value)
            same = np.isclose(plain.scale, stream.scale, CLOSE, 0) and plain.zero == stream.zero
            if same and stream.bits >= plain.bits:
                return Codes(plain)
            if isinstance(value, Mean):
                raise NetworkFileError(
                    "must keep scale, zero point and bits of the codes whose mean it quantises"
                )
            value = self.unchanged(value)
        if not isinstance(value, Sums):
            raise NetworkFileError("quantises what is neither sums nor codes nor a constant")
        if value.floor and (stream.scale, stream.zero) != (1, 0):
            raise NetworkFileError("must have scale 1 after Floor")
        return self.close(value, stream, floor or value.floor)

    def _note_halves(self, value: Value) -> None:
        if isinstance(value, Sums) and not value.floor:
            self.note("Halves round up; the graph rounds them to the even code.")

    def bipolar(self, node: Node) -> Value:
        _only(node)
        value, scale = self.value(node, 0), self.constant(node, 1).astype(np.float64)
        if not isinstance(value, Constant):
            raise NetworkFileError("makes activations of one bit, -1 and 1; only weights may be")
        return _bipolar(value.array, scale)

    def trunc(self, node: Node) -> Value:
        _only(node, "rounding_mode", "signed", "narrow")
        value = self.value(node, 0)
        numbers = [scalar(self.constant(node, i), "number") for i in range(1, len(node.inputs))]
        if not isinstance(value, Weights) or len(numbers) not in (4, 5):
            raise NetworkFileError("truncates what are not quantised weights")
        scale, zero, width, *result, bits = numbers
        mode = str(node.attributes.get("rounding_mode", "FLOOR")).upper()
        if mode != "FLOOR" or zero != 0 or width != value.width:
            raise NetworkFileError("must drop the lowest bits of weights without a zero point")
        return value.truncate(
            _whole(bits, 1, 8, "bit width"), scale, result[0] if result else scale
        )

    def quantize_linear(self, node: Node) -> Value:
        axis = _linear_axis(node)
        value, scale, zero = self.value(node, 0), *self._linear(node)
        if zero.dtype not in (np.uint8, np.int8):
            raise NetworkFileError(f"makes integers of type {zero.dtype}; known are uint8 and int8")
        number = int(zero.reshape(-1)[0])
        low = -128 if zero.dtype == np.int8 else 0
        if isinstance(value, Constant):
            shape = _along(axis, value.array, scale)
            levels = np.rint(value.array / scale.reshape(shape)) + number
            return Integers(np.clip(levels, low, low + 255), signed=low < 0)
        return Levels(value, scalar(scale, "scale"), number, low, low + 255)

    def clip(self, node: Node) -> Value:
        """Fewer levels than 8 bits have."""
        _only(node)
        value = self.value(node, 0)
        low, high = (scalar(self.constant(node, i), "bound") for i in (1, 2))
        if isinstance(value, Levels):
            inside = value.low <= low <= high <= value.high
            if not inside or low != int(low) or high != int(high):
                raise NetworkFileError("must keep whole levels of its QuantizeLinear")
            return replace(value, low=int(low), high=int(high))
        if isinstance(value, Integers):
            return replace(value, array=np.clip(value.array, low, high))
        if isinstance(value, Constant):
            return Constant(np.clip(value.array, low, high).astype(value.array.dtype))
        raise NetworkFileError("limits what is not quantised; use a Relu and a Quant")

    def dequantize_linear(self, node: Node) -> Value:
        axis = _linear_axis(node)
        value, scale, zero = self.value(node, 0), *self._linear(node)
        number = int(zero.reshape(-1)[0])
        if isinstance(value, Levels):
            if (
                not np.isclose(scalar(scale, "scale"), value.scale, CLOSE, 0)
                or number != value.zero
            ):
                raise NetworkFileError("must have the scale and zero point of its QuantizeLinear")
            return self._levels(value)
        if isinstance(value, Constant) and value.array.dtype.kind in "iu":
            value = Integers(value.array, value.array.dtype.kind == "i")
        if not isinstance(value, Integers) or value.array.size == 0:
            raise NetworkFileError("takes what are not integers")
        scale = scale.reshape(_along(axis, value.array, scale))
        bits = _bits_of(value.array, value.signed)
        if bits > 8:
            return Constant((value.array.astype(np.float64) - number) * scale)
        if number != 0:
            raise NetworkFileError("has weights with a zero point; quantise them symmetrically")
        return Weights.of_integers(value.array, bits, value.signed, scale)

    def _levels(self, levels: Levels) -> Value:
        """Codes of the levels that a QuantizeLinear, and a Clip, leave."""
        self._note_halves(levels.value)
        count = levels.high - levels.low + 1
        bits = count.bit_length() - 1
        signed = levels.low < 0
        if count != 1 << bits or levels.low != (-(count // 2) if signed else 0):
            raise NetworkFileError(
                f"takes the levels {levels.low} to {levels.high}, which are no whole number of bits"
            )
        stream = _stream(levels.value, bits, levels.scale, levels.zero, signed, narrow=False)
        return self.coded(levels.value, stream)

    def _linear(self, node: Node) -> tuple[Array, Array]:
        scale = self.constant(node, 1).astype(np.float64)
        zero = self.constant(node, 2, np.zeros(1, np.uint8))
        if zero.size not in (1, scale.size) or scale.ndim > 1 or not scale.size:
            raise NetworkFileError("must have one scale, or one for each channel")
        if (scale <= 0).any():
            raise NetworkFileError("must have a scale above 0")
        if zero.size > 1 and (zero != zero.reshape(-1)[0]).any():
            raise NetworkFileError("has zero points that differ between channels")
        return scale, zero

    # Layers of weights

    def conv(self, node: Node) -> Value:
        known = ("kernel_shape", "strides", "pads", "dilations", "group", "auto_pad")
        _only(node, *known)
        weights = self._weights(node, 4)
        kernel = weights.codes.shape[2:]
        for key, wanted in (("group", 1), ("auto_pad", "NOTSET"), ("dilations", [1, 1])):
            if node.attributes.get(key, wanted) != wanted:
                raise NetworkFileError(f"has {key} = {node.attributes[key]}; it must be {wanted}")
        if list(node.attributes.get("kernel_shape", kernel)) != list(kernel):
            raise NetworkFileError("has a kernel_shape that is not its weights'")
        bias = self.constant(node, 2, np.zeros(1)).astype(np.float64)
        geometry = {"stride": _pair(node, "strides", 1), "padding": _pads(node)}
        return self.product(node.name, self.value(node, 0), weights, bias, **geometry)

    def gemm(self, node: Node) -> Value:
        _only(node, "alpha", "beta", "transA", "transB")
        given = [node.attributes.get(key, 1.0) for key in ("alpha", "beta")]
        if given != [1, 1] or node.attributes.get("transA", 0):
            raise NetworkFileError("must have alpha = beta = 1 and transA = 0")
        weights = self._weights(node, 2)
        if not node.attributes.get("transB", 0):
            weights = weights.transposed()
        bias = self.constant(node, 2, np.zeros(1)).astype(np.float64)
        return self.product(node.name, self.value(node, 0), weights, bias)

    def matmul(self, node: Node) -> Value:
        _only(node)
        weights = self._weights(node, 2).transposed()
        return self.product(node.name, self.value(node, 0), weights, np.zeros(1))

    def _weights(self, node: Node, rank: int) -> Weights:
        value = self.value(node, 1)
        if not isinstance(value, Weights):
            raise NetworkFileError(
                "has weights that are not quantised to at most 8 bits; put a Quant before them"
            )
        if value.codes.ndim != rank or value.codes.size == 0:
            raise NetworkFileError(f"must have weights of {rank} dimensions")
        return value

    def batch_norm(self, node: Node) -> Value:
        _only(node, "epsilon", "momentum", "training_mode", "spatial")
        if node.attributes.get("training_mode", 0):
            raise NetworkFileError("is in training mode; export the model for inference")
        sums = self.sums(self.value(node, 0))
        parts = [self.constant(node, i).astype(np.float64) for i in range(1, 5)]
        channels = len(sums.product.codes)
        if any(part.shape != (channels,) for part in parts):
            raise NetworkFileError(f"must have four constants of {channels} numbers")
        slope, shift, mean, variance = parts
        below = variance + float(node.attributes.get("epsilon", 1e-5))
        if not (below > 0).all():
            raise NetworkFileError("must have variances above 0")
        slope = slope / np.sqrt(below)
        return sums.scaled(slope).moved(shift - slope * mean)

    # Arithmetic with constants, and residuals

    def add(self, node: Node) -> Value:
        one, other = self.value(node, 0), self.value(node, 1)
        if isinstance(one, Constant) and not isinstance(other, Constant):
            one, other = other, one
        if isinstance(other, Constant | Weights) and not isinstance(one, Constant | Weights):
            array = other.array if isinstance(other, Constant) else other.reals()
            return self.moved(one, array.astype(np.float64))
        if isinstance(one, Constant) and isinstance(other, Constant):
            fits(*sorted((one.array, other.array), key=lambda array: (array.size, array.ndim)))
            return Constant(one.array + other.array)
        if isinstance(one, Weights) and isinstance(other, Constant):
            return one.moved(other.array)
        return self.add_residual(one, other)

    def sub(self, node: Node) -> Value:
        one, other = self.value(node, 0), self.constant(node, 1).astype(np.float64)
        if isinstance(one, Constant):
            fits(other, one.array)
            return Constant(one.array - other)
        return one.moved(-other) if isinstance(one, Weights) else self.moved(one, -other)

    def mul(self, node: Node) -> Value:
        one, other = self.value(node, 0), self.value(node, 1)
        if isinstance(one, Constant) and not isinstance(other, Constant):
            one, other = other, one
        if not isinstance(other, Constant):
            raise NetworkFileError("multiplies two tensors; one must be a constant")
        return self._times(one, other.array.astype(np.float64))

    def div(self, node: Node) -> Value:
        divisor = self.constant(node, 1).astype(np.float64)
        if (divisor == 0).any():
            raise NetworkFileError("divides by 0")
        return self._times(self.value(node, 0), 1 / divisor)

    def _times(self, value: Value, factor: Array) -> Value:
        if isinstance(value, Constant):
            fits(*sorted((value.array, factor), key=lambda array: (array.size, array.ndim)))
            return Constant(value.array * factor)
        return value.scaled(factor) if isinstance(value, Weights) else self.scaled(value, factor)

    def relu(self, node: Node) -> Value:
        value = self.value(node, 0)
        if isinstance(value, Codes | Mean):
            plain = value.stream if isinstance(value, Mean) else self.plain(value)
            if plain.zero == 0:
                return value
        return replace(self.sums(value), relu=True)

    def floor(self, node: Node) -> Value:
        return replace(self.sums(self.value(node, 0)), floor=True)

    def round(self, node: Node) -> Value:
        """Sums of codes are whole already."""
        value = self.value(node, 0)
        if isinstance(value, Mean) and value.stream.zero == 0:
            step = value.stream.scale / value.count
            if step > 0.5 and np.isclose(step, np.rint(step), CLOSE, 0):
                return value
        raise NetworkFileError("rounds what is not the whole sum of codes; use a Quant")

    # Pools and shapes

    def max_pool(self, node: Node) -> Value:
        _only(node, "kernel_shape", "strides", "pads", "dilations", "ceil_mode", "storage_order")
        if node.attributes.get("dilations", [1, 1]) != [1, 1] or len(node.outputs) > 1:
            raise NetworkFileError("must have no dilations and no second output")
        if node.attributes.get("ceil_mode", 0):
            raise NetworkFileError("must have ceil_mode = 0")
        sizes = _pair(node, "kernel_shape", None), _pair(node, "strides", 1), _pads(node)
        return self.max_pooled(node.name, self.value(node, 0), *sizes)

    def average_pool(self, node: Node) -> Value:
        _only(node, "kernel_shape", "strides", "pads", "ceil_mode", "count_include_pad")
        if _pads(node) != (0, 0) or node.attributes.get("ceil_mode", 0):
            raise NetworkFileError("must have no padding and ceil_mode = 0")
        kernel, stride = _pair(node, "kernel_shape", None), _pair(node, "strides", 1)
        return self.averaged(node.name, self.value(node, 0), kernel, stride)

    def global_average_pool(self, node: Node) -> Value:
        _only(node)
        return self.averaged(node.name, self.value(node, 0), None, None)

    def reduce_mean(self, node: Node) -> Value:
        _only(node, "axes", "keepdims", "noop_with_empty_axes")
        axes = node.attributes.get("axes", [])
        found = self.constant(node, 1, np.array(axes, np.int64)).reshape(-1).tolist()
        if sorted(int(axis) % 4 for axis in found) != [2, 3]:
            raise NetworkFileError("must average height and width, axes 2 and 3")
        mean = self.averaged(node.name, self.value(node, 0), None, None)
        flat = not node.attributes.get("keepdims", 1)
        return self.flattened(node.name, mean) if flat else mean

    def flatten(self, node: Node) -> Value:
        _only(node, "axis")
        if node.attributes.get("axis", 1) != 1:
            raise NetworkFileError("must have axis = 1")
        return self.flattened(node.name, self.value(node, 0))

    def reshape(self, node: Node) -> Value:
        _only(node, "allowzero")
        value, shape = self.value(node, 0), self.constant(node, 1).reshape(-1).tolist()
        if isinstance(value, Constant):
            raise NetworkFileError("shapes a constant; fold it into the constant")
        features = self.features(value)
        if len(shape) != 2 or shape[1] not in (-1, features) or shape == [-1, -1]:
            raise NetworkFileError(f"must give (batch, {features}), not {tuple(shape)}")
        return self.flattened(node.name, value)

    def squeeze(self, node: Node) -> Value:
        _only(node, "axes")
        axes = node.attributes.get("axes", [])
        found = self.constant(node, 1, np.array(axes, np.int64)).reshape(-1).tolist()
        if sorted(int(axis) % 4 for axis in found) != [2, 3]:
            raise NetworkFileError("must take height and width away, axes 2 and 3")
        return self.flattened(node.name, self.value(node, 0))

    def transpose(self, node: Node) -> Value:
        _only(node, "perm")
        value = self.value(node, 0)
        if isinstance(value, Weights) and value.codes.ndim == 2:
            if node.attributes.get("perm", [1, 0]) != [1, 0]:
                raise NetworkFileError("must exchange both axes of the weights")
            return value.transposed()
        if isinstance(value, Constant) and value.array.ndim == 2:
            return Constant(value.array.T)
        raise NetworkFileError("transposes what is no matrix of weights")

    def pad(self, node: Node) -> Value:
        _only(node, "mode")
        if node.attributes.get("mode", "constant") != "constant":
            raise NetworkFileError("must have mode = constant")
        pads = self.constant(node, 1).reshape(-1).tolist()
        code = scalar(self.constant(node, 2, np.zeros(1)), "value")
        return self.padded(node.name, self.value(node, 0), pads, code)

    def slice(self, node: Node) -> Value:
        _only(node)
        starts, ends, axes = (self.constant(node, i).reshape(-1).tolist() for i in (1, 2, 3))
        steps = self.constant(node, 4, np.ones(len(axes), np.int64)).reshape(-1).tolist()
        return self.strided(node.name, self.value(node, 0), starts, ends, axes, steps)

    def same(self, node: Node) -> Value:
        return self.value(node, 0)

    def cast(self, node: Node) -> Value:
        value = self.value(node, 0)
        if not isinstance(value, Constant) and node.attributes.get("to") not in FLOATS:
            raise NetworkFileError("must cast to a float type")
        return value

    def softmax(self, node: Node) -> Value:
        value = self.value(node, 0)
        if node.outputs[0] != self.output or not isinstance(value, Sums):
            raise NetworkFileError("must be the last node, after the logits")
        self.note(f"{node.op} is left out: the logits put an image into the same class.")
        return value

    def literal(self, node: Node) -> Value:
        keys = {"value", "value_float", "value_int", "value_floats", "value_ints"}
        found = [value for key, value in node.attributes.items() if key in keys]
        if len(found) != 1:
            raise NetworkFileError("must have one value of numbers")
        return Constant(np.asarray(found[0]))


OPERATIONS: Mapping[str, Handler] = {
    "Add": _Reader.add,
    "AveragePool": _Reader.average_pool,
    "BatchNormalization": _Reader.batch_norm,
    "BipolarQuant": _Reader.bipolar,
    "Cast": _Reader.cast,
    "Clip": _Reader.clip,
    "Constant": _Reader.literal,
    "Conv": _Reader.conv,
    "DequantizeLinear": _Reader.dequantize_linear,
    "Div": _Reader.div,
    "Dropout": _Reader.same,
    "Flatten": _Reader.flatten,
    "Floor": _Reader.floor,
    "Gemm": _Reader.gemm,
    "GlobalAveragePool": _Reader.global_average_pool,
    "Identity": _Reader.same,
    "IntQuant": _Reader.quant,
    "LogSoftmax": _Reader.softmax,
    "MatMul": _Reader.matmul,
    "MaxPool": _Reader.max_pool,
    "Mul": _Reader.mul,
    "Pad": _Reader.pad,
    "Quant": _Reader.quant,
    "QuantizeLinear": _Reader.quantize_linear,
    "ReduceMean": _Reader.reduce_mean,
    "Relu": _Reader.relu,
    "Reshape": _Reader.reshape,
    "Round": _Reader.round,
    "Slice": _Reader.slice,
    "Softmax": _Reader.softmax,
    "Squeeze": _Reader.squeeze,
    "Sub": _Reader.sub,
    "Transpose": _Reader.transpose,
    "Trunc": _Reader.trunc,
}


def _quantised(
    array: Array,
    scale: Array,
    zero: Array,
    bits: int,
    signed: bool,
    narrow: bool,
    mode: str,
) -> Value:
    """A constant after a Quant: weights, or more precise numbers, which a bias may be."""
    if (zero != 0).any():
        raise NetworkFileError("has weights with a zero point; quantise them symmetrically")
    if mode not in ("ROUND", "HALF_EVEN", "FLOOR"):
        raise NetworkFileError(f"rounds weights by {mode}; known are ROUND and FLOOR")
    fits(scale, array)
    ratio = array.astype(np.float32) / scale.astype(np.float32)
    if bits == 1 and signed:
        return _bipolar(array, scale)
    low = -(1 << bits - 1) + narrow if signed else 0
    high = (1 << bits - 1) - 1 if signed else (1 << bits) - 1 - narrow
    integers = (np.floor if mode == "FLOOR" else np.rint)(np.clip(ratio, low, high))
    if bits > 8:
        return Constant(integers * scale)
    return Weights.of_integers(integers, bits, signed, scale)


def _bipolar(array: Array, scale: Array) -> Weights:
    """Weights of one bit: -scale and scale."""
    fits(scale, array)
    codes = np.where(array >= 0, 255, 0).astype(np.uint8)
    return Weights(codes, 1, 2 * scale, -scale)


def _stream(value: Value, bits: int, scale: float, zero: int, signed: bool, narrow: bool) -> Stream:
    """Unsigned codes of an activation quantiser; signed integers are stored with their zero."""
    rectified = isinstance(value, Sums) and value.relu
    if rectified and signed and zero == 0:
        signed, narrow, bits = False, False, bits - 1  # its negative half is never used
    if not 1 <= bits <= 8:
        raise NetworkFileError(f"makes activations of {bits} bits; they must have 1 to 8")
    if narrow:
        raise NetworkFileError("makes activations of a narrow range; only weights may have one")
    if signed and bits == 1:
        raise NetworkFileError("makes activations of one bit, -1 and 1; only weights may be")
    zero += (1 << bits - 1) if signed else 0
    if not 0 <= zero < 1 << bits:
        raise NetworkFileError(f"has a zero point that {bits} bits do not hold")
    if rectified and zero:
        raise NetworkFileError("must have the zero point 0 after Relu")
    return Stream("", bits, scale, zero)


def _bits_of(array: Array, signed: bool) -> int:
    """Fewest bits that hold integers."""
    low, high = int(array.min()), int(array.max())
    most = max(high, -low - 1) if signed else high
    return max(1, most.bit_length() + signed)


def _linear_axis(node: Node) -> int:
    _only(node, "axis", "saturate", "block_size", "output_dtype")
    for key in ("block_size", "output_dtype"):
        if node.attributes.get(key, 0):
            raise NetworkFileError(f"has {key}, which has no form here")
    return int(node.attributes.get("axis", 1))


def _along(axis: int, array: Array, scale: Array) -> tuple[int, ...]:
    """Shape in which `scale` meets `array` along `axis`."""
    if scale.size == 1:
        return (1,) * array.ndim
    if not -array.ndim <= axis < array.ndim or array.shape[axis] != scale.size:
        raise NetworkFileError(f"has {scale.size} scales along axis {axis} of {array.shape}")
    shape = [1] * array.ndim
    shape[axis] = scale.size
    return tuple(shape)


def _only(node: Node, *known: str) -> None:
    """Refuse attributes that would change what the node does."""
    extra = sorted(set(node.attributes) - set(known))
    if extra:
        raise NetworkFileError(f"has the attribute {extra[0]!r}, which has no form here")


def _whole(value: float, least: int, most: int, what: str) -> int:
    if not least <= value <= most or value != int(value):
        raise NetworkFileError(f"must have a {what} in {least}..{most}, not {value:g}")
    return int(value)


def _pair(node: Node, key: str, default: int | None) -> tuple[int, int]:
    found = node.attributes.get(key, [default, default])
    valid = isinstance(found, list) and len(found) == 2
    if not valid or not all(isinstance(v, int) and 1 <= v <= 1 << 16 for v in found):
        raise NetworkFileError(f"must have {key} of two numbers of at least 1, not {found}")
    return found[0], found[1]


def _pads(node: Node) -> tuple[int, int]:
    if node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise NetworkFileError("must have auto_pad = NOTSET; give its pads")
    found = node.attributes.get("pads", [0, 0, 0, 0])
    valid = isinstance(found, list) and len(found) == 4 and found[:2] == found[2:]
    if not valid or not all(isinstance(v, int) and 0 <= v <= 1 << 16 for v in found):
        raise NetworkFileError(f"must have the same pads on opposite sides, not {found}")
    return found[0], found[1]
