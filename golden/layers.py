"""Layers on activation codes: patches for convolution, and pooling."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .quantise import Codes

__all__ = ["Pair", "avg_pool", "im2col", "max_pool", "output_size", "shortcut"]

Pair = tuple[int, int]


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Height and width of what a window leaves; below 1 where the window does not fit."""
    height, width = (
        (s + 2 * p - k) // d + 1 for s, k, d, p in zip(size, kernel, stride, padding, strict=True)
    )
    return height, width


def im2col(codes: Codes, kernel: Pair, stride: Pair, padding: Pair, pad_code: int = 0) -> Codes:
    """Patches of codes (B, C, H, W), a row each.

    Returns
    -------
    uint8 array (B * OH * OW, C * KH * KW), channels outermost, so that it multiplies
    weights.reshape(O, -1).T
    """
    windows = _windows(codes, kernel, stride, padding, pad_code)
    patches = windows.transpose(0, 2, 3, 1, 4, 5)
    return patches.reshape(-1, codes.shape[1] * kernel[0] * kernel[1])


def max_pool(codes: Codes, kernel: Pair, stride: Pair, padding: Pair = (0, 0)) -> Codes:
    """Largest code of each window; padding is never larger, for codes are not negative."""
    return _windows(codes, kernel, stride, padding, 0).max(axis=(4, 5))


def avg_pool(codes: Codes, kernel: Pair | None = None, stride: Pair | None = None) -> Codes:
    """Mean code of each window (of the whole image without one), rounded half up."""
    kernel = (codes.shape[2], codes.shape[3]) if kernel is None else kernel
    windows = _windows(codes, kernel, stride or kernel, (0, 0), 0)
    total = windows.sum(axis=(4, 5), dtype=np.int64)
    count = kernel[0] * kernel[1]
    return ((2 * total + count) // (2 * count)).astype(np.uint8)


def shortcut(codes: Codes, channels: int, stride: Pair) -> Codes:
    """Every `stride`-th pixel of codes (B, C, H, W), with zero channels added up to `channels`."""
    kept = codes[:, :, :: stride[0], :: stride[1]]
    return np.pad(kept, ((0, 0), (0, channels - codes.shape[1]), (0, 0), (0, 0)))


def _windows(codes: Codes, kernel: Pair, stride: Pair, padding: Pair, pad_code: int) -> Codes:
    """Windows (B, C, OH, OW, KH, KW)."""
    (top, left), (down, right) = padding, stride
    padded = np.pad(
        codes, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=np.uint8(pad_code)
    )
    windows = sliding_window_view(padded, kernel, axis=(2, 3))
    return windows[:, :, ::down, ::right]
