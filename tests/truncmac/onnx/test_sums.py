import pytest

from tests.truncmac.onnx.graphs import refused, rest


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("Floor", b.constant(1), name="f")),
            "Floor 'f' takes something that is no layer's output",
        ),
        (
            lambda: rest(lambda b, y: b.node("Floor", b.node("Add", y, b.constant(1)))),
            "The graph ends in Relu or Floor; put a Quant after it",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
