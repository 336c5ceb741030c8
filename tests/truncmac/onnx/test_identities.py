import pytest
from onnx import TensorProto

from tests.truncmac.onnx.graphs import refused, rest, simple
from truncmac.onnx.importing import import_onnx


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("Cast", y, to=TensorProto.INT32, name="c")),
            "Cast 'c' must cast to a float type",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def test_what_leaves_a_tensor_as_it_is_makes_no_layer(tmp_path):
    def change(b, x):
        return b.node("Identity", b.node("Dropout", b.node("Cast", x, to=TensorProto.FLOAT)))

    networks = [
        import_onnx(b.save(y, tmp_path / "graph.onnx")).network
        for b, y in (simple(change), simple())
    ]
    assert networks[0].layers == networks[1].layers
