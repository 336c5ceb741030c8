import numpy as np
import pytest

from tests.truncmac.onnx.graphs import Builder
from truncmac.golden import NetworkFileError
from truncmac.onnx.importing import import_onnx


def test_multipliers_that_are_too_narrow_are_refused_by_layer(tmp_path):
    b = Builder((1, 2, 3, 3))
    w = b.quant(b.constant(np.full((2, 2, 1, 1), 1e9)), 1e9, 8, signed=1)
    y = b.quant(b.node("Conv", b.quant("x", 1.0, 8), w, name="conv"), 1.0, 8)
    message = "Layer 'conv' at k = 8: Requantisation scale must be at most 131071 for 18-bit"
    with pytest.raises(NetworkFileError, match=message):
        import_onnx(b.save(y, tmp_path / "graph.onnx"))
