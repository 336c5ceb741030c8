"""From names to networks and images."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.golden.networks import small_network
from truncmac.golden import (
    BUILTIN_IMAGES,
    BUILTIN_NETWORK,
    ImageSpec,
    example_images,
    images_by_name,
    load,
    load_images,
    network_by_name,
    save,
    save_images,
)

IMAGES = np.arange(168, dtype=np.uint8).reshape(2, 2, 7, 6) % 64


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A network and its images, the latter under a name of their own."""
    monkeypatch.chdir(tmp_path)
    save(small_network(), tmp_path / "mine.safetensors")
    save_images(tmp_path / "some.safetensors", IMAGES, np.array([1, 0]))
    return tmp_path


def test_a_network_is_shipped_made_up_or_read(files):
    assert network_by_name("digits").layers == load(BUILTIN_NETWORK).layers
    assert network_by_name("resnet20").name == "resnet20"
    assert network_by_name("mine.safetensors").layers == small_network().layers
    save(small_network(), files / "bare")
    assert network_by_name("bare").layers == small_network().layers
    message = "Network must be a file, or one of digits, resnet18, resnet20, not 'none'"
    with pytest.raises(ValueError, match=f"^{message}$"):
        network_by_name("none")
    with pytest.raises(FileNotFoundError):
        network_by_name("none.safetensors")


def test_images_are_given_shipped_or_made_up(files):
    network = small_network()
    images, labels = images_by_name("mine.safetensors", files / "some.safetensors", network)
    np.testing.assert_array_equal(images, IMAGES)
    assert labels.tolist() == [1, 0]
    images, labels = images_by_name("digits", None, network)
    expected = load_images(BUILTIN_IMAGES)
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    (files / "dog").mkdir()
    Image.new("RGB", (6, 7), (255, 0, 0)).save(files / "dog" / "red.png")
    three = replace(network, image=ImageSpec(channels=3, height=7, width=6))
    images, labels = images_by_name("mine.safetensors", files, three)
    assert images.tolist() == [[[[code] * 6] * 7 for code in (255, 0, 0)]]
    assert labels.tolist() == [0]
    images, labels = images_by_name("resnet20", None, network, examples=3)
    np.testing.assert_array_equal(images, example_images("resnet20", 3))
    assert labels is None


def test_a_name_without_images_says_what_to_do(files):
    network = small_network()
    with pytest.raises(ValueError, match="^resnet20: give its images with --data$"):
        images_by_name("resnet20", None, network)
    with pytest.raises(ValueError, match=r"^mine\.safetensors: give some$"):
        images_by_name("mine.safetensors", None, network, ask="give some")
    (files / "some.safetensors").rename(files / "images.safetensors")
    message = "mine.safetensors: give its images with --data, such as images.safetensors"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        images_by_name("mine.safetensors", None, network)
