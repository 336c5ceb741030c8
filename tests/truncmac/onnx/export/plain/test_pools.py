import numpy as np
import onnxruntime
import pytest

from truncmac.golden import (
    AvgPool,
    Flatten,
    ImageSpec,
    MaxPool,
    Network,
    Setting,
    Shortcut,
    execute,
)
from truncmac.onnx.export.plain.model import plain_model

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 9, 8), np.uint8)


@pytest.mark.parametrize(
    "layer",
    [
        MaxPool("only", "image"),
        MaxPool("only", "image", kernel=(3, 2), stride=(2, 1), padding=(2, 1)),
        AvgPool("only", "image"),
        AvgPool("only", "image", kernel=(2, 3)),
        AvgPool("only", "image", kernel=(3, 3), stride=(1, 2)),
        AvgPool("only", "image", kernel=(1, 2), stride=(3, 3)),
        Shortcut("only", "image", channels=3),
        Shortcut("only", "image", channels=5, stride=(2, 3)),
        Flatten("only", "image"),
    ],
)
def test_it_gives_goldens_codes(layer):
    network = Network("one", ImageSpec(3, 9, 8, 8), (8,), (layer,), {})
    model = plain_model(network, Setting("8", 8))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for images in (IMAGES, np.full_like(IMAGES, 255), np.zeros_like(IMAGES)):
        (found,) = session.run(None, {"image": images})
        expected = execute(network, images, 8).outputs["only"]
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_halves_round_up():
    network = Network("one", ImageSpec(1, 1, 2, 8), (8,), (AvgPool("only", "image"),), {})
    images = np.array([[0, 1], [1, 2], [2, 3], [254, 255], [0, 0]], np.uint8).reshape(5, 1, 1, 2)
    model = plain_model(network, Setting("8", 8))
    (found,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": images})
    assert found.ravel().tolist() == [1, 2, 3, 255, 0]


def test_a_mean_of_too_many_codes_is_refused_by_name():
    layers = (AvgPool("mean", "image"),)
    network = Network("one", ImageSpec(1, 1 << 12, 1 << 12, 8), (8,), layers, {})
    message = "Layer 'mean' averages 16777216 codes, whose sum can exceed 32 bits"
    with pytest.raises(ValueError, match=message):
        plain_model(network, Setting("8", 8))
