from itertools import chain

import numpy as np
import pytest

from truncmac.golden import avg_pool, im2col, max_pool, output_size, shortcut

SHAPES = [
    ((3, 3), (1, 1), (1, 1)),
    ((3, 2), (2, 1), (0, 1)),
    ((1, 1), (1, 1), (0, 0)),
    ((5, 7), (3, 2), (2, 3)),
]


def codes(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def windows(image, kernel, stride, padding, pad_code):
    """Windows of one channel, by plain loops."""
    height, width = image.shape
    rows, columns = output_size(image.shape, kernel, stride, padding)
    for row in range(rows):
        for column in range(columns):
            yield [
                int(image[y, x]) if 0 <= y < height and 0 <= x < width else pad_code
                for y in range(
                    row * stride[0] - padding[0], row * stride[0] - padding[0] + kernel[0]
                )
                for x in range(
                    column * stride[1] - padding[1], column * stride[1] - padding[1] + kernel[1]
                )
            ]


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
@pytest.mark.parametrize("pad_code", [0, 7])
def test_patches_equal_plain_loops(kernel, stride, padding, pad_code):
    images = codes(2, 3, 6, 7)
    patches = im2col(images, kernel, stride, padding, pad_code)
    expected = []
    for image in images:
        channels = [list(windows(c, kernel, stride, padding, pad_code)) for c in image]
        expected += [[*chain(*parts)] for parts in zip(*channels, strict=True)]
    assert patches.dtype == np.uint8
    assert patches.tolist() == expected


def test_patches_of_padding_of_one_axis_alone():
    """Each pixel of a window of one, and the code around it."""
    images = codes(1, 1, 2, 2)
    (a, b), (c, d) = images[0, 0].tolist()
    assert im2col(images, (1, 1), (1, 1), (1, 0), 9).ravel().tolist() == [9, 9, a, b, c, d, 9, 9]
    found = im2col(images, (1, 1), (1, 1), (0, 1), 9).ravel().tolist()
    assert found == [9, a, b, 9, 9, c, d, 9]


@pytest.mark.parametrize(("kernel", "stride", "padding"), SHAPES)
def test_max_pool_equals_plain_loops(kernel, stride, padding):
    images = codes(2, 3, 6, 7)
    result = max_pool(images, kernel, stride, padding)
    expected = [[max(w) for w in windows(c, kernel, stride, padding, 0)] for c in images[1]]
    assert result[1].reshape(3, -1).tolist() == expected
    assert not max_pool(np.zeros_like(images), kernel, stride, padding).any()


@pytest.mark.parametrize(("kernel", "stride"), [(None, None), ((2, 3), None), ((2, 2), (1, 1))])
def test_avg_pool_rounds_half_up(kernel, stride):
    images = codes(2, 3, 6, 8)
    images[0, 0] = 0
    images[0, 0, 0, :1] = 24  # a mean of exactly one half
    result = avg_pool(images, kernel, stride)
    size = kernel or (6, 8)
    for n, c in np.ndindex(2, 3):
        parts = windows(images[n, c], size, stride or size, (0, 0), 0)
        expected = [(2 * sum(w) + len(w)) // (2 * len(w)) for w in parts]
        assert result[n, c].ravel().tolist() == expected
    if kernel is None:
        assert result[0, 0].tolist() == [[1]]


def test_sizes_of_what_a_window_leaves():
    """By trying every place; one below 1 where the window does not fit at all."""
    for size in range(1, 9):
        for kernel in range(1, 6):
            for stride in range(1, 4):
                for padding in range(3):
                    places = range(-padding, size + padding - kernel + 1, stride)
                    found = output_size((size, 9), (kernel, 1), (stride, 3), (padding, 0))
                    assert found[1] == 3
                    assert max(found[0], 0) == len(places)


def test_a_shortcut_drops_pixels_and_adds_empty_channels():
    codes = np.arange(2 * 3 * 5 * 4, dtype=np.uint8).reshape(2, 3, 5, 4)
    passed = shortcut(codes, channels=7, stride=(2, 3))
    assert passed.shape == (2, 7, 3, 2)
    np.testing.assert_array_equal(passed[:, :3], codes[:, :, ::2, ::3])
    assert not passed[:, 3:].any()


def test_a_pool_has_no_padding_unless_it_is_given():
    images = codes(2, 3, 6, 7)
    expected = images[:, :, :, :6].reshape(2, 3, 3, 2, 3, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(max_pool(images, (2, 2), (2, 2)), expected)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_shortcut_of_any_batch_and_channels(batch, channels):
    images = codes(batch, channels, 4, 6)
    passed = shortcut(images, channels + 1, (1, 2))
    assert passed.shape == (batch, channels + 1, 4, 3)
    np.testing.assert_array_equal(passed[:, :channels], images[:, :, :, ::2])
    assert not passed[:, channels].any()
