import numpy as np
import onnxruntime
import pytest

from tests.truncmac.onnx.graphs import DATA, Builder, refused, rest
from truncmac.golden import NetworkFileError, builtin_images, execute, predictions
from truncmac.onnx.importing import import_onnx


def zeros(b, values):
    """A zero point of uint8."""
    return b.constant(values, np.uint8)


def eight(b, values):
    """A zero point of int8."""
    return b.constant(values, np.int8)


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


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("QuantizeLinear", y, b.constant([1, 2]), name="q")),
            "QuantizeLinear 'q' must have one scale, not one for each channel",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("QuantizeLinear", y, b.constant(1), zeros(b, [0, 1]), name="q")
            ),
            "QuantizeLinear 'q' must have one scale, or one for each channel",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "QuantizeLinear", y, b.constant([1, 2]), zeros(b, [0, 1]), name="q"
                )
            ),
            "QuantizeLinear 'q' must have one zero point, not one for each channel",
        ),
        (
            lambda: rest(lambda b, y: b.node("QuantizeLinear", y, b.constant(0), name="q")),
            "QuantizeLinear 'q' must have a scale above 0",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "QuantizeLinear", y, b.constant(1), b.constant(0, np.int16), name="q"
                )
            ),
            "QuantizeLinear 'q' makes integers of type int16; known are uint8 and int8",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("QuantizeLinear", y, b.constant(1), block_size=2, name="q")
            ),
            "QuantizeLinear 'q' has block_size, which has no form here",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "QuantizeLinear",
                    b.constant(np.ones((2, 2))),
                    b.constant([1, 2, 3]),
                    zeros(b, [0]),
                    name="q",
                )
            ),
            "QuantizeLinear 'q' has 3 scales along axis 1 of (2, 2)",
        ),
        (
            lambda: rest(lambda b, y: b.node("DequantizeLinear", y, b.constant(1), name="d")),
            "DequantizeLinear 'd' takes something other than integers",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "DequantizeLinear",
                    b.node(
                        "Clip",
                        b.node("QuantizeLinear", y, b.constant(1), zeros(b, [0])),
                        b.constant(9),
                        b.constant(9),
                    ),
                    b.constant(1),
                    zeros(b, [0]),
                    name="d",
                )
            ),
            "DequantizeLinear 'd' takes the level 9 alone",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def test_constants_are_quantised_in_the_graph(tmp_path):
    """Weights by a QuantizeLinear of their own, as some exporters leave them, and a bias."""
    b = Builder((1, 2, 4, 4))
    values = np.random.default_rng(0).integers(-8, 8, (3, 2, 1, 1))
    scale = b.constant([0.5, 1.0, 2.0])
    integers = b.node("QuantizeLinear", b.constant(values), scale, eight(b, [0] * 3), axis=0)
    w = b.node("DequantizeLinear", integers, scale, eight(b, [0] * 3), axis=0)
    hundreds = b.constant([160, -320, 480], np.int32)
    bias = b.node("DequantizeLinear", hundreds, b.constant(4), b.constant(0, np.int32))
    y = b.node("Conv", b.quant("x", 1.0, 8, mode="FLOOR"), w, bias)
    y = b.quant(y, 16.0, 8, signed=1, mode="FLOOR")
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 4, 4), np.uint8)
    steps = np.array([0.5, 1, 2]).reshape(3, 1, 1, 1)
    reals = np.einsum("oi,bihw->bohw", (np.rint(values / steps) * steps)[..., 0, 0], images)
    reals += 4 * np.array([160, -320, 480]).reshape(3, 1, 1)
    expected = np.clip(np.floor(reals / 16), -128, 127) + 128
    assert len(np.unique(expected)) > 50
    np.testing.assert_array_equal(execute(network, images, 8).logits, expected)
