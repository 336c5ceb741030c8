import pytest

from tests.truncmac.onnx.graphs import refused, rest


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("Relu", b.node("Softmax", y, name="s"))),
            "takes something that is no layer's output",
        ),
        (
            lambda: rest(lambda b, y: b.node("LogSoftmax", "x", name="s")),
            "LogSoftmax 's' must come last, after the logits",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
