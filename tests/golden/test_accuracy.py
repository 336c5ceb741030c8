"""What logits say of classes, over more images than are run at once."""

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.golden import accuracy, execute, network_accuracy, predictions

COUNT = 600  # runs of 256, 256 and 88


def test_the_first_of_equal_logits_is_the_class():
    logits = np.array([[1, 5, 5], [7, 0, 0], [-3, -3, -4]])
    assert predictions(logits).tolist() == [1, 0, 0]
    assert predictions(logits.reshape(3, 3, 1, 1)).tolist() == [1, 0, 0]
    assert accuracy(logits, np.array([1, 0, 1])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("bits", [8, {"second": 2, "third": 8, "logits": 2}])
def test_the_share_is_of_all_images_however_they_are_run(bits):
    """Labels are right of the first 100 images alone, so that each part has a share of its own."""
    network = small_network()
    images = np.random.default_rng(0).integers(0, 64, (COUNT, 2, 7, 6), np.uint8)
    labels = execute(network, images, bits).logits.argmax(axis=1)
    labels[100:] = (labels[100:] + 1) % 3
    seen = []
    share = network_accuracy(network, images, labels, bits, on_progress=seen.append)
    assert share == pytest.approx(100 / COUNT)
    assert seen == [256, 512, 600]
    assert network_accuracy(network, images[:256], labels[:256], bits) == pytest.approx(100 / 256)
