import contextlib
import io
import json
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_bytes

from truncmac.golden import (
    ImageCoding,
    ImageSpec,
    NetworkFileError,
    builtin_images,
    dataset,
    load_images,
    read_images,
    save_images,
)

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
            "images must be uint8 or real with shape (n, C, H, W) or (n, K), "
            "not uint8 with shape (1, 3, 4)",
        ),
        (
            {"images": IMAGES.astype(np.float32)},
            "images must be uint8 where no network says what others mean, not float32",
        ),
        (
            {"images": IMAGES.astype(np.int8)},
            "images must be uint8 or real with shape (n, C, H, W) or (n, K), "
            "not int8 with shape (2, 1, 3, 4)",
        ),
        (
            {"codes": IMAGES.astype(np.float32)},
            "codes must be uint8 or int8 with shape (n, C, H, W) or (n, K), "
            "not float32 with shape (2, 1, 3, 4)",
        ),
        (
            {"codes": IMAGES, "images": IMAGES},
            "must hold the tensors images and, if known, labels, not ['codes', 'images']",
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


def npz(path, **members):
    """An archive of members that are bytes already, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def refused(path, message):
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_images(path)


def test_arrays_in_the_order_of_fortran_are_the_same_images(tmp_path):
    for name, images in (("c", IMAGES), ("f", np.asfortranarray(IMAGES))):
        np.save(tmp_path / f"{name}.npy", images)
        np.testing.assert_array_equal(load_images(tmp_path / f"{name}.npy")[0], IMAGES)


def test_two_versions_of_the_format_are_read(tmp_path):
    path = tmp_path / "images.npy"
    for version in ((1, 0), (2, 0)):
        path.write_bytes(npy(IMAGES, version))
        np.testing.assert_array_equal(load_images(path)[0], IMAGES)
    path.write_bytes(npy(IMAGES, (3, 0)))
    refused(path, "not a whole file of NumPy arrays (version (3, 0))")


def test_what_an_archive_may_unpack_to(tmp_path, monkeypatch):
    """Whatever is less, of `MOST_BYTES` and of the greater of `FREE_BYTES` and 100 times its size.

    Each of them decides once, and lets what it says to the byte.
    """
    assert (dataset.FREE_BYTES, dataset.MOST_RATIO, dataset.MOST_BYTES) == (1 << 26, 100, 1 << 32)
    content = npy(np.zeros((1, 1, 64, 64), np.uint8))
    path = npz(tmp_path / "images.npz", images=content)
    size, packed = len(content), path.stat().st_size
    assert 10 < size / packed < 100
    for limits in (
        dict(FREE_BYTES=size, MOST_RATIO=1),
        dict(FREE_BYTES=size - 1, MOST_RATIO=100),
        dict(FREE_BYTES=0, MOST_RATIO=size / packed),
        dict(MOST_BYTES=size, FREE_BYTES=1 << 40),
    ):
        with monkeypatch.context() as patch:
            for name, value in limits.items():
                patch.setattr(dataset, name, value)
            assert load_images(path)[0].shape == (1, 1, 64, 64)
    for limits, most in (
        (dict(FREE_BYTES=size - 1, MOST_RATIO=1), size - 1),
        (dict(FREE_BYTES=10, MOST_RATIO=2), 2 * packed),
        (dict(MOST_BYTES=size - 1, FREE_BYTES=1 << 40), size - 1),
        (dict(MOST_BYTES=packed, FREE_BYTES=0, MOST_RATIO=100), packed),
    ):
        with monkeypatch.context() as patch:
            for name, value in limits.items():
                patch.setattr(dataset, name, value)
            refused(path, f"unpacks to {size} bytes; the most that is read is {most}")


def test_an_archive_has_each_array_once(tmp_path):
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy(IMAGES))
        archive.writestr("images", npy(IMAGES))
        archive.writestr("labels.npy", npy(np.arange(2)))
    refused(path, "an array is there twice")


def test_of_wrong_names_nine_are_named(tmp_path):
    path = npz(tmp_path / "images.npz", **{f"x{n:02}": b"" for n in range(11)[::-1]})
    names = [f"x{n:02}" for n in range(9)]
    refused(path, f"must hold the tensors images and, if known, labels, not {names}")
    path = npz(tmp_path / "labels.npz", labels=npy(np.arange(2)))
    refused(path, "must hold the tensors images and, if known, labels, not ['labels']")


def test_names_are_checked_before_a_tensor_is_read(tmp_path):
    """NumPy has no floats of 8 bits: to read `more` would be an error of its own."""
    header = json.dumps(
        {
            "images": {"dtype": "U8", "shape": [1, 1, 1, 2], "data_offsets": [0, 2]},
            "more": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [2, 3]},
        }
    ).encode()
    path = tmp_path / "images.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"123")
    names = ["images", "more"]
    refused(path, f"must hold the tensors images and, if known, labels, not {names}")


@pytest.mark.parametrize(
    ("shape", "content", "message"),
    [
        ((2, -1), b"abcd", "shape (2, -1) of uint8 does not fit its {size} bytes"),
        ((2, 1, 2, 99), b"abcd", "shape (2, 1, 2, 99) of uint8 does not fit its {size} bytes"),
        ((1, 1, 7, 19), b"abcd", "shape (1, 1, 7, 19) of uint8 does not fit its {size} bytes"),
        ((2, 1, 2, 33), b"abcd", "cannot reshape array of size 4 into shape (2,1,2,33)"),
        ((2, 1, 2, 2), b"abcd", "cannot reshape array of size 4 into shape (2,1,2,2)"),
    ],
)
def test_arrays_that_are_not_whole(tmp_path, shape, content, message):
    """The file has 132 bytes, of which 128 are its header."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    path = tmp_path / "images.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + content)
    message = message.format(size=path.stat().st_size)
    refused(path, f"not a whole file of NumPy arrays ({message})")


@pytest.mark.parametrize("kind", ["U1", "?", "c8", "M8[s]"])
def test_elements_that_are_no_numbers(tmp_path, kind):
    np.save(tmp_path / "images.npy", np.zeros((1, 1, 2, 2), kind))
    path = tmp_path / "images.npy"
    refused(path, f"not a whole file of NumPy arrays (its elements are {np.dtype(kind)})")


def test_sizes_of_plain_arrays(tmp_path, monkeypatch):
    path = tmp_path / "images.npy"
    np.save(path, IMAGES)
    size = path.stat().st_size
    monkeypatch.setattr(dataset, "MOST_BYTES", size)
    np.testing.assert_array_equal(load_images(path)[0], IMAGES)
    monkeypatch.setattr(dataset, "MOST_BYTES", size - 1)
    refused(path, f"the most that is read is {size - 1} bytes")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            IMAGES[:0],
            None,
            "images must be uint8 or real with shape (n, C, H, W) or (n, K), not uint8",
        ),
        (IMAGES, np.array([0.5, 1]), "labels must be integers with shape (2,), not float64"),
        (IMAGES, np.arange(3), "labels must be integers with shape (2,), not int64"),
        (
            IMAGES.astype(np.int8),
            None,
            "images must be uint8 or real with shape (n, C, H, W) or (n, K), not int8",
        ),
    ],
)
def test_what_is_no_images_is_not_written(tmp_path, images, labels, message):
    path = tmp_path / "images"
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}"):
        save_images(path, images, labels)
    assert not path.exists()


PLAIN = ImageSpec(1, 3, 4)
CODED = replace(PLAIN, coding=ImageCoding((1 / 128,), 128, signed=True))


def written(path, **tensors):
    path.write_bytes(to_bytes(tensors))
    return path


def test_a_network_says_what_pixels_reals_and_codes_are(tmp_path):
    """Reals of 3/4 have the code 224, signed 96; the pixel 192 is 96.4 steps of 1/128."""
    most = np.full((2, 1, 3, 4), 0.75)
    for kind in (np.float16, np.float32, np.float64):
        path = written(tmp_path / "reals", images=most.astype(kind))
        assert (load_images(path, CODED)[0] == 224).all()
        assert (load_images(path, PLAIN)[0] == 191).all()  # rint(191.25)
    pixels = written(tmp_path / "pixels", images=(256 * most).astype(np.uint8))
    assert (load_images(pixels, CODED)[0] == 224).all()
    assert (load_images(pixels, PLAIN)[0] == 192).all()
    assert (load_images(pixels)[0] == 192).all()
    codes = written(tmp_path / "codes", codes=(256 * most).astype(np.uint8))
    signed = written(tmp_path / "signed", codes=(128 * most).astype(np.int8))
    for image in (CODED, PLAIN, None):
        assert (load_images(codes, image)[0] == 192).all()
    assert (load_images(signed, CODED)[0] == 224).all()
    for image in (PLAIN, replace(CODED, coding=replace(CODED.coding, signed=False))):
        message = "holds signed codes, and the codes of the network's image have no sign"
        with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{signed}: {message}')}$"):
            load_images(signed, image)


def test_features_may_be_vectors(tmp_path):
    path = written(tmp_path / "x", images=np.array([[0.5, -0.5], [0.0, 9.0]], np.float32))
    image = ImageSpec(2, 1, 1, coding=CODED.coding)
    codes, _ = load_images(path, image)
    assert codes.tolist() == [[[[192]], [[64]]], [[[128]], [[255]]]]
    message = "images must have shape (n, 3, 1, 1), not (2, 2)"
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_images(path, ImageSpec(3, 1, 1, coding=CODED.coding))


def test_reals_have_limits_and_integers_none(tmp_path):
    path = written(tmp_path / "x", images=np.array([[0.5, -2.0]]))
    assert read_images(path).limits == (-2.0, 0.5)
    for wrong in (np.nan, np.inf):
        written(path, images=np.array([[0.5, wrong]]))
        message = "images must be finite, not NaN or infinite"
        with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}$"):
            _ = read_images(path).limits
    message = f"{path}: Images must be numbers, not NaN"
    written(path, images=np.full((1, 1, 3, 4), np.nan))
    with pytest.raises(NetworkFileError, match=f"^{re.escape(message)}$"):
        load_images(path, CODED)
    assert read_images(written(path, images=IMAGES)).limits is None
