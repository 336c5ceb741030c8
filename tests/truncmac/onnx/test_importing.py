import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from tests.truncmac.onnx.graphs import DATA, Builder, refused, rest, run
from truncmac.golden import builtin_images, execute, load, predictions, save
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options


def test_a_network_of_brevitas_gives_the_codes_that_qonnx_computes():
    found = import_onnx(DATA / "brevitas_qonnx.onnx")
    images = builtin_images()[0][:100]
    model = ModelWrapper(str(DATA / "brevitas_qonnx.onnx"))
    context = run(model, images.astype(np.float32) / 255)
    execution = execute(found.network, images, 8)
    for layer, name, zero in (
        ("c1_Conv", "r1", 0),
        ("c2_Conv", "q2", 16),
        ("c2_Conv_same", "r2", 0),
        ("c3_Conv", "r3", 0),
    ):
        tensor = f"/{name}/act_quant/export_handler/Quant_output_0"
        scale = context[model.find_producer(tensor).input[1]][0]
        codes = np.rint(context[tensor] / scale) + zero
        assert len(np.unique(codes)) > 8
        # float32 cannot tell reals that lie so near a tie
        assert np.count_nonzero(codes != execution.outputs[layer]) <= codes.size * 2e-4, layer
    logits = context[model.graph.output[0].name]
    assert (predictions(execution.logits) == logits.argmax(1)).all()
    slope, offset = np.polyfit(execution.logits.ravel(), logits.ravel(), 1)
    # Logits keep their fractions to 1/2 of a sum's unit, and follow a code that differs
    close = np.abs(slope * execution.logits + offset - logits) < 2 * slope
    assert close.mean() > 0.98
    assert found.notes == (
        "An image's code stands for 0.00392157 * (code - 0).",
        "Halves round up; the graph rounds them to the even code.",
        "Adding, scaling or requantising codes takes a layer of weights of its own, 1 x 1.",
    )


def scales(rng, shape):
    """Powers of two, so that float32 computes exactly."""
    return np.exp2(rng.integers(-4, -1, shape)).astype(np.float32)


def weights(builder, rng, shape, bits, channel_axis=0, narrow=0):
    """A Quant with one scale for each output channel."""
    sizes = [1] * len(shape)
    sizes[channel_axis] = shape[channel_axis]
    scale = scales(rng, sizes)
    high = 1 << bits - 1
    integers = rng.integers(-high + narrow, high, shape)
    constant = builder.constant(integers * scale)
    return builder.quant(constant, scale, bits, signed=1, narrow=narrow)


def batch_norm(builder, rng, value, channels):
    """Slopes that are powers of two, some of them negative."""
    scale = scales(rng, channels) * rng.choice([-1, 1, 1], channels)
    parts = scale, rng.integers(-8, 9, channels), rng.integers(-8, 9, channels) / 4
    inputs = [builder.constant(part) for part in (*parts, np.full(channels, 4))]
    return builder.node("BatchNormalization", value, *inputs, epsilon=0.0)


def network_graph(bits, seed=0):
    """All that can be imported, in numbers that float32 holds exactly; codes and their tensors."""
    rng = np.random.default_rng(seed)
    b = Builder((1, 3, 9, 8))
    codes = {}

    def coded(layer, value, scale, width, **how):
        signed = how.get("signed", 0)
        tensor = b.quant(value, scale, width, mode="FLOOR", **how)
        codes[layer] = tensor, scale, (1 << width - 1) if signed else 0
        return tensor

    image = b.quant("x", 1 / 16, 8, mode="FLOOR")
    x = b.node("Conv", image, weights(b, rng, (6, 3, 3, 3), 8), name="one", pads=[1, 1, 1, 1])
    x = b.node("Relu", batch_norm(b, rng, x, 6))
    x = coded("one", x, 2.0, 4)
    y = b.node(
        "Conv",
        x,
        weights(b, rng, (6, 6, 3, 3), bits),
        b.constant(rng.integers(-9, 9, 6)),
        name="two",
        pads=[1, 1, 1, 1],
    )
    y = b.node("Mul", y, b.constant(scales(rng, (6, 1, 1))))
    y = b.node("Add", b.node("Div", y, b.constant(4)), x)
    y = coded("two", y, 1.0, 6, signed=1)
    x = b.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], name="max")
    y = b.node("Sub", x, b.constant(rng.integers(-3, 3, (1, 6, 1, 1))))
    y = coded("max_same", y, 2.0, 5)
    y = b.node(
        "Conv",
        y,
        weights(b, rng, (8, 6, 2, 1), bits),
        name="three",
        strides=[1, 2],
        pads=[1, 0, 1, 0],
    )
    y = b.node("Relu", y)
    y = coded("three", y, 4.0, 4)
    y = b.node("GlobalAveragePool", y, name="mean")
    y = b.quant(y, 4.0, 4, mode="HALF_UP")
    y = b.node("Reshape", y, b.constant([1, -1], np.int64), name="flat")
    y = b.node("MatMul", y, weights(b, rng, (8, 7), bits, channel_axis=1), name="four")
    y = coded("four", b.node("Add", y, b.constant(rng.integers(-9, 9, 7))), 0.5, 7, signed=1)
    w = b.node("Transpose", weights(b, rng, (7, 5), bits, 1), perm=[1, 0])
    y = b.node("Gemm", y, w, b.constant(rng.integers(-9, 9, 5)), name="five", transB=1)
    return b, y, codes


@pytest.mark.parametrize("bits", [8, 5, 4, 3, 2])
def test_every_kind_of_layer_gives_exactly_what_qonnx_computes(bits, tmp_path):
    b, output, codes = network_graph(bits, seed=bits)
    found = import_onnx(b.save(output, tmp_path / "graph.onnx"))
    network = found.network
    save(network, tmp_path / "network.safetensors")
    assert load(tmp_path / "network.safetensors").layers == network.layers
    images = np.random.default_rng(1).integers(0, 256, (12, 3, 9, 8), np.uint8)
    context = run(b.model(output), images.astype(np.float32) / 16)
    for k in range(bits, 9):
        execution = execute(network, images, k)
        for layer, (tensor, scale, zero) in codes.items():
            expected = context[tensor] / scale + zero
            np.testing.assert_array_equal(execution.outputs[layer], expected, err_msg=layer)
            assert len(np.unique(expected)) > 2, layer
        assert (predictions(execution.logits) == context[output].argmax(1)).mean() > 0.9
    assert [layer.bits for layer in network.products][:2] == [8, None]


@pytest.mark.parametrize("k", [4, 3, 2, 1])
def test_truncated_weights_are_the_floors_of_the_integers(k, tmp_path):
    """Zero points are folded in anew for each k; the judge gets weights already truncated."""

    def graph(truncated):
        rng = np.random.default_rng(3)
        b = Builder((1, 2, 6, 6))
        image = b.quant("x", 1.0, 8, signed=1, mode="FLOOR")
        x = image
        for name, shape, scale in (("one", (4, 2, 3, 3), 16.0), ("two", (5, 4, 3, 3), 64.0)):
            integers = rng.integers(-8, 8, shape)
            step = 1 << 4 - k if truncated else 1
            value = b.constant(integers // step * step)
            w = b.quant(value, 1.0, 4, signed=1)
            x = b.node("Conv", x, w, name=name, pads=[1, 1, 1, 1])
            x = b.node("Add", x, b.constant(rng.integers(-90, 90, (shape[0], 1, 1))))
            x = b.quant(x, scale, 5, signed=1, mode="FLOOR")
        return b, x

    b, output = graph(truncated=False)
    options = Options(widths=(k,), edge_bits=None)
    network = import_onnx(b.save(output, tmp_path / "graph.onnx"), options).network
    images = np.random.default_rng(1).integers(0, 256, (8, 2, 6, 6), np.uint8)
    judge, judged = graph(truncated=True)
    context = run(judge.model(judged), images.astype(np.float32) - 128)
    expected = context[judged] / 64 + 16
    np.testing.assert_array_equal(execute(network, images, k).logits, expected)
    assert len(np.unique(expected)) > 3
    assert [layer.pad_code for layer in network.layers] == [128, 16]


def test_the_file_names_the_network(tmp_path):
    b, output, _ = network_graph(4)
    assert import_onnx(b.save(output, tmp_path / "mine.onnx")).network.name == "mine"


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("LSTM", y, name="l")),
            "LSTM 'l' has no integer form. Known are Abs, Add, ArgMax, AveragePool, ",
        ),
        (
            lambda: rest(lambda b, y: b.constant(1.0)),
            "The graph's output 'c15' is not made of the image",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
