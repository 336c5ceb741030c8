import numpy as np
import pytest

from tests.truncmac.onnx.graphs import Builder, refused, rest, run
from truncmac.golden import execute
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options


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


def truncated(b, *, scale=1, zero=0, bits=2, mode="FLOOR"):
    """Weights of 4 bits, of scale 1 and without a zero point, behind a Trunc."""
    weights = b.quant(b.constant(np.ones((2, 2))), 1, 4, signed=1)
    parts = [b.constant(part) for part in (scale, zero, 4, bits)]
    return b.node("Trunc", weights, *parts, rounding_mode=mode, name="t")


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(
                lambda b, y: b.quant(b.constant(np.ones((1, 3))), 1, 4, signed=1, zero=1, name="q")
            ),
            "Quant 'q' has weights with a zero point; quantise them symmetrically",
        ),
        (
            lambda: rest(lambda b, y: b.quant(b.node("Relu", y), 1, 1, narrow=1, name="q")),
            "Quant 'q' makes activations of a narrow range of one bit",
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
            "Quant 'q' rounds by CEIL; known are ROUND, HALF_EVEN, HALF_UP and FLOOR",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, [[1.0, 2.0, 3.0]], 4, name="q")),
            "Quant 'q' must have one scale, not one for each channel",
        ),
        (
            lambda: rest(lambda b, y: b.quant(y, 3.0, 1, signed=1, name="q")),
            "Quant 'q' makes signed activations of one bit; use a BipolarQuant",
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
            "Trunc 't' truncates something other than quantised weights",
        ),
        (
            lambda: rest(lambda b, y: b.node("BipolarQuant", y, b.constant(0), name="q")),
            "BipolarQuant 'q' must have a scale above 0",
        ),
        (
            lambda: rest(
                lambda b, y: b.quant(b.constant(np.ones((1, 3))), 1, 4, mode="CEIL", name="q")
            ),
            "Quant 'q' rounds weights by CEIL; known are ROUND and FLOOR",
        ),
        (
            lambda: rest(lambda b, y: truncated(b, scale=2)),
            "Trunc 't' truncates weights of another scale or of fewer bits",
        ),
        (
            lambda: rest(lambda b, y: truncated(b, bits=5)),
            "Trunc 't' truncates weights of another scale or of fewer bits",
        ),
        (
            lambda: rest(lambda b, y: truncated(b, zero=1)),
            "Trunc 't' must drop the lowest bits of weights without a zero point",
        ),
        (
            lambda: rest(lambda b, y: truncated(b, mode="ROUND")),
            "Trunc 't' must drop the lowest bits of weights without a zero point",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
