import numpy as np
import pytest

from tests.truncmac.onnx.graphs import Builder, refused, rest, simple
from truncmac.golden import execute
from truncmac.onnx.importing import import_onnx


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


def parts(b):
    """Weights of two zero points, that of the first channel at the end."""
    values = [[[[0]], [[5]], [[255]]], [[[0]], [[5]], [[255]]]]
    return b.constant(values, np.uint8), b.constant([1, 1]), b.constant([0, 9], np.uint8)


def wide(b):
    return b.quant(b.constant(np.ones((3, 3, 2, 2))), 1.0, 4, signed=1)


def matrix(b):
    """Weights (48, 2) of a Gemm."""
    return b.quant(b.constant(np.ones((48, 2))), 1.0, 4, signed=1)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (lambda: simple(group=2), "Layer 'conv' takes 4 channels, but its input 'image' gives"),
        (lambda: simple(group=0), "Conv 'conv' must have a group in 1..65536, not 0"),
        (lambda: simple(dilations=[0, 2]), "Conv 'conv' must have dilations of two numbers of at"),
        (lambda: simple(auto_pad="SAME"), "Conv 'conv' has auto_pad = SAME, which has no form"),
        (
            lambda: simple(pads=[0, 0, 1, -1]),
            "Conv 'conv' must have pads of four numbers of at least 0, not [0, 0, 1, -1]",
        ),
        (
            lambda: simple(pads=[0, 0, 3, 0]),
            "Layer 'conv' must have a padding narrower than its window (3, 3), not (0, 0, 3, 0)",
        ),
        (
            lambda: rest(lambda b, y: b.node("Conv", b.node("Flatten", y), wide(b), name="c")),
            "Conv 'c' takes an image, not (48,)",
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
                    "Conv", y, b.node("DequantizeLinear", *parts(b), axis=0), name="c"
                )
            ),
            "Conv 'c' has weights with zero points that differ between channels; quantise them",
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
            "Conv 'c' has a scale of its weights that differs within an output channel",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Gemm", b.node("Flatten", y), matrix(b), alpha=2.0, name="g")
            ),
            "Gemm 'g' must have alpha = beta = 1 and transA = 0",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "Gemm", b.node("Flatten", y), matrix(b), b.constant([1, 2, 3]), name="g"
                )
            ),
            "Gemm 'g' has 3 biases for 2 channels",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("BatchNormalization", y, *[b.constant([1, 1])] * 4, name="n")
            ),
            "BatchNormalization 'n' must have four constants of 3 numbers",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("BatchNormalization", y, *[b.constant([-1] * 3)] * 4, name="n")
            ),
            "BatchNormalization 'n' must have variances above 0",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "BatchNormalization", y, *[b.constant([1] * 3)] * 4, training_mode=1, name="n"
                )
            ),
            "BatchNormalization 'n' is in training mode; export the model for inference",
        ),
        (
            lambda: simple(
                lambda b, x: b.node(
                    "Pad", x, b.constant([0, 0, 1, 1, 0, 0, 1, 1], int), b.constant(3)
                ),
                pads=[1, 1, 1, 1],
            ),
            "Conv 'conv' has pads of its own after a Pad with another value",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def test_one_scale_for_each_input_channel_will_do_if_they_are_equal(tmp_path):
    def graph(scale):
        w = lambda b: b.quant(b.constant(np.ones((1, 3, 1, 1))), scale, 4, signed=1)  # noqa: E731
        return rest(lambda b, y: b.node("Conv", y, w(b), name="c"))

    one, other = (
        import_onnx(b.save(y, tmp_path / "graph.onnx")).network
        for b, y in (graph(2.0), graph(np.full((1, 3, 1, 1), 2.0)))
    )
    assert one.layers == other.layers
    for name, array in one.tensors.items():
        np.testing.assert_array_equal(array, other.tensors[name])


def test_a_gemm_takes_weights_either_way(tmp_path):
    """Its weights are a matrix (I, O), or (O, I) where transB is 1."""
    networks = []
    for transposed in (0, 1):
        b, y = rest(lambda b, y: b.node("Flatten", y))
        values = np.random.default_rng(0).integers(-8, 8, (48, 5))
        w = b.quant(b.constant(values.T if transposed else values), 1.0, 4, signed=1)
        y = b.node("Gemm", y, w, b.constant([1, 2, 3, 4, 5]), transB=transposed, name="g")
        networks.append(import_onnx(b.save(y, tmp_path / "graph.onnx")).network)
    np.testing.assert_array_equal(networks[0].tensors["g.codes"], networks[1].tensors["g.codes"])
    np.testing.assert_array_equal(networks[0].tensors["g.codes"].T >> 4, values + 8)
