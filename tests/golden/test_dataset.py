import contextlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


@pytest.mark.parametrize("labelled", [False, True])
def test_numpy_files_are_read(tmp_path, labelled):
    path = tmp_path / ("images.npz" if labelled else "images.npy")
    if labelled:
        np.savez(path, images=IMAGES, labels=np.array([3, 1], np.int32))
    else:
        np.save(path, IMAGES)
    images, labels = load_images(path)
    np.testing.assert_array_equal(images, IMAGES)
    assert (None if labels is None else labels.tolist()) == ([3, 1] if labelled else None)


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "images.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(NetworkFileError, match="not a whole file of NumPy arrays"):
        load_images(tmp_path / "images.npy")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("truncmac.golden.dataset.MOST_BYTES", 10_000)
    path = tmp_path / "images.npz"
    np.savez_compressed(path, images=np.zeros((9, 1, 64, 64), np.uint8))
    assert path.stat().st_size < 1000
    with pytest.raises(NetworkFileError, match="unpacks to 36992 bytes; the most .* 10000"):
        load_images(path)


@given(st.sampled_from([".npy", ".npz", ".safetensors"]), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_refused_or_read(tmp_path_factory, suffix, data):
    """Bits flipped, cut short, or grown: an error of ours, or images; nothing else."""
    path = tmp_path_factory.mktemp("fuzz") / f"images{suffix}"
    if suffix == ".npy":
        np.save(path, IMAGES)
    elif suffix == ".npz":
        np.savez(path, images=IMAGES, labels=np.arange(2))
    else:
        save_images(path, IMAGES, np.arange(2))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= 1 << data.draw(st.integers(0, 7))
    content = (
        content[: data.draw(st.integers(0, len(content)))]
        if data.draw(st.booleans())
        else (content + data.draw(st.binary(max_size=8)))
    )
    path.write_bytes(content)
    with contextlib.suppress(NetworkFileError):  # any other error fails
        images, _ = load_images(path)
        assert images.dtype == np.uint8
        assert images.ndim == 4
