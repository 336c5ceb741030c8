import re

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from truncmac.golden import NetworkFileError, builtin_images, load_images, save_images

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4)


@pytest.mark.parametrize("labels", [None, np.array([1, 2], np.uint8), np.array([1, 2])])
def test_what_is_saved_is_loaded(tmp_path, labels):
    save_images(tmp_path / "images", IMAGES, labels)
    images, again = load_images(tmp_path / "images")
    np.testing.assert_array_equal(images, IMAGES)
    assert (again is None) == (labels is None)
    if labels is not None:
        np.testing.assert_array_equal(again, labels)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "must hold the tensors images and, if known, labels, not []"),
        (
            {"images": IMAGES, "more": IMAGES},
            "must hold the tensors images and, if known, labels, not ['images', 'more']",
        ),
        (
            {"images": IMAGES[0]},
            "images must be uint8 with shape (n, C, H, W), not uint8 with shape (1, 3, 4)",
        ),
        (
            {"images": IMAGES.astype(np.float32)},
            "images must be uint8 with shape (n, C, H, W), not float32 with shape (2, 1, 3, 4)",
        ),
        (
            {"images": IMAGES, "labels": np.zeros(3, np.uint8)},
            "labels must be integers with shape (2,), not uint8 with shape (3,)",
        ),
        (
            {"images": IMAGES, "labels": np.zeros(2)},
            "labels must be integers with shape (2,), not float64 with shape (2,)",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, tensors, message):
    path = tmp_path / "images"
    path.write_bytes(to_bytes(tensors))
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_images(path)


def test_the_shipped_images_have_labels():
    images, labels = builtin_images()
    assert images.shape == (450, 1, 8, 8)
    assert sorted(set(labels.tolist())) == list(range(10))
