import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto
from qonnx.core.modelwrapper import ModelWrapper

from tests.truncmac.onnx.graphs import Builder, run
from truncmac.golden import NetworkFileError, builtin_images, execute, load, predictions, save
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options

DATA = Path(__file__).parent / "data"


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


def test_quantize_linear_pairs_give_the_same_network():
    """Brevitas writes the same network both ways; weights use the bits that their Clip leaves."""
    one = import_onnx(DATA / "brevitas_qonnx.onnx").network
    other = import_onnx(DATA / "brevitas_qcdq.onnx").network
    assert other.layers == one.layers
    images, labels = builtin_images()
    session = onnxruntime.InferenceSession(DATA / "brevitas_qcdq.onnx")
    name = session.get_inputs()[0].name
    logits = np.concatenate(
        [session.run(None, {name: image[None]})[0] for image in images.astype(np.float32) / 255]
    )
    for bits in (8, 4):
        found = execute(other, images, bits)
        assert (predictions(found.logits) == logits.argmax(1)).mean() > 0.99
        assert (predictions(found.logits) == labels).mean() > 0.95
        same = execute(one, images, bits).outputs
        for layer, values in found.outputs.items():
            assert np.mean(values == same[layer]) > 0.999, layer


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


def test_weights_of_one_bit_are_the_same_at_each_k(tmp_path):
    rng = np.random.default_rng(4)
    b = Builder((1, 4))
    image = b.quant("x", 1.0, 8, mode="FLOOR")
    w = b.node("BipolarQuant", b.constant(rng.normal(size=(6, 4))), b.constant(0.5))
    y = b.node("Gemm", image, w, b.constant(np.full(6, 0.3)), transB=1)  # far from any tie
    y = b.quant(y, 2.0, 6, mode="FLOOR")
    network = import_onnx(b.save(y, tmp_path / "graph.onnx"), Options(edge_bits=None)).network
    images = rng.integers(0, 256, (20, 4, 1, 1), np.uint8)
    expected = run(b.model(y), images[:, :, 0, 0].astype(np.float32))[y] / 2
    assert len(np.unique(expected)) > 5
    for k in range(1, 9):
        np.testing.assert_array_equal(execute(network, images, k).logits, expected)


def test_images_without_a_quantiser_are_codes_that_stand_for_0_to_1(tmp_path):
    b = Builder((1, 2, 3, 3))
    x = b.node("Mul", b.node("Sub", "x", b.constant(51 / 255)), b.constant(4))
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    y = b.quant(b.node("Conv", x, w, name="one"), 0.25, 6)
    found = import_onnx(b.save(y, tmp_path / "graph.onnx"))
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 3, 3), np.uint8)
    reals = 4 * (images.astype(float) / 255 - 0.2).sum(1) / 0.25
    expected = np.clip(np.floor(reals + 0.5), 0, 63)
    logits = execute(found.network, images, 8).logits
    np.testing.assert_array_equal(logits, np.broadcast_to(expected[:, None], logits.shape))
    assert "An image's code stands for 0.00392157 * (code - 0)." in found.notes


def test_an_input_of_bytes_is_codes(tmp_path):
    b = Builder((1, 2, 3, 3), TensorProto.UINT8)
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    y = b.node("Cast", "x", to=TensorProto.FLOAT)
    y = b.node("Softmax", b.node("Flatten", b.quant(b.node("Conv", y, w), 8.0, 8)))
    with pytest.raises(NetworkFileError, match="must be the last node, after the logits"):
        import_onnx(b.save(y, tmp_path / "graph.onnx"))
    b.nodes[-1].input[0] = b.nodes[-4].output[0]
    found = import_onnx(b.save(y, tmp_path / "graph.onnx"))
    assert "Softmax is left out: the logits put an image into the same class." in found.notes
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 3, 3), np.uint8)
    logits = execute(found.network, images, 8).logits
    ratio = logits[:, 0] / images.sum(1)
    np.testing.assert_allclose(ratio, ratio.max())


def test_signed_codes_after_a_relu_use_their_upper_half(tmp_path):
    b = Builder((1, 2, 5, 5))
    w = b.quant(b.constant(np.random.default_rng(3).normal(size=(3, 2, 3, 3))), 0.25, 4, signed=1)
    y = b.node("Relu", b.node("Conv", b.quant("x", 1.0, 8, mode="FLOOR"), w, name="one"))
    y = b.quant(y, 8.0, 5, signed=1, narrow=1, mode="FLOOR")
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 5, 5), np.uint8)
    expected = run(b.model(y), images.astype(np.float32))[y] / 8
    assert set(np.unique(expected)) >= {0, 15}
    np.testing.assert_array_equal(execute(network, images, 8).logits, expected)
    assert network.products[0].out_bits == 4


def test_batch_norms_have_their_epsilon(tmp_path):
    b = Builder((1, 2, 5, 5))
    w = b.quant(b.constant(np.ones((1, 2, 1, 1))), 1.0, 4, signed=1)
    y = b.node("Conv", b.quant("x", 1.0, 8, mode="FLOOR"), w)
    parts = [b.constant([value]) for value in (1.0, 0.5, 0.0, 0.25)]
    y = b.quant(b.node("BatchNormalization", y, *parts, epsilon=15.75), 1.0, 8, mode="FLOOR")
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 5, 5), np.uint8)
    expected = np.floor(images.sum(1, dtype=int) / 4 + 0.5)[:, None]
    np.testing.assert_array_equal(execute(network, images, 8).logits, expected)


@pytest.mark.parametrize(("scale", "zero"), [(2.0, 0), (1.0, 1)])
def test_pairs_that_differ_are_refused(scale, zero, tmp_path):
    b = Builder((1, 2, 3, 3))
    q = b.node("QuantizeLinear", "x", b.constant(1.0), b.constant(0, np.uint8))
    x = b.node("DequantizeLinear", q, b.constant(scale), b.constant(zero, np.uint8), name="d")
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 8, signed=1)
    path = b.save(b.node("Conv", x, w), tmp_path / "graph.onnx")
    message = "DequantizeLinear 'd' must have the scale and zero point of its QuantizeLinear"
    with pytest.raises(NetworkFileError, match=message):
        import_onnx(path)


def simple(change=lambda b, x: x, shape=(1, 2, 6, 6), kernel=None, **conv):
    """A quantised image, what `change` makes of it, and a convolution of 8-bit weights."""
    b = Builder(shape)
    x = change(b, b.quant("x", 1.0, 8, name="image"))
    value = np.ones((3, 2, 3, 3)) if kernel is None else kernel
    w = b.quant(b.constant(value), 1.0, 8, signed=1, name="w")
    y = b.node("Conv", x, w, name="conv", **conv)
    return b, b.quant(y, 1.0, 4, name="out")


def rest(change, *arguments, **options):
    """`simple`, and `change` behind it."""
    b, y = simple()
    return b, change(b, y, *arguments, **options)


ONES = np.ones((3, 2, 3, 3))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("Sigmoid", y, name="s")),
            "Sigmoid 's' has no integer form. Known are Add, AveragePool, ",
        ),
        (lambda: simple(group=2), "Conv 'conv' has group = 2; it must be 1"),
        (lambda: simple(dilations=[2, 2]), "Conv 'conv' has dilations = [2, 2]; it must be [1, 1]"),
        (lambda: simple(auto_pad="SAME_UPPER"), "Conv 'conv' has auto_pad = SAME_UPPER"),
        (
            lambda: simple(pads=[0, 0, 1, 1]),
            "Conv 'conv' must have the same pads on opposite sides, not [0, 0, 1, 1]",
        ),
        (
            lambda: simple(strides=[0, 1]),
            "Conv 'conv' must have strides of two numbers of at least 1, not [0, 1]",
        ),
        (lambda: simple(kernel_shape=[5, 5]), "Conv 'conv' has a kernel_shape that is not its"),
        (lambda: simple(kernel=np.ones((3, 2, 9))), "Conv 'conv' must have weights of 4 dim"),
        (lambda: simple(kernel=np.ones((3, 4, 1, 1))), "Layer 'conv' takes 4 channels, but its"),
        (lambda: simple(kernel=np.ones((3, 2, 7, 7))), "Layer 'conv' takes at least one window"),
        (lambda: simple(ceil=1), "Conv 'conv' has the attribute 'ceil', which has no form here"),
        (
            lambda: simple(shape=("n", 2, "h", 6)),
            "Input 'x' must have the shape (batch, channels, height, width) or (batch, features), "
            "fixed but for the batch, not (None, 2, None, 6)",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Conv", y, b.constant(np.ones((1, 3, 1, 1))), name="c")
            ),
            "Conv 'c' has weights that are not quantised to at most 8 bits; put a Quant before",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "Conv", y, b.quant(b.constant(np.ones((1, 3, 1, 1))), 1, 12, signed=1), name="c"
                )
            ),
            "Conv 'c' has weights that are not quantised to at most 8 bits; put a Quant before",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "Conv", y, b.quant(b.constant(np.ones((1, 3, 1, 1))), 1, 4), name="c"
                )
            ),
            "Conv 'c' has weights with a zero point, or unsigned ones; quantise them symmetrically",
        ),
        (
            lambda: rest(
                lambda b, y: b.quant(b.constant(np.ones((1, 3))), 1, 4, signed=1, zero=1, name="q")
            ),
            "Quant 'q' has weights with a zero point; quantise them symmetrically",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "Conv",
                    y,
                    b.quant(
                        b.constant(np.ones((1, 3, 1, 1))), np.ones((1, 3, 1, 1)) + 1, 4, signed=1
                    ),
                    name="c",
                )
            ),
            None,
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "Conv",
                    y,
                    b.quant(
                        b.constant(np.ones((1, 3, 1, 1))),
                        np.arange(1, 4).reshape(1, 3, 1, 1),
                        4,
                        signed=1,
                    ),
                    name="c",
                )
            ),
            "Conv 'c' has weights' scale that differ within an output channel",
        ),
        (
            lambda: rest(lambda b, y: b.quant(b.node("Relu", y), 1, 4, narrow=1, name="q")),
            "Quant 'q' makes activations of a narrow range; only weights may have one",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 9, name="q")),
            "Quant 'q' makes activations of 9 bits; they must have 1 to 8",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 2.5, name="q")),
            "Quant 'q' must have a bit width in 1..32, not 2.5",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 0.0, 4, name="q")),
            "Quant 'q' must have a scale above 0",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 4, mode="CEIL", name="q")),
            "Quant 'q' rounds by CEIL; known are ",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, [[1.0, 2.0, 3.0]], 4, name="q")),
            "Quant 'q' must have one scale, not one for each channel",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 1, signed=1, name="q")),
            "Quant 'q' makes activations of one bit, -1 and 1; only weights may be",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 4, zero=0.5, name="q")),
            "Quant 'q' must have a zero point in -32768..32768, not 0.5",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 4, zero=99, name="q")),
            "Quant 'q' has a zero point that 4 bits do not hold",
        ),
        (
            lambda: rest(lambda b, y: b.node("Trunc", y, *[b.constant(1)] * 5, name="t")),
            "Trunc 't' truncates what are not quantised weights",
        ),
        (
            lambda: rest(lambda b, y: b.node("Mul", y, y, name="m")),
            "Mul 'm' multiplies two tensors; one must be a constant",
        ),
        (
            lambda: rest(lambda b, y: b.node("Div", y, b.constant(0), name="d")),
            "Div 'd' divides by 0",
        ),
        (
            lambda: simple(
                lambda b, x: b.node("Pad", x, b.constant([0, 0, 1, 0, 0, 0, 0, 0], int))
            ),
            "must pad alike on opposite sides, or behind the channels",
        ),
        (
            lambda: simple(
                lambda b, x: b.node(
                    "Pad", x, b.constant([0, 0, 1, 0, 0, 0, 1, 0], int), b.constant(0.5)
                )
            ),
            "pads with a value that is no code",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "MaxPool", y, name="p", kernel_shape=[2, 2], ceil_mode=1, strides=[2, 2]
                )
            ),
            "MaxPool 'p' must have ceil_mode = 0",
        ),
        (
            lambda: rest(lambda b, y: b.node("MaxPool", y, name="p", kernel_shape=[7, 7])),
            "Layer 'p' takes at least one window, but its input 'conv' gives (3, 4, 4)",
        ),
        (
            lambda: rest(lambda b, y: b.node("Flatten", y, name="f", axis=2)),
            "Flatten 'f' must have axis = 1",
        ),
        (
            lambda: rest(lambda b, y: b.node("Reshape", y, b.constant([1, 3, 16], int), name="r")),
            "Reshape 'r' must give (batch, 48), not (1, 3, 16)",
        ),
        (
            lambda: rest(lambda b, y: b.node("Add", y, b.constant(np.ones((3, 4, 4))), name="a")),
            "Add 'a' has a constant of shape (3, 4, 4) for 3 channels",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Floor", b.node("Relu", b.node("Floor", y)), name="f")
            ),
            "comes after a Relu or Floor without a Quant between them",
        ),
        (
            lambda: rest(lambda b, y: b.node("Round", y, name="r")),
            "Round 'r' rounds what is not the whole sum of codes; use a Quant",
        ),
        (
            lambda: rest(lambda b, y: b.node("Transpose", y, name="t")),
            "Transpose 't' transposes what is no matrix of weights",
        ),
        (
            lambda: rest(lambda b, y: b.node("Clip", y, b.constant(0), b.constant(6), name="c")),
            "Clip 'c' limits what is not quantised; use a Relu and a Quant",
        ),
        (
            lambda: rest(lambda b, y: b.constant(1.0)),
            "The graph's output 'c15' is not made of the image",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused_by_op_and_node(graph, message, tmp_path):
    b, output = graph()
    path = b.save(output, tmp_path / "graph.onnx")
    if message is None:
        import_onnx(path)
        return
    with pytest.raises(NetworkFileError, match=re.escape(message)) as error:
        import_onnx(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_sums_of_two_layers_are_refused(tmp_path):
    b = Builder((1, 2, 3, 3))
    x = b.quant("x", 1.0, 8)
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 8, signed=1)
    y = b.node("Add", b.node("Conv", x, w), b.node("Conv", x, w), name="add")
    message = "Add 'add' adds the sums of two layers; put a Quant after one of them"
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        import_onnx(b.save(y, tmp_path / "graph.onnx"))


def test_multipliers_that_are_too_narrow_are_refused_by_layer(tmp_path):
    b = Builder((1, 2, 3, 3))
    w = b.quant(b.constant(np.full((2, 2, 1, 1), 1e9)), 1e9, 8, signed=1)
    y = b.quant(b.node("Conv", b.quant("x", 1.0, 8), w, name="conv"), 1.0, 8)
    message = "Layer 'conv' at k = 8: Requantisation scale must be at most 131071 for 18-bit"
    with pytest.raises(NetworkFileError, match=message):
        import_onnx(b.save(y, tmp_path / "graph.onnx"))


def test_the_file_names_the_network(tmp_path):
    b, output, _ = network_graph(4)
    assert import_onnx(b.save(output, tmp_path / "mine.onnx")).network.name == "mine"
