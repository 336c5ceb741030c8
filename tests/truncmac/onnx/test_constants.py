import numpy as np
import pytest

from tests.truncmac.onnx.graphs import refused, rest
from truncmac.onnx.importing import import_onnx


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: rest(lambda b, y: b.node("Constant", value_string="x", name="c")),
            "Constant 'c' must have one value of numbers",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def test_a_constant_node_is_a_constant(tmp_path):
    networks = []
    for given in (lambda b: b.constant([4.0]), lambda b: b.node("Constant", value_floats=[4.0])):
        b, y = rest(lambda b, y, given=given: b.quant(b.node("Add", y, given(b)), 2.0, 4))
        networks.append(import_onnx(b.save(y, tmp_path / "graph.onnx")).network)
    one, other = networks
    for name, array in one.tensors.items():
        np.testing.assert_array_equal(array, other.tensors[name])
