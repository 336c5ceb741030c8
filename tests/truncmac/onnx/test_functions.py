import numpy as np
import pytest

from tests.truncmac.onnx.graphs import refused, rest


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(
                lambda b, y: b.node("Floor", b.node("Relu", b.node("Floor", y)), name="f")
            ),
            "comes after a Relu or Floor; put a Quant between them",
        ),
        (
            lambda: rest(lambda b, y: b.node("Round", y, name="r")),
            "Round 'r' rounds something other than a whole sum of codes; use a Quant",
        ),
        (
            lambda: rest(lambda b, y: b.node("Clip", y, b.constant(0), b.constant(6), name="c")),
            "Clip 'c' limits a tensor that is not quantised; use a Relu and a Quant",
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
