from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import wide_network
from tests.truncmac.onnx.graphs import run
from truncmac.golden import Scale, execute
from truncmac.onnx.export.qonnx import qonnx_model

NETWORK = wide_network()


def without(*kinds):
    """The network without some kinds of layers, and without what reads them."""
    kept, layers = {"image"}, []
    for layer in NETWORK.layers:
        if not isinstance(layer, kinds) and kept >= {*layer.sources}:
            kept.add(layer.name)
            layers.append(layer)
    layers = tuple(layers)
    tensors = {k: v for k, v in NETWORK.tensors.items() if k.partition(".")[0] in kept}
    return replace(NETWORK, layers=layers, tensors=tensors)


@pytest.mark.parametrize("bits", [8, 2])
def test_groups_tables_and_joins_give_goldens_integers(bits):
    layers = tuple(
        replace(layer, block=(1, 1)) if layer.name == "moved" else layer
        for layer in without(Scale).layers
    )
    network = replace(without(Scale), layers=layers)
    images = np.random.default_rng(0).integers(0, 64, (3, 4, 6, 5), np.uint8)
    context = run(qonnx_model(network, bits), images.astype(np.float32))
    for name, codes in execute(network, images, bits).outputs.items():
        np.testing.assert_array_equal(context[name], codes, err_msg=name)


def test_what_has_no_form_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^Layer 'moved' has blocks of \(2, 1\); QONNX has squ"):
        qonnx_model(without(Scale), 8)
    layers = tuple(layer for layer in NETWORK.layers if layer.name != "moved")
    with pytest.raises(ValueError, match="^Layer 'scaled' multiplies codes by codes"):
        qonnx_model(replace(NETWORK, layers=layers), 8)
