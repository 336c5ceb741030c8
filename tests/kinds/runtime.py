"""Graphs of QuantizeLinear pairs, and ONNX Runtime as the judge of what is made of them."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from tests.truncmac.onnx.graphs import Builder
from truncmac.golden import execute
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options

MICROSOFT = ("QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearSigmoid", "QLinearLeakyRelu")
MICROSOFT += ("QLinearSoftmax", "QLinearAveragePool", "QLinearGlobalAveragePool", "QGemm")


class Pairs(Builder):
    """A builder of graphs with quantisers in pairs, and 8-bit weights."""

    def __init__(self, shape, kind=TensorProto.FLOAT, seed=0, opset=21):
        super().__init__((1, *shape), kind)
        self.rng, self.opset = np.random.default_rng(seed), opset

    def node(self, op, *inputs, name=None, **attributes):
        found = super().node(op, *inputs, name=name, **attributes)
        if op in MICROSOFT or (op == "Gelu" and self.opset < 20):
            self.nodes[-1].domain = "com.microsoft"
        return found

    def pair(self, value, scale, zero=0, dtype=np.uint8):
        parts = self.constant(scale), self.constant(zero, dtype)
        return self.node("DequantizeLinear", self.node("QuantizeLinear", value, *parts), *parts)

    def image(self):
        return self.pair("x", 1 / 255)

    def weights(self, shape, scale=0.004, axis=None, dtype=np.int8, zero=0):
        integers = self.rng.integers(-127, 128, shape) + (128 if dtype == np.uint8 else 0)
        steps = scale if axis is None else scale * self.rng.uniform(0.5, 1.5, shape[axis])
        zeros = np.full(np.shape(steps), zero)
        parts = [self.constant(integers, dtype), self.constant(steps), self.constant(zeros, dtype)]
        return self.node("DequantizeLinear", *parts, **({} if axis is None else {"axis": axis}))

    def biases(self, count, scale=0.5):
        return self.constant(self.rng.normal(size=count) * scale)

    def conv(self, value, shape, *, bias=True, axis=None, **attributes):
        inputs = [value, self.weights(shape, axis=axis)]
        inputs += [self.biases(shape[0])] if bias else []
        return self.node("Conv", *inputs, **attributes)

    def layer(self, value, shape, scale=0.02, **attributes):
        """A convolution with a Relu and its quantiser."""
        return self.pair(self.node("Relu", self.conv(value, shape, **attributes)), scale)

    def head(self, value, features):
        """Logits of a flattened image."""
        return self.node(
            "Gemm",
            self.node("Flatten", value),
            self.weights((10, features)),
            self.biases(10),
            transB=1,
        )

    def model(self, output):
        model = super().model(output)
        model.opset_import[0].version = self.opset
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        model.ir_version = 10
        return model


def outputs(model, reals, names=()):
    """Tensors of a model by name, as ONNX Runtime computes them without optimisations."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    known = {entry.name for entry in model.graph.output}
    for name in names:
        if name not in known:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    wanted = [entry.name for entry in session.get_outputs()]
    name = session.get_inputs()[0].name
    found = [session.run(wanted, {name: image[None]}) for image in reals]
    return {key: np.concatenate([values[i] for values in found]) for i, key in enumerate(wanted)}


def judged(model, path, *, count=8, bits=8, feed=None, least=1, share=2e-3):
    """Import a model; every tensor that codes stand for must be what ONNX Runtime computes.

    Parameters
    ----------
    feed : makes the graph's input of codes (n, C, H, W); None: code / 255
    least : so many tensors are compared at least
    share : of codes may be off by one, for float32 cannot tell reals that lie so near a tie
    """
    path.write_bytes(model.SerializeToString())
    found = import_onnx(path, Options(widths=(bits,), multiplier_bits=24))
    image = found.network.image
    shape = (count, image.channels, image.height, image.width)
    codes = np.random.default_rng(1).integers(0, 1 << image.bits, shape, np.uint8)
    reals = (codes / 255).astype(np.float32) if feed is None else feed(codes)
    names = {node.output[0] for node in model.graph.node} & set(found.streams)
    right = outputs(model, reals, sorted(names))
    execution = execute(found.network, codes, bits)
    compared = 0
    for name in names:
        stream, expected = found.streams[name], right[name]
        if expected.dtype != np.float32 or stream.layer not in execution.outputs:
            continue
        steps = expected / np.float32(stream.scale) + stream.zero
        given = execution.outputs[stream.layer].astype(int)
        if name in found.turned and steps.ndim > 2:
            steps = np.moveaxis(steps, -1, 1)
        if given.size != steps.size:
            continue
        off = np.abs(given - steps.reshape(given.shape))
        assert off.max() < 1.01, (name, off.max(), (off > 0.5).mean(), stream)
        assert (off > 0.5).mean() <= share, (name, (off > 0.5).mean(), stream)
        assert stream.layer in ("image",) or len(np.unique(given)) > 2, name
        compared += 1
    assert compared >= least
    logits = execution.logits.reshape(count, -1)
    last = right[model.graph.output[0].name].reshape(count, -1)
    return found, logits, last


def follow(logits, right, step):
    """Logits are those of the judge, in their own unit and but for what a few codes are off."""
    slope, offset = np.polyfit(logits.ravel(), right.ravel(), 1)
    assert slope > 0
    assert np.abs(slope * logits + offset - right).max() < step
