import numpy as np
import pytest

from tests.truncmac.onnx.graphs import refused, rest


def sums(b, y):
    return b.node("Conv", y, b.quant(b.constant(np.ones((3, 3, 1, 1))), 1.0, 4, signed=1))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(
                lambda b, y: b.node("Floor", b.node("Relu", b.node("Floor", y)), name="f")
            ),
            "comes after a Floor; put a Quant between them",
        ),
        (
            lambda: rest(lambda b, y: b.node("Round", y, name="r")),
            "Round 'r' rounds something other than a whole sum of codes; use a Quant",
        ),
        (
            lambda: rest(lambda b, y: b.node("Clip", "x", b.constant(0), b.constant(6), name="c")),
            "Clip 'c' limits a tensor that is not quantised; use a Relu and a Quant",
        ),
        (
            lambda: rest(lambda b, y: b.node("Clip", y, b.constant(6), b.constant(0), name="c")),
            "Clip 'c' has an upper bound below its lower one",
        ),
        (
            lambda: rest(lambda b, y: b.node("Sigmoid", y, name="s")),
            "has an input that is a function of codes, but not quantised; put a Quant behind it",
        ),
        (
            lambda: rest(lambda b, y: b.node("Tanh", sums(b, y), name="t")),
            "Tanh 't' takes something other than codes; put a Quant before it",
        ),
        (
            lambda: rest(lambda b, y: b.node("LeakyRelu", y, name="l", alpha=float("nan"))),
            "LeakyRelu 'l' must have a number as alpha, not nan",
        ),
        (
            lambda: rest(lambda b, y: b.node("Exp", b.node("Mul", y, b.constant(1e9)), name="e")),
            "Exp 'e' is not finite for all codes",
        ),
        (
            lambda: rest(
                lambda b, y: b.node(
                    "Clip",
                    b.node("QuantizeLinear", y, b.constant(1), b.constant(0, np.uint8)),
                    b.constant(0.5),
                    b.constant(6),
                    name="c",
                )
            ),
            "Clip 'c' must keep whole levels of its QuantizeLinear",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
