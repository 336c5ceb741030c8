import pytest

from tests.truncmac.onnx.graphs import refused, rest


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("Relu", b.node("Softmax", y, name="s"))),
            "Softmax 's' must be the last node, after the logits",
        ),
        (
            lambda: rest(lambda b, y: b.node("LogSoftmax", y, name="s")),
            "LogSoftmax 's' must be the last node, after the logits",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
