"""Means over pixels: exact where a layer of weights follows, else as their quantiser says."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from tests.truncmac.onnx.graphs import Builder, run
from truncmac.golden import AvgPool, Conv2d, Linear, execute
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options

STEP = 1 / 64  # of the codes before the mean: float32 is exact with it


def pooled(b, op, bits=4, zero=0):
    """An image of 4 x 6 pixels, of codes of few bits, and its mean."""
    x = b.quant("x", STEP, bits, zero=float(zero))
    at = {} if op != "AveragePool" else {"kernel_shape": [4, 6], "strides": [4, 6]}
    at |= {"axes": [2, 3], "keepdims": 1} if op == "ReduceMean" else {}
    return b.node(op, x, name="mean", **at)


def codes(count=40, bits=4):
    return np.random.default_rng(2).integers(0, 1 << bits, (count, 3, 4, 6)).astype(np.uint8)


def weights(b, *shape):
    integers = np.random.default_rng(1).integers(-127, 128, shape)
    return b.quant(b.constant(integers), 1.0, 8, signed=1)


def reals(images, zero=0):
    return (images.astype(np.float64) - zero) * STEP


@pytest.mark.parametrize("zero", [0, 5])
@pytest.mark.parametrize("op", ["GlobalAveragePool", "AveragePool", "ReduceMean"])
def test_a_linear_layer_of_means_rounds_nothing(op, zero, tmp_path):
    b = Builder((1, 3, 4, 6))
    flat = b.node("Flatten", pooled(b, op, zero=zero))
    y = b.node("Gemm", flat, weights(b, 5, 3), b.constant(np.arange(5) / 8), transB=1, name="fc")
    path = b.save(y, tmp_path / "graph.onnx")
    found = import_onnx(path)
    assert [type(layer) for layer in found.network.layers][-1] == Linear
    assert found.network.layers[-1].pixels == 24
    assert not [layer for layer in found.network.layers if isinstance(layer, AvgPool)]
    assert found.network.reduction(found.network.layers[-1]) == 72
    note = "Layer fc takes all pixels of a mean, each with the same weight: nothing is rounded, and"
    assert f"{note} its K is 24 times as long." in found.notes
    images = codes()
    tensor = run(onnx.load(path), reals(images, zero).astype(np.float32))[y]
    logits = execute(found.network, images, 8).logits
    unit = STEP / 24 / 2  # W = 2 w
    np.testing.assert_allclose(logits * unit, tensor, atol=unit / 2 + 1e-5)
    # A code of the mean's own is a whole number of STEP: far coarser than what is left
    assert np.abs(np.diff(np.unique(logits))).min() * unit < STEP / 8


@pytest.mark.parametrize("stride", [(2, 3), (1, 1)])
def test_a_convolution_of_1_x_1_behind_a_mean_is_one_of_its_windows(stride, tmp_path):
    b = Builder((1, 3, 4, 6))
    x = b.quant("x", STEP, 4)
    mean = b.node("AveragePool", x, kernel_shape=[2, 3], strides=list(stride))
    y = b.node("Relu", b.node("Conv", mean, weights(b, 5, 3, 1, 1)))
    y = b.quant(y, 0.0103, 8)
    path = b.save(y, tmp_path / "graph.onnx")
    network = import_onnx(path, Options(multiplier_bits=30)).network
    (layer,) = network.layers
    assert isinstance(layer, Conv2d)
    assert (layer.stride, network.tensors[f"{layer.name}.codes"].shape) == (
        stride,
        (5, 3, 2, 3),
    )
    images = codes()
    expected = run(onnx.load(path), reals(images).astype(np.float32))[y] / np.float32(0.0103)
    found = execute(network, images, 8).logits
    assert len(np.unique(found)) > 50
    assert (found != np.rint(expected)).mean() < 2e-3  # ties, and what float32 cannot tell


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize(("scale", "zero"), [(0.011, 0), (0.015, 30), (0.3, 0), (STEP / 24, 3)])
def test_means_of_a_scale_of_their_own_are_onnx_runtimes(scale, zero, kind, tmp_path):
    """Compared with ONNX Runtime code by code; halves alone may differ, by one."""
    b = Builder((1, 3, 4, 6))

    def pair(value, step, point, kind):
        ends = b.constant(step), b.constant(point, kind)
        level = b.node("QuantizeLinear", value, *ends)
        return level, b.node("DequantizeLinear", level, *ends)

    _, x = pair("x", STEP, 3, np.uint8)
    level, mean = pair(b.node("GlobalAveragePool", x), scale, zero, kind)
    w = b.constant(np.full((5, 3), 7), np.int8)
    w = b.node("DequantizeLinear", w, b.constant(1.0), b.constant(0, np.int8))
    fc = b.node("Gemm", b.node("Flatten", mean), w, transB=1)
    path = b.save(fc, tmp_path / "graph.onnx")
    network = import_onnx(path).network
    pool = next(layer for layer in network.layers if isinstance(layer, AvgPool))
    assert pool.out_bits == 8
    images = codes(300, bits=8) // (1 if scale > STEP / 9 else 18)
    model = onnx.load(path)
    element = TensorProto.INT8 if kind == np.int8 else TensorProto.UINT8
    model.graph.output.append(helper.make_tensor_value_info(level, element, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    given = reals(images, 3).astype(np.float32)
    expected = np.concatenate([session.run([level], {"x": one[None]})[0] for one in given])
    expected = expected.astype(int) + (128 if kind == np.int8 else 0)
    outputs = execute(network, images, 8).outputs[pool.name].astype(int)
    means = (images.astype(int).sum((2, 3), keepdims=True) - 72) * STEP / 24 / scale
    tie = np.isclose(means % 1, 0.5, atol=1e-5)
    assert (np.abs(outputs - expected)[tie] <= 1).all()
    np.testing.assert_array_equal(outputs[~tie], expected[~tie])
    assert len(np.unique(outputs)) > 3


def test_a_mean_that_is_rounded_down_is_not_rounded_up(tmp_path):
    b = Builder((1, 3, 4, 6))
    y = b.quant(pooled(b, "GlobalAveragePool"), STEP, 4, mode="FLOOR")
    y = b.node("Gemm", b.node("Flatten", y), weights(b, 5, 3), transB=1)
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    pool = next(layer for layer in network.layers if isinstance(layer, AvgPool))
    outputs = execute(network, codes(), 8).outputs[pool.name]
    np.testing.assert_array_equal(outputs, codes().astype(int).sum((2, 3), keepdims=True) // 24)


def test_elsewhere_a_mean_has_8_bits(tmp_path):
    """A maximum pool takes codes: of 4 bits they are 17 times as fine, exactly."""
    b = Builder((1, 3, 4, 6))
    mean = b.node("AveragePool", b.quant("x", STEP, 4, zero=5.0), kernel_shape=[2, 2])
    top = b.node("MaxPool", mean, kernel_shape=[3, 5])
    y = b.node("Gemm", b.node("Flatten", top), weights(b, 5, 3), transB=1)
    path = b.save(y, tmp_path / "graph.onnx")
    found = import_onnx(path)
    note = "A mean over pixels is rounded to 8 bits where the graph keeps its fraction."
    assert note in found.notes
    images = codes()
    outputs = execute(found.network, images, 8).outputs
    pool = next(layer for layer in found.network.layers if isinstance(layer, AvgPool))
    windows = np.lib.stride_tricks.sliding_window_view(images.astype(int), (2, 2), (2, 3))
    expected = np.floor(windows.sum((4, 5)) / 4 * 17 + 0.5)
    np.testing.assert_array_equal(outputs[pool.name], expected)


def test_one_mean_that_two_layers_read_is_there_once(tmp_path):
    b = Builder((1, 3, 4, 6))
    mean = b.quant(pooled(b, "GlobalAveragePool"), 0.011, 8)
    one = b.quant(b.node("Conv", mean, weights(b, 5, 3, 1, 1)), 0.5, 8)
    other = b.node("Conv", mean, weights(b, 5, 3, 1, 1))
    path = b.save(b.quant(b.node("Add", other, one), 0.5, 8), tmp_path / "graph.onnx")
    network = import_onnx(path).network
    assert sum(isinstance(layer, AvgPool) for layer in network.layers) == 1
