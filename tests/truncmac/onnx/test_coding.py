import numpy as np
import pytest

from tests.truncmac.onnx.graphs import Builder, refused, rest, run
from truncmac.golden import execute
from truncmac.onnx.importing import import_onnx


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


def weight(b):
    return b.quant(b.constant(np.ones((3, 3, 1, 1))), 1.0, 4, signed=1)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.quant(b.node("Floor", y), 2.0, 4, name="q")),
            "Quant 'q' must have scale 1 after Floor",
        ),
        (
            lambda: rest(
                lambda b, y: b.quant(
                    b.node("Mul", b.node("Conv", y, weight(b)), y), 2.0, 4, name="q"
                )
            ),
            "multiplies sums that are not quantised; put a Quant before it",
        ),
        (
            lambda: rest(
                lambda b, y: b.quant(
                    b.quant(b.constant(np.ones((1, 3))), 1, 4, signed=1), 1, 4, signed=1, name="q"
                )
            ),
            "Quant 'q' quantises something that is neither sums nor codes nor a constant",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
