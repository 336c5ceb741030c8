import pytest

from tests.truncmac.onnx.graphs import refused, simple


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: simple(shape=("n", 2, "h", 6)),
            "Input 'x' must have the shape (batch, channels, height, width), (batch, channels, "
            "length) or (batch, features), fixed but for the batch, not (None, 2, None, 6)",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)
