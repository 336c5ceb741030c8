"""Kinds of networks, each built by hand as small as it can be; `KINDS` has them by name.

Scales are no multiples of each other, so that hardly a real lies on a tie.
"""

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper

from tests.kinds.runtime import Pairs

KINDS: dict[str, Callable[[], object]] = {}
A, B, C, D, E = 0.0211, 0.0307, 0.0409, 0.0513, 0.513  # scales
SIGMOID = 0.00387


def kind(make):
    KINDS[make.__name__] = make
    return make


def start(shape=(3, 8, 8), **conv):
    """A builder, and the codes of a first layer of 8 channels."""
    b = Pairs(shape)
    return b, b.layer(b.image(), (8, shape[0], 3, 3), A, **({"pads": [1] * 4} | conv))


def ends(b, y, features):
    return b.model(b.head(y, features))


def scales(b, scale, zero=0, dtype=np.uint8):
    return [b.constant(scale), b.constant(zero, dtype)]


def integers(b, shape):
    return b.constant(b.rng.integers(-127, 128, shape), np.int8)


@kind
def plain():
    b, y = start()
    return ends(b, y, 512)


@kind
def depthwise():
    b, y = start()
    return ends(b, b.layer(y, (8, 1, 3, 3), A, pads=[1] * 4, group=8, axis=0), 512)


@kind
def depthwise_multiplied():
    b, y = start()
    return ends(b, b.layer(y, (16, 1, 3, 3), A, group=8), 576)


@kind
def grouped():
    b, y = start((4, 8, 8))
    return ends(b, b.layer(y, (6, 4, 3, 3), A, group=2), 216)


@kind
def same_upper():
    b = Pairs((3, 8, 7))
    y = b.layer(b.image(), (8, 3, 3, 3), A, auto_pad="SAME_UPPER", strides=[2, 2])
    return ends(b, y, 128)


@kind
def same_lower():
    b = Pairs((3, 8, 7))
    y = b.layer(b.image(), (8, 3, 4, 2), A, auto_pad="SAME_LOWER", strides=[1, 2])
    return ends(b, y, 256)


@kind
def valid():
    b = Pairs((3, 8, 8))
    return ends(b, b.layer(b.image(), (8, 3, 3, 3), A, auto_pad="VALID"), 288)


@kind
def pads_on_two_sides():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), B, 100)
    return ends(b, b.layer(y, (8, 8, 3, 3), A, pads=[0, 0, 1, 1], strides=[2, 2]), 72)


@kind
def pad_before():
    b = Pairs((3, 8, 8))
    pads = b.constant([0, 0, 0, 0, 0, 0, 1, 1], np.int64)
    x = b.node("Pad", b.image(), pads, b.constant(0))
    return ends(b, b.layer(x, (8, 3, 3, 3), A, strides=[2, 2]), 128)


@kind
def dilated():
    b = Pairs((3, 8, 9))
    y = b.layer(b.image(), (8, 3, 3, 2), A, pads=[2, 3, 2, 0], dilations=[2, 3], strides=[1, 2])
    return ends(b, y, 320)


@kind
def pool_auto_pad():
    b, y = start()
    y = b.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    return ends(b, b.layer(y, (4, 8, 1, 1), A), 64)


@kind
def pool_not_set():
    b, y = start()
    y = b.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2], auto_pad="NOTSET", pads=[0] * 4)
    return ends(b, b.layer(y, (4, 8, 1, 1), A), 64)


@kind
def pool_rounded_up():
    b, y = start()
    y = b.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    return ends(b, b.layer(y, (4, 8, 1, 1), A), 64)


@kind
def pool_of_the_whole():
    b, y = start()
    y = b.node("GlobalMaxPool", y)
    return ends(b, y, 8)


@kind
def pool_before_quantiser():
    b = Pairs((3, 8, 8))
    y = b.node("Relu", b.conv(b.image(), (8, 3, 3, 3), pads=[1] * 4))
    y = b.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    return ends(b, b.pair(y, A), 128)


@kind
def relu_behind_pool():
    b = Pairs((3, 8, 8))
    y = b.conv(b.image(), (8, 3, 3, 3), pads=[1] * 4)
    y = b.node("Relu", b.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]))
    return ends(b, b.pair(y, A), 128)


@kind
def flatten_before_quantiser():
    b = Pairs((3, 8, 8))
    y = b.pair(b.node("Flatten", b.node("Relu", b.conv(b.image(), (8, 3, 3, 3)))), A)
    return b.model(b.node("Gemm", y, b.weights((10, 288)), b.biases(10), transB=1))


def clipped(scale):
    b = Pairs((3, 8, 8))
    y = b.conv(b.image(), (8, 3, 3, 3), pads=[1] * 4)
    y = b.node("Clip", y, b.constant(0), b.constant(2))
    return ends(b, b.pair(y, scale), 512)


@kind
def relu6():
    return clipped(2 / 255)


@kind
def relu6_below_the_last_code():
    return clipped(3 / 255)


@kind
def clip_of_attributes():
    b = Pairs((3, 8, 8), opset=10)
    y = b.node("Clip", b.conv(b.image(), (8, 3, 3, 3)), min=-0.5, max=1.5)
    return ends(b, b.pair(y, A, 60), 288)


@kind
def relu_with_zero_point():
    b = Pairs((3, 8, 8))
    y = b.node("Relu", b.conv(b.image(), (8, 3, 3, 3), pads=[1] * 4))
    return ends(b, b.pair(y, A, 10), 512)


@kind
def relu_of_codes():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), B, 100)
    return ends(b, b.pair(b.node("Relu", y), A), 288)


@kind
def softmax_behind_codes():
    b, y = start()
    return b.model(b.node("Softmax", b.pair(b.head(y, 512), E, 0, np.int8), axis=-1))


@kind
def softmax_quantised():
    b, y = start()
    z = b.pair(b.head(y, 512), E, 0, np.int8)
    return b.model(b.pair(b.node("Softmax", z, axis=-1), SIGMOID))


@kind
def argmax():
    b, y = start()
    z = b.pair(b.head(y, 512), E, 0, np.int8)
    model = b.model(b.node("ArgMax", z, axis=1, keepdims=0))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


@kind
def sigmoid_at_the_end():
    b, y = start()
    return b.model(b.node("Sigmoid", b.head(y, 512)))


@kind
def batch_norm_behind_relu():
    b = Pairs((3, 8, 8))
    y = b.node("Relu", b.conv(b.image(), (8, 3, 3, 3), pads=[1] * 4))
    slopes = b.rng.uniform(0.8, 1.3, 8) * b.rng.choice([-1, 1, 1], 8)
    parts = slopes, b.rng.normal(size=8), b.rng.normal(size=8), np.ones(8)
    y = b.node("BatchNormalization", y, *map(b.constant, parts))
    return ends(b, b.pair(y, B, 100), 512)


@kind
def add_behind_relu():
    b = Pairs((3, 8, 8))
    y = b.node("Relu", b.conv(b.image(), (8, 3, 3, 3)))
    y = b.node("Add", y, b.constant(np.linspace(-1, 1, 8).reshape(8, 1, 1)))
    return ends(b, b.pair(y, B, 100), 288)


@kind
def conv1d():
    b = Pairs((3, 20))
    y = b.layer(b.image(), (8, 3, 3), A, pads=[1, 1])
    y = b.node("MaxPool", y, kernel_shape=[2], strides=[2])
    y = b.node("Relu", b.conv(y, (8, 8, 3), pads=[0, 1], strides=[2], dilations=[2]))
    y = b.node("Mul", y, b.constant(np.linspace(0.5, 1, 8).reshape(1, 8, 1)))
    return ends(b, b.pair(y, A), 32)


@kind
def conv1d_unsqueezed():
    b = Pairs((3, 20))
    axis = b.constant([2], np.int64)
    y = b.node("Unsqueeze", b.image(), axis)
    y = b.node("Squeeze", b.layer(y, (8, 3, 1, 3), A), axis)
    return ends(b, y, 144)


@kind
def channels_last_image():
    b = Pairs((8, 8, 3))
    x = b.node("Transpose", b.image(), perm=[0, 3, 1, 2])
    return ends(b, b.layer(x, (8, 3, 3, 3), A, pads=[1] * 4), 512)


@kind
def channels_last_vector():
    b = Pairs((8, 8, 3))
    x = b.node("Transpose", b.image(), perm=[0, 3, 1, 2])
    y = b.layer(x, (8, 3, 3, 3), A, pads=[1] * 4)
    y = b.node("Transpose", y, perm=[0, 2, 3, 1])
    y = b.pair(b.node("Add", y, b.constant(np.linspace(0, 1, 8))), A)
    y = b.node("Reshape", y, b.constant([-1, 512], np.int64))
    return b.model(b.node("Gemm", y, b.weights((10, 512), axis=0), b.biases(10), transB=1))


@kind
def channels_last_join():
    b = Pairs((8, 8, 3))
    x = b.node("Transpose", b.image(), perm=[0, 3, 1, 2])
    y, z = (
        b.node("Transpose", b.layer(x, (c, 3, 3, 3), s), perm=[0, 2, 3, 1])
        for c, s in ((8, A), (4, B))
    )
    y = b.pair(b.node("Concat", y, z, axis=3), A)
    y = b.layer(b.node("Transpose", y, perm=[0, 3, 1, 2]), (8, 12, 3, 3), A)
    y = b.node("Transpose", y, perm=[0, 2, 3, 1])
    return b.model(b.node("MatMul", b.node("Flatten", y), b.weights((128, 10))))


@kind
def operators_on_integers():
    b = Pairs((3, 8, 8))
    x, y, z, a, o = (scales(b, *part) for part in ((1 / 255,), (A, 30), (B, 90), (C, 60), (E, 100)))
    value = b.node("QuantizeLinear", "x", *x)
    steps = b.constant(np.linspace(0.003, 0.005, 8)), b.constant(np.zeros(8), np.int8)
    bias = b.constant(b.rng.integers(-2000, 2000, 8), np.int32)
    w = integers(b, (8, 3, 3, 3))
    value = b.node("QLinearConv", value, *x, w, *steps, *y, bias, pads=[1] * 4)
    value = b.node("MaxPool", value, kernel_shape=[2, 2], strides=[2, 2])
    w = scales(b, 0.0041, 0, np.int8)
    other = b.node("QLinearConv", value, *y, integers(b, (8, 8, 3, 3)), *w, *z, pads=[1] * 4)
    value = b.node("QLinearAdd", other, *z, value, *y, *a)
    value = b.node("Reshape", value, b.constant([1, -1], np.int64))
    value = b.node("QLinearMatMul", value, *a, integers(b, (128, 10)), *w, *o)
    return b.model(b.node("DequantizeLinear", value, *o))


@kind
def more_operators_on_integers():
    b = Pairs((3, 8, 8))
    x, y, s, z, o = (
        scales(b, *part) for part in ((1 / 255,), (D, 130), (SIGMOID,), (A, 9), (E, 100))
    )
    w = scales(b, 0.0041, 0, np.int8)
    value = b.node("QuantizeLinear", "x", *x)
    value = b.node("QLinearConv", value, *x, integers(b, (8, 3, 3, 3)), *w, *y)
    gate = b.node("QLinearSigmoid", value, *y, *s)
    leaky = b.node("QLinearLeakyRelu", value, *y, *z, alpha=0.1)
    value = b.node("QLinearMul", gate, *s, leaky, *z, *z)
    value = b.node("QLinearConcat", *z, value, *z, leaky, *z, axis=1)
    value = b.node("Flatten", value)
    bias = b.constant(b.rng.integers(-2000, 2000, 10), np.int32)
    value = b.node("QGemm", value, *z, integers(b, (10, 576)), *w, bias, *o, transB=1)
    return b.model(b.node("DequantizeLinear", value, *o))


@kind
def unsigned_weights():
    b = Pairs((3, 8, 8))
    w = b.weights((8, 3, 3, 3), dtype=np.uint8, zero=128)
    return ends(b, b.pair(b.node("Relu", b.node("Conv", b.image(), w)), A), 288)


@kind
def weights_with_a_zero_point():
    b = Pairs((3, 8, 8))
    w = b.weights((8, 3, 3, 3), dtype=np.uint8, zero=90)
    y = b.pair(b.node("Conv", b.image(), w, pads=[1] * 4), A, 60)
    w = b.weights((8, 8, 3, 3), dtype=np.uint8, zero=171, axis=0)
    return ends(b, b.pair(b.node("Conv", y, w, pads=[1] * 4), B, 90), 512)


@kind
def function_behind_a_flatten():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), D, 100)
    y = b.pair(b.node("Flatten", b.node("Tanh", y)), A, 60)
    return b.model(b.node("Gemm", y, b.weights((10, 288)), b.biases(10), transB=1))


@kind
def largest_of_the_image():
    b, y = start()
    y = b.node("ReduceMax", y, b.constant([2, 3], np.int64), keepdims=0)
    return b.model(b.node("Gemm", y, b.weights((10, 8)), b.biases(10), transB=1))


def four_bits(b, name, kind, values):
    values = np.asarray(values)
    b.constants.append(helper.make_tensor(name, kind, values.shape, values.ravel().tolist()))
    return name


@kind
def weights_of_4_bits():
    b = Pairs((3, 8, 8))
    w = four_bits(b, "w4", TensorProto.INT4, b.rng.integers(-8, 8, (8, 3, 3, 3)))
    zero = four_bits(b, "z4", TensorProto.INT4, 0)
    w = b.node("DequantizeLinear", w, b.constant(D), zero)
    return ends(b, b.pair(b.node("Relu", b.node("Conv", b.image(), w)), A), 288)


@kind
def codes_of_4_bits():
    b = Pairs((3, 8, 8))
    parts = b.constant(0.211), four_bits(b, "z4", TensorProto.INT4, -5)
    y = b.node("QuantizeLinear", b.conv(b.image(), (8, 3, 3, 3)), *parts)
    return ends(b, b.node("DequantizeLinear", y, *parts), 288)


@kind
def shapes_that_are_not_folded():
    b, y = start()
    number = lambda value: b.constant(value, np.int64)  # noqa: E731
    batch = b.node("Gather", b.node("Shape", y), number(0), axis=0)
    whole = b.node("Concat", b.node("Unsqueeze", batch, number([0])), number([-1]), axis=0)
    y = b.node("Reshape", y, whole)
    return b.model(b.node("Gemm", y, b.weights((10, 512)), b.biases(10), transB=1))


@kind
def integers_in_and_out():
    b = Pairs((3, 8, 8), TensorProto.INT8)
    y = b.layer(b.node("DequantizeLinear", "x", *scales(b, 1 / 128, -3, np.int8)), (8, 3, 3, 3), A)
    model = b.model(b.node("QuantizeLinear", b.head(y, 288), *scales(b, E, 5, np.int8)))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT8
    return model


@kind
def narrow_codes():
    b = Pairs((3, 8, 8))
    parts = scales(b, A, 0, np.int8)
    y = b.node("QuantizeLinear", b.conv(b.image(), (8, 3, 3, 3)), *parts)
    y = b.node("Clip", y, b.constant(-127, np.int8), b.constant(127, np.int8))
    return ends(b, b.node("DequantizeLinear", y, *parts), 288)


def function(op, opset=21, **attributes):
    def make():
        b = Pairs((3, 8, 8), opset=opset)
        y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), D, 100)
        return ends(b, b.pair(b.node(op, y, **attributes), A, 20), 288)

    KINDS[f"table_of_{op}"] = make


function("Sigmoid")
function("Tanh")
function("HardSigmoid", alpha=0.17)
function("HardSwish")
function("LeakyRelu", alpha=0.11)
function("Elu", alpha=0.9)
function("Selu")
function("Celu", alpha=1.3)
function("Softplus")
function("Softsign")
function("Gelu")
function("Mish")
function("Exp", opset=13)
function("Abs")
function("ThresholdedRelu", alpha=0.7)


@kind
def table_of_prelu():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), D, 100)
    y = b.node("PRelu", y, b.constant(np.linspace(-0.2, 0.4, 8).reshape(8, 1, 1)))
    return ends(b, b.pair(y, A, 60), 288)


@kind
def silu():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), D, 100)
    gate = b.pair(b.node("Sigmoid", y), SIGMOID)
    return ends(b, b.pair(b.node("Mul", y, gate), B, 10), 288)


@kind
def hard_swish_in_parts():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), D, 100)
    gate = b.node("Clip", b.node("Add", y, b.constant(3)), b.constant(0), b.constant(6))
    y = b.node("Mul", y, b.node("Div", gate, b.constant(6)))
    return ends(b, b.pair(y, B, 10), 288)


@kind
def gelu_in_parts():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), D, 100)
    gate = b.node("Erf", b.node("Div", y, b.constant(np.sqrt(2))))
    y = b.node("Mul", b.node("Mul", y, b.node("Add", gate, b.constant(1))), b.constant(0.5))
    return ends(b, b.pair(y, B, 10), 288)


@kind
def concat():
    b = Pairs((3, 8, 8))
    y, z = b.layer(b.image(), (8, 3, 3, 3), A), b.layer(b.image(), (5, 3, 3, 3), B)
    return ends(b, b.pair(b.node("Concat", y, z, axis=1), A), 468)


@kind
def concat_of_sums():
    b = Pairs((3, 8, 8))
    y, z = b.conv(b.image(), (8, 3, 3, 3)), b.conv(b.image(), (5, 3, 3, 3))
    return ends(b, b.pair(b.node("Concat", y, z, axis=1), A, 99), 468)


@kind
def concat_of_one_scale():
    b = Pairs((3, 8, 8))
    y, z = b.layer(b.image(), (8, 3, 3, 3), A), b.layer(b.image(), (5, 3, 3, 3), A)
    y = b.node("MaxPool", b.node("Concat", y, z, y, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    return ends(b, y, 189)


@kind
def add_of_two_layers():
    b = Pairs((3, 8, 8))
    y = b.pair(b.conv(b.image(), (8, 3, 3, 3)), A, 90)
    z = b.pair(b.conv(b.image(), (8, 3, 3, 3)), C, 120)
    return ends(b, b.pair(b.node("Relu", b.node("Add", y, z)), B), 288)


def resized(**attributes):
    b, y = start(pads=[0] * 4)
    scale = b.constant([1, 1, 2, 3])
    y = b.node("Resize", y, "", scale, mode="nearest", **attributes)
    return ends(b, b.layer(y, (4, 8, 3, 3), A), 640)


@kind
def upsampled():
    return resized(coordinate_transformation_mode="asymmetric", nearest_mode="floor")


@kind
def upsampled_by_centres():
    return resized()


@kind
def transposed_convolution():
    b, y = start(pads=[0] * 4)
    w = b.weights((8, 4, 2, 3), axis=1)
    y = b.node("Relu", b.node("ConvTranspose", y, w, b.biases(4), strides=[2, 3]))
    y = b.node("Mul", y, b.constant(np.linspace(0.5, 1, 4).reshape(4, 1, 1)))
    return ends(b, b.layer(b.pair(y, A), (4, 4, 3, 3), A), 640)


@kind
def depth_to_space():
    b, y = start()
    y = b.node("DepthToSpace", y, blocksize=2, mode="CRD")
    return ends(b, b.layer(y, (4, 2, 3, 3), A), 784)


@kind
def squeeze_and_excite():
    b, y = start()
    gate = b.pair(b.node("GlobalMaxPool", y), A)
    gate = b.layer(gate, (4, 8, 1, 1), A)
    gate = b.pair(b.conv(gate, (8, 4, 1, 1)), B, 128)
    gate = b.pair(b.node("HardSigmoid", gate), SIGMOID)
    return ends(b, b.pair(b.node("Mul", y, gate), A), 512)


@kind
def squeeze_and_excite_by_vectors():
    b, y = start()
    gate = b.node("Flatten", b.pair(b.node("GlobalMaxPool", y), A))
    gate = b.node("Gemm", gate, b.weights((8, 8)), b.biases(8), transB=1)
    gate = b.pair(b.node("Sigmoid", b.pair(gate, B, 128)), SIGMOID)
    gate = b.node("Reshape", gate, b.constant([-1, 8, 1, 1], np.int64))
    return ends(b, b.pair(b.node("Mul", gate, y), A), 512)
