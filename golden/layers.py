"""What layers do with activation codes: patches for convolution, pools, shortcuts."""

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .types import AnyIntegers, Array, Codes, Integers, Padding, Pair

__all__ = [
    "Pair",
    "avg_pool",
    "channels_last",
    "im2col",
    "max_pool",
    "output_size",
    "padded",
    "pool_sums",
    "shortcut",
    "sides",
    "spread",
]


def output_size(
    size: Pair, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair = (1, 1)
) -> Pair:
    """The size of a sliding window's output: (size + paddings - reach) // stride + 1.

    The reach of a window is (kernel - 1) * dilation + 1. All sizes are (vertical, horizontal). A
    result below 1 says that the window does not fit.
    """
    top, left, bottom, right = sides(padding)
    height, width = (
        (s + p - k) // d + 1
        for s, k, d, p in zip(
            size, spread(kernel, dilation), stride, (top + bottom, left + right), strict=True
        )
    )
    return height, width


def sides(padding: Padding) -> tuple[int, int, int, int]:
    """A padding's top, left, bottom and right."""
    return padding if len(padding) == 4 else (*padding, *padding)


def spread(kernel: Pair, dilation: Pair) -> Pair:
    """How far a window reaches whose taps lie `dilation` apart."""
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


def im2col(
    codes: Codes,
    kernel: Pair,
    stride: Pair,
    padding: Padding,
    pad_code: int = 0,
    dilation: Pair = (1, 1),
) -> Codes:
    """The patches of codes (B, C, H, W) that a convolution multiplies, one in each row.

    Parameters
    ----------
    codes : uint8 array (B, C, H, W)
    kernel, stride, padding : (vertical, horizontal); `padding` is added on both sides
    pad_code : the code that surrounds the image
    dilation : how far apart the taps of a window lie

    Returns
    -------
    uint8 array (B * OH * OW, C * KH * KW). In a row the channels are outermost, so that the
    patches multiply weights.reshape(O, -1).T
    """
    image = padded(channels_last(codes), padding, pad_code)
    reach = spread(kernel, dilation)
    windows = sliding_window_view(image, reach, axis=(1, 2))[:, :: stride[0], :: stride[1]]
    windows = windows[..., :: dilation[0], :: dilation[1]]
    return windows.reshape(-1, codes.shape[1] * kernel[0] * kernel[1])


def max_pool(codes: Codes, kernel: Pair, stride: Pair, padding: Padding = (0, 0)) -> Codes:
    """The largest code of each window, uint8 (B, C, OH, OW), of codes (B, C, H, W).

    Padding never wins: its code is 0, and codes are not negative.
    """
    image = padded(channels_last(codes), padding, 0)
    for axis in (1, 2):
        image = reduce(np.maximum, _shifted(image, axis, kernel[axis - 1], stride[axis - 1]))
    return image.transpose(0, 3, 1, 2)


def avg_pool(codes: Codes, kernel: Pair | None = None, stride: Pair | None = None) -> Codes:
    """The mean code of each window, rounded half up: uint8 (B, C, OH, OW) of codes (B, C, H, W).

    Without a `kernel` the window is the whole image; without a `stride` windows lie side by side.
    """
    total = pool_sums(codes, kernel, stride)
    high, wide = (codes.shape[2], codes.shape[3]) if kernel is None else kernel
    count = high * wide
    return ((2 * total + count) // (2 * count)).astype(np.uint8)


def pool_sums(codes: Codes, kernel: Pair | None = None, stride: Pair | None = None) -> Integers:
    """The sum of the codes of each window, int64 (B, C, OH, OW); see `avg_pool`."""
    kernel = (codes.shape[2], codes.shape[3]) if kernel is None else kernel
    stride = kernel if stride is None else stride
    total: Integers = channels_last(codes).astype(np.int64)
    for axis in (1, 2):
        total = reduce(np.add, _shifted(total, axis, kernel[axis - 1], stride[axis - 1]))
    return total.transpose(0, 3, 1, 2)


def shortcut(codes: Codes, channels: int, stride: Pair) -> Codes:
    """Every `stride`-th pixel of codes (B, C, H, W), and channels of code 0 up to `channels`.

    Returns uint8 (B, channels, ceil(H / stride), ceil(W / stride)).

    Source: option A of Deep Residual Learning, arXiv 1512.03385, section 4.2.
    """
    kept = channels_last(codes)[:, :: stride[0], :: stride[1]]
    result = np.zeros((*kept.shape[:3], channels), np.uint8)
    result[..., : codes.shape[1]] = kept
    return result.transpose(0, 3, 1, 2)


def channels_last(codes: AnyIntegers) -> Array:
    """Codes (B, C, H, W) as (B, H, W, C), without a copy."""
    return codes.transpose(0, 2, 3, 1)


def padded(image: Codes, padding: Padding, code: int) -> Codes:
    """Images (B, H, W, C) with `code` around each."""
    (top, left, bottom, right), (images, height, width, channels) = sides(padding), image.shape
    if not any(padding):
        return np.ascontiguousarray(image)
    shape = (images, height + top + bottom, width + left + right, channels)
    result = np.full(shape, code, np.uint8)
    result[:, top : top + height, left : left + width] = image
    return result


def _shifted(image: Array, axis: int, kernel: int, stride: int) -> Iterator[Array]:
    """The first, second, ... element along `axis` of each window of `kernel` elements."""
    last = image.shape[axis] - kernel + 1
    for start in range(kernel):
        part = [slice(None)] * image.ndim
        part[axis] = slice(start, start + last, stride)
        yield image[tuple(part)]
