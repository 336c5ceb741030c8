import numpy as np
import pytest

from tests.truncmac.onnx.graphs import refused, rest, run
from truncmac.golden import MaxPool, execute
from truncmac.onnx.importing import import_onnx


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(
                lambda b, y: b.node(
                    "AveragePool", y, name="p", kernel_shape=[3, 3], ceil_mode=1, strides=[2, 2]
                )
            ),
            "AveragePool 'p' must have no padding and ceil_mode = 0",
        ),
        (
            lambda: rest(lambda b, y: b.node("MaxPool", y, name="p", kernel_shape=[7, 7])),
            "Layer 'p' takes at least one window, but its input 'conv' gives (3, 4, 4)",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("MaxPool", y, name="p", kernel_shape=[2, 2], dilations=[2, 1])
            ),
            "MaxPool 'p' must have no dilations and no second output",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("AveragePool", y, name="p", kernel_shape=[2, 2], pads=[1] * 4)
            ),
            "AveragePool 'p' must have no padding and ceil_mode = 0",
        ),
        (
            lambda: rest(lambda b, y: b.node("ReduceMean", y, name="r", axes=[1, 2])),
            "ReduceMean 'r' must average height and width, axes 2 and 3",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "MaxPool",
                    b.node("Pad", y, b.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), b.constant(1)),
                    name="p",
                    kernel_shape=[2, 2],
                )
            ),
            "MaxPool 'p' must follow a Pad only with the smallest value",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def pooled(change, tmp_path):
    """Codes (3, 4, 4) that `change` makes something of: what golden and what qonnx gives."""
    b, y = rest(change)
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    images = np.random.default_rng(0).integers(0, 2, (9, 2, 6, 6), np.uint8)
    context = run(b.model(y), images.astype(np.float32))
    return network, execute(network, images, 8).logits, context[y]


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("AveragePool", {"kernel_shape": [2, 3], "strides": [2, 1]}),
        ("GlobalAveragePool", {}),
        ("ReduceMean", {"axes": [2, 3], "keepdims": 1}),
        ("ReduceMean", {"axes": [-1, -2], "keepdims": 0}),
    ],
)
def test_means_are_rounded_half_up(op, attributes, tmp_path):
    change = lambda b, y: b.node(op, y, **attributes)  # noqa: E731
    network, found, expected = pooled(change, tmp_path)
    assert network.layers[1].name.startswith(op)
    assert len(np.unique(expected)) > 3
    np.testing.assert_array_equal(found, np.floor(expected + 0.5))


def test_a_pool_takes_over_the_pad_before_it(tmp_path):
    def change(b, y):
        border = b.node("Pad", y, b.constant([0, 0, 1, 0, 0, 0, 1, 0], np.int64), b.constant(0))
        return b.node("MaxPool", border, kernel_shape=[3, 2], strides=[1, 2], name="p")

    network, found, expected = pooled(change, tmp_path)
    assert network.layers[-1] == MaxPool("p", "conv", (3, 2), (1, 2), (1, 0))
    np.testing.assert_array_equal(found, expected)
