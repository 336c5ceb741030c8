"""Folders of pictures as codes: pixel by pixel, and what is cut where they are scaled."""

import re

import numpy as np
import pytest
from PIL import Image

from truncmac.golden import ImageSpec, NetworkFileError, load_pictures, pictures

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.arange(72, dtype=np.uint8).reshape(4, 6, 3) * 3


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("bits", [8, 4, 1])
def test_pictures_of_the_networks_size_are_taken_as_they_are(tmp_path, bits):
    write(tmp_path / "b.png", COLOUR)
    write(tmp_path / "a.PNG", COLOUR[::-1].copy())
    (tmp_path / "c.txt").write_text("no picture")
    images, labels = load_pictures(tmp_path, ImageSpec(3, 4, 6, bits))
    assert labels is None
    assert (images.shape, images.dtype) == ((2, 3, 4, 6), np.uint8)
    most = 2**bits - 1
    for found, pixels in zip(images, (COLOUR[::-1], COLOUR), strict=True):
        expected = [(2 * int(v) * most + 255) // 510 for v in pixels.ravel()]  # half up
        assert found.transpose(1, 2, 0).ravel().tolist() == expected


def test_grey_networks_take_the_lightness_of_colours(tmp_path):
    write(tmp_path / "a.png", COLOUR)
    images, _ = load_pictures(tmp_path, ImageSpec(1, 4, 6))
    weights = np.array([299, 587, 114]) / 1000  # ITU-R 601
    np.testing.assert_allclose(images[0, 0], COLOUR @ weights, atol=1)


def test_folders_are_the_classes_in_the_order_of_their_names(tmp_path):
    for name, values in (("dog", (7, 9)), ("cat", (3,)), ("empty", ())):
        (tmp_path / name).mkdir()
        for index, value in enumerate(values):
            write(tmp_path / name / f"{index}.png", np.full((2, 2), value, np.uint8))
    write(tmp_path / "beside.png", np.zeros((2, 2), np.uint8))
    images, labels = load_pictures(tmp_path, ImageSpec(1, 2, 2))
    assert images[:, 0, 0, 0].tolist() == [3, 7, 9]
    assert labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("size", "box"),
    [((16, 16), (1, 1, 15, 15)), ((40, 16), (13, 1, 27, 15)), ((16, 80), (1, 33, 15, 47))],
)
def test_of_other_sizes_the_middle_of_the_shorter_side_is_scaled(tmp_path, size, box):
    """7/8 of 16 pixels are 14, in the middle; `size` is width and height, as in Pillow."""
    assert pictures._middle(size) == box
    left, top, right, bottom = box
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[top : top + 7, left:right] = 200
    pixels[: max(top - 8, 0)] = pixels[bottom + 8 :] = 255  # too far away to be seen
    pixels[:, : max(left - 8, 0)] = pixels[:, right + 8 :] = 255
    write(tmp_path / "a.png", pixels)
    images, _ = load_pictures(tmp_path, ImageSpec(1, 2, 2))
    whole = Image.fromarray(pixels).resize((2, 2), Image.Resampling.BILINEAR, box)
    np.testing.assert_array_equal(images[0, 0], np.asarray(whole))
    assert (images[0, 0, 0] > 140).all() and (images[0, 0, 1] < 60).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            ImageSpec(2, 6, 8),
            "{folder}: pictures have 1 or 3 channels, the network's images 2; give an array with "
            "--data",
        ),
        (
            ImageSpec(1, 6, 9),
            "{folder}/a.png: must have 9 x 6 pixels, not 8 x 6: it is scaled for square images "
            "only",
        ),
    ],
)
def test_pictures_that_do_not_fit_are_refused(tmp_path, image, message):
    write(tmp_path / "a.png", GREY)
    with pytest.raises(NetworkFileError, match=f"^{re.escape(message.format(folder=tmp_path))}$"):
        load_pictures(tmp_path, image)


def test_a_folder_without_pictures_and_a_broken_one_are_refused(tmp_path):
    message = f"{tmp_path}: holds no pictures (.png, .jpg, .jpeg)"
    with pytest.raises(NetworkFileError, match=f"^{re.escape(message)}$"):
        load_pictures(tmp_path, ImageSpec(1, 6, 8))
    (tmp_path / "a.jpeg").write_bytes(b"no picture")
    with pytest.raises(NetworkFileError, match=r"a\.jpeg: is not a whole picture \("):
        load_pictures(tmp_path, ImageSpec(1, 6, 8))


def test_too_many_codes_or_pixels_are_refused(tmp_path, monkeypatch):
    for name in ("a.png", "b.jpg"):
        write(tmp_path / name, GREY)
    spec = ImageSpec(1, 6, 8)
    monkeypatch.setattr(pictures, "MOST_CODES", 96)
    assert len(load_pictures(tmp_path, spec)[0]) == 2
    monkeypatch.setattr(pictures, "MOST_CODES", 95)
    with pytest.raises(NetworkFileError, match=": 2 pictures are more than 95 codes$"):
        load_pictures(tmp_path, spec)
    monkeypatch.undo()
    monkeypatch.setattr(pictures, "MOST_PIXELS", 48)
    assert len(load_pictures(tmp_path, spec)[0]) == 2
    monkeypatch.setattr(pictures, "MOST_PIXELS", 47)
    with pytest.raises(NetworkFileError, match=": 8 x 6 pixels; the most that is read is 47$"):
        load_pictures(tmp_path, spec)


def test_limits_are_those_of_a_picture_of_4096_pixels_a_side_and_of_a_gibibyte():
    assert pictures.MOST_PIXELS == 4096 * 4096
    assert pictures.MOST_CODES == 1024**3


def test_names_of_folders_are_no_pictures_and_pictures_are_in_the_order_of_their_names(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").mkdir()
    for value in (5, 3, 9, 1, 7):
        write(tmp_path / "a" / f"{value}.jpg", np.full((2, 2), value, np.uint8))
    images, labels = load_pictures(tmp_path, ImageSpec(1, 2, 2))
    assert images[:, 0, 0, 0].tolist() == [1, 3, 5, 7, 9]
    assert labels.tolist() == [0] * 5
