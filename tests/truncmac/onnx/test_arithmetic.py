import re

import numpy as np
import pytest

from tests.truncmac.onnx.graphs import Builder, refused, rest, run
from truncmac.golden import NetworkFileError, execute
from truncmac.onnx.importing import import_onnx


def test_sums_of_two_layers_are_refused(tmp_path):
    b = Builder((1, 2, 3, 3))
    x = b.quant("x", 1.0, 8)
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 8, signed=1)
    y = b.node("Add", b.node("Conv", x, w), b.node("Conv", x, w), name="add")
    message = "Add 'add' adds the sums of two layers; put a Quant after one of them"
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        import_onnx(b.save(y, tmp_path / "graph.onnx"))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(
                lambda b, y: b.node("Mul", y, b.node("MaxPool", y, kernel_shape=[2, 2]), name="m")
            ),
            "Mul 'm' multiplies tensors of shapes (3, 4, 4) and (3, 3, 3)",
        ),
        (
            lambda: rest(lambda b, y: b.node("Div", y, b.constant(0), name="d")),
            "Div 'd' divides by 0",
        ),
        (
            lambda: rest(lambda b, y: b.node("Add", y, b.constant(np.ones((3, 4, 4))), name="a")),
            "Add 'a' has a constant of shape (3, 4, 4) for 3 channels",
        ),
        (
            lambda: rest(lambda b, y: b.node("Add", y, b.node("Flatten", y), name="a")),
            "Add 'a' adds tensors of different shapes",
        ),
        (
            lambda: rest(lambda b, y: b.node("Add", b.node("Add", y, y), y, name="a")),
            "Add 'a' adds a second residual; put a Quant between them",
        ),
        (
            lambda: rest(lambda b, y: b.node("Add", y, b.node("GlobalAveragePool", y), name="a")),
            "Add 'a' adds tensors of different shapes",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Sub", b.constant([1, 2]), b.constant([1, 2, 3]), name="s")
            ),
            "Sub 's' combines a constant of shape (3,) with one of shape (2,)",
        ),
        (
            lambda: rest(lambda b, y: b.node("Div", y, y, name="d")),
            "Div 'd' must have a constant as its input 2",
        ),
        (lambda: rest(lambda b, y: b.node("Add", y, name="a")), "Add 'a' lacks its input 2"),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def test_constants_are_computed_on_either_side(tmp_path):
    """Of constants alone, of weights, and before what they meet."""
    b = Builder((1, 2, 4, 4))
    two = b.node("Mul", b.constant([1]), b.node("Add", b.constant(3), b.constant([[-1]])))
    w = b.quant(b.constant(np.ones((3, 2, 1, 1))), 1.0, 4, signed=1)
    w = b.node("Div", b.node("Add", w, b.node("Sub", two, two)), b.constant(0.5))
    y = b.node("Conv", b.quant("x", 1.0, 8, mode="FLOOR"), w)
    y = b.node("Add", b.constant(7), b.node("Mul", b.constant(0.25), y))
    y = b.quant(y, 1.0, 8, mode="FLOOR")
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    images = np.random.default_rng(0).integers(0, 200, (4, 2, 4, 4), np.uint8)
    expected = run(b.model(y), images.astype(np.float32))[y]
    assert len(np.unique(expected)) > 9
    np.testing.assert_array_equal(execute(network, images, 8).logits, expected)
