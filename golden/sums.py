"""S of a layer of weights, exactly, through floating-point BLAS.

Weights and activations are small whole numbers. Where no partial sum can reach 2**24, float32
holds every one of them, so that nothing is rounded, in whatever order BLAS adds. A reduction that
is too long for that is cut into parts that are not, and these are added in float64.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from truncmac.integers import ceil_div

from .exact import EXACT_FLOAT32
from .layers import channels_last, output_size, padded
from .network import Conv2d, Product
from .quantise import integer_weights
from .types import Codes, Integers, Pair, Reals, Singles

__all__ = ["ExactSums", "FloatSums", "Part", "exact_sums"]

PATCHES = 1 << 18  # elements of the patches that are multiplied at once: they stay in the cache
FloatSums = Singles | Reals
Part = tuple[slice, slice]  # images, and rows of their outputs


@dataclass(frozen=True, eq=False)
class ExactSums:
    """A layer's weights, ready to be multiplied. A vector counts as an image of one pixel.

    Attributes
    ----------
    layer : the layer
    kernel : height and width of its window; (1, 1) where there is none
    weights : float32 arrays (part of K, N), one below the other; K runs over (row, column,
        channel) of the window
    largest : no S is larger in magnitude
    """

    layer: Product
    kernel: Pair
    weights: tuple[Singles, ...]
    largest: int

    def whole(self, codes: Codes) -> Integers:
        """S, int64 (B, OH, OW, N), of inputs (B, C, H, W) or (B, K)."""
        windows = self.windows(codes)
        result = np.empty((*windows.shape[:3], self.columns), np.int64)
        for part in self.parts(windows):
            result[part] = self.of(windows[part])
        return result

    @property
    def columns(self) -> int:
        """N: output channels."""
        return self.weights[0].shape[1]

    def windows(self, codes: Codes) -> Codes:
        """Windows (B, OH, OW, KH, KW * C) of inputs (B, C, H, W) or (B, K)."""
        if not isinstance(self.layer, Conv2d):
            return codes[:, None, None, None]
        layer, image = self.layer, channels_last(codes)
        size = output_size(
            (image.shape[1], image.shape[2]), self.kernel, layer.stride, layer.padding
        )
        image = padded(image, layer.padding, layer.pad_code)
        each, down, right, _ = image.strides
        return as_strided(
            image,
            (len(image), *size, self.kernel[0], self.kernel[1] * image.shape[3]),
            (each, down * layer.stride[0], right * layer.stride[1], down, 1),
            writeable=False,
        )

    def parts(self, windows: Codes) -> list[Part]:
        """Parts of windows whose patches stay in the cache: some images, or some rows of one."""
        images, height, width = windows.shape[:3]
        rows = max(1, PATCHES // (width * windows.shape[3] * windows.shape[4]))
        if rows >= height:
            return [(some, slice(None)) for some in _even(images, rows // height)]
        return [
            (slice(image, image + 1), some)
            for image in range(images)
            for some in _even(height, rows)
        ]

    def of(self, windows: Codes) -> FloatSums:
        """S of windows (images, rows, OW, KH, KW * C): whole numbers, (images, rows, OW, N).

        They are valid until the next are asked for on this thread. float32, or float64 where
        there are several parts of K.
        """
        shape = (*windows.shape[:3], self.columns)
        patches = _scratch("patches", windows.shape)
        np.copyto(patches, windows)
        patches = patches.reshape(-1, windows.shape[3] * windows.shape[4])
        products = _scratch("products", shape).reshape(-1, self.columns)
        if len(self.weights) == 1:
            return np.matmul(patches, self.weights[0], out=products).reshape(shape)
        total = np.zeros(products.shape)
        start = 0
        for weights in self.weights:
            stop = start + len(weights)
            total += np.matmul(patches[:, start:stop], weights, out=products)
            start = stop
        return total.reshape(shape)


def exact_sums(layer: Product, codes: Codes, bits: int, largest: int) -> ExactSums:
    """Prepare the 8-bit `codes` of a layer, as its tensor has them, for k = `bits`.

    Parameters
    ----------
    largest : no activation code is larger
    """
    kernel = (1, 1)
    if isinstance(layer, Conv2d):
        kernel = (codes.shape[2], codes.shape[3])
        codes = codes.transpose(2, 3, 1, 0)
        largest = max(largest, layer.pad_code)
    matrix = codes.reshape(-1, codes.shape[-1]) if isinstance(layer, Conv2d) else codes.T
    weights = integer_weights(np.ascontiguousarray(matrix), bits, layer.offset)
    parts = tuple(weights[part].astype(np.float32) for part in _exact_parts(weights, largest))
    return ExactSums(layer, kernel, parts, _reach(weights) * largest)


def _reach(weights: npt.NDArray[np.int32]) -> int:
    """Largest magnitude of a partial sum of weights, each taken once or not at all.

    Activations are not negative. So a sum of some of the products lies between that of all
    negative and that of all positive ones: at most this many times the largest activation.
    """
    total, magnitude = (w.sum(axis=0, dtype=np.int64) for w in (weights, np.abs(weights)))
    return int((magnitude + np.abs(total)).max()) // 2


def _exact_parts(weights: npt.NDArray[np.int32], largest: int) -> Iterator[slice]:
    """Parts of K, each as long as float32 holds all of its partial sums."""
    start = 0
    while _reach(weights[start:]) * largest >= EXACT_FLOAT32:
        rest = weights[start:]
        above, below = (
            np.cumsum(limit(rest, 0), axis=0, dtype=np.int64) for limit in (np.maximum, np.minimum)
        )
        reach = np.maximum(above.max(axis=1), -below.min(axis=1)) * largest
        stop = start + int(np.searchsorted(reach, EXACT_FLOAT32))
        yield slice(start, stop)
        start = stop
    yield slice(start, len(weights))


def _even(count: int, most: int) -> Iterator[slice]:
    """`count` things in even parts of at most `most`."""
    parts = ceil_div(count, most)
    for index in range(parts):
        yield slice(index * count // parts, (index + 1) * count // parts)


def _scratch(name: str, shape: tuple[int, ...]) -> Singles:
    """Room that this thread uses again and again: new memory costs more than what is done in it."""
    size = int(np.prod(shape))
    room: Singles | None = getattr(_rooms, name, None)
    if room is None or room.size < size:
        room = np.empty(size, np.float32)
        setattr(_rooms, name, room)
    return room[:size].reshape(shape)


_rooms = threading.local()
