import numpy as np
import pytest
from onnx import TensorProto

from tests.truncmac.onnx.graphs import Builder, refused, rest, simple
from truncmac.golden import NetworkFileError, execute
from truncmac.onnx.importing import import_onnx


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


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: simple(lambda b, x: b.quant("x", 2.0, 8)),
            "quantises the image in another way than an earlier node",
        ),
        (
            lambda: simple(lambda b, x: b.node("Mul", x, b.constant(-1))),
            "Conv 'conv' has an input whose factor is not above 0",
        ),
        (
            lambda: rest(lambda b, y: b.quant(b.node("Mul", "x", b.constant(-1)), 1, 8, name="q")),
            "Quant 'q' quantises an image whose factor is not above 0",
        ),
        (
            lambda: simple(lambda b, x: b.node("Sub", "x", b.constant(0.3))),
            "Conv 'conv' has an image less a mean that is no whole number of 1/255; put a Quant",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Flatten", b.constant(np.ones((1, 2, 2, 2))), name="f")
            ),
            "Flatten 'f' has an input that is not quantised; put a Quant before it",
        ),
        (
            lambda: simple(
                lambda b, x: b.node(
                    "Flatten", b.node("Pad", x, b.constant([0, 0, 1, 1] * 2, int)), name="f"
                )
            ),
            "Flatten 'f' must not follow a Pad",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
