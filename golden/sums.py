"""The sums S of a layer of weights, computed exactly by floating-point BLAS.

Weights and activations are small whole numbers. Where no partial sum can reach 2**24, float32
holds every partial sum, so that nothing is rounded, in whatever order BLAS adds. A reduction that
is too long for that is cut into parts that are short enough, and float64 adds the parts.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from truncmac.integers import ceil_div

from .exact import EXACT_FLOAT32
from .layers import channels_last, output_size, padded
from .network import Conv2d, Linear, Product
from .quantise import integer_weights
from .types import AnyIntegers, Array, Codes, Integers, Pair, Reals, Singles

__all__ = ["ExactSums", "FloatSums", "Part", "exact_sums"]

PATCHES = 1 << 18  # elements of the patches that are multiplied at once: they stay in the cache
MOST_SHARED = 256  # codes of up to 255 that are summed before a weight of up to 256
FloatSums = Singles | Reals
Part = tuple[slice, slice]  # images, and rows of their outputs


@dataclass(frozen=True, eq=False)
class ExactSums:
    """A layer's weights, ready to be multiplied. A vector counts as an image of one pixel.

    Attributes
    ----------
    layer : the layer
    kernel : height and width of its window; (1, 1) if it has none
    weights : arrays (part of K, N), which together are the matrix (K, N); K runs over row,
        column and channel of the window. They are float32; see `GroupedSums` for groups
    largest : a bound of |S|
    """

    layer: Product
    kernel: Pair
    weights: tuple[FloatSums, ...]
    largest: int

    def whole(self, codes: Codes) -> Integers:
        """The sums S, int64 (B, OH, OW, N), of inputs (B, C, H, W) or (B, K)."""
        windows = self.windows(codes)
        result = np.empty((*windows.shape[:3], self.columns), np.int64)
        for part in self.parts(windows):
            result[part] = self.of(windows[part])
        return result

    @property
    def columns(self) -> int:
        """N, the number of output channels."""
        return self.weights[0].shape[1]

    def windows(self, codes: Codes) -> AnyIntegers:
        """The windows, (B, OH, OW, KH, KW * C), of inputs (B, C, H, W) or (B, K).

        They are a view of the padded image, (B, OH, OW, KH, KW, C) where the taps of a row do not
        lie side by side. Inputs that share a weight are summed already.
        """
        if not isinstance(self.layer, Conv2d):
            return self._vectors(codes)[:, None, None, None]
        layer, image = self.layer, channels_last(codes)
        size = output_size(
            (image.shape[1], image.shape[2]),
            self.kernel,
            layer.stride,
            layer.padding,
            layer.dilation,
        )
        image = padded(image, layer.padding, layer.pad_code)
        each, down, right, _ = image.strides
        (high, wide), channels = self.kernel, image.shape[3]
        apart = layer.dilation[1] > 1
        row = (wide, channels) if apart else (wide * channels,)
        steps = (right * layer.dilation[1], 1) if apart else (1,)
        return as_strided(
            image,
            (len(image), *size, high, *row),
            (
                each,
                down * layer.stride[0],
                right * layer.stride[1],
                down * layer.dilation[0],
                *steps,
            ),
            writeable=False,
        )

    def _vectors(self, codes: Codes) -> AnyIntegers:
        """Inputs (B, K), or the sums of as many neighbours as share a weight here."""
        shared = _shared(self.layer)
        if shared == 1:
            return codes
        return codes.reshape(len(codes), -1, shared).sum(axis=2, dtype=np.uint32)

    def parts(self, windows: AnyIntegers) -> list[Part]:
        """The windows cut into parts whose patches fit the cache: some images, or rows of one."""
        images, height, width = windows.shape[:3]
        rows = max(1, PATCHES // (width * prod(windows.shape[3:])))
        if rows >= height:
            return [(some, slice(None)) for some in _even(images, rows // height)]
        return [
            (slice(image, image + 1), some)
            for image in range(images)
            for some in _even(height, rows)
        ]

    def of(self, windows: AnyIntegers) -> FloatSums:
        """The sums S, (images, rows, OW, N), of windows (images, rows, OW, KH, KW * C).

        They are whole numbers in float32, or in float64 if K is cut into parts. The array is valid
        until this thread asks for the next sums.
        """
        shape = (*windows.shape[:3], self.columns)
        patches = _scratch("patches", windows.shape)
        np.copyto(patches, windows)
        patches = patches.reshape(-1, prod(windows.shape[3:]))
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


@dataclass(frozen=True, eq=False)
class GroupedSums(ExactSums):
    """The sums of a convolution of several groups.

    Its only weights are an array (groups, K, N / groups), float32 or, where that is not exact,
    float64.
    """

    @property
    def columns(self) -> int:
        """N, the number of output channels."""
        return self.weights[0].shape[0] * self.weights[0].shape[2]

    def of(self, windows: AnyIntegers) -> FloatSums:
        """The sums S, (images, rows, OW, N), of windows; see `ExactSums`."""
        weights: Array = self.weights[0]
        groups, reduction, columns = weights.shape
        taps = self.kernel[0] * self.kernel[1]
        patches: Array = windows.reshape(-1, taps, groups, reduction // taps)
        patches = patches.astype(weights.dtype)
        if reduction == taps and columns == 1:
            sums: Array = np.einsum("mtg,gt->mg", patches[..., 0], weights[..., 0])
        else:
            rows = patches.transpose(2, 0, 1, 3).reshape(groups, -1, reduction)
            sums = np.matmul(rows, weights).transpose(1, 0, 2)
        return sums.reshape(*windows.shape[:3], self.columns)


def exact_sums(layer: Product, codes: Codes, bits: int, largest: int) -> ExactSums:
    """Prepare a layer's weights for k = `bits`.

    Parameters
    ----------
    codes : the 8-bit codes, uint8 (O, I, KH, KW) or (O, I)
    largest : no activation code is larger
    """
    kernel = (1, 1)
    if isinstance(layer, Conv2d):
        kernel = (codes.shape[2], codes.shape[3])
        codes = codes.transpose(2, 3, 1, 0)
        largest = max(largest, layer.pad_code)
    elif isinstance(layer, Linear):
        shared = _shared(layer)
        codes = np.repeat(codes, layer.pixels // shared, axis=1)
        largest *= shared
    matrix = codes.reshape(-1, codes.shape[-1]) if isinstance(layer, Conv2d) else codes.T
    weights = integer_weights(np.ascontiguousarray(matrix), bits, layer.offset)
    if isinstance(layer, Conv2d) and layer.groups > 1:
        return _grouped(layer, kernel, weights, largest)
    parts = tuple(weights[part].astype(np.float32) for part in _exact_parts(weights, largest))
    return ExactSums(layer, kernel, parts, _reach(weights) * largest)


def _grouped(
    layer: Conv2d, kernel: Pair, weights: npt.NDArray[np.int32], largest: int
) -> GroupedSums:
    """Weights (K, N), whose columns lie group by group; K is far too short for float64 to round."""
    bound = _reach(weights) * largest
    apart = weights.reshape(len(weights), layer.groups, -1).transpose(1, 0, 2)
    kind = np.float32 if bound < EXACT_FLOAT32 else np.float64
    exact: Array = np.ascontiguousarray(apart).astype(kind)
    return GroupedSums(layer, kernel, (exact,), bound)


def _shared(layer: Product) -> int:
    """How many inputs that share a weight are summed first: as many as float32 still holds."""
    if not isinstance(layer, Linear):
        return 1
    most = min(layer.pixels, MOST_SHARED)
    return next(count for count in range(most, 0, -1) if layer.pixels % count == 0)


def _reach(weights: npt.NDArray[np.int32]) -> int:
    """The largest magnitude of a sum of some of a column's weights.

    Activations are not negative. So a partial sum of products lies between the sum of all negative
    products and that of all positive ones, and is at most this many times the largest activation.
    """
    total, magnitude = (w.sum(axis=0, dtype=np.int64) for w in (weights, np.abs(weights)))
    return int((magnitude + np.abs(total)).max()) // 2


def _exact_parts(weights: npt.NDArray[np.int32], largest: int) -> Iterator[slice]:
    """K cut into parts, each as long as float32 can hold all of its partial sums."""
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
    """`count` things cut into parts that are about equal, of at most `most` each."""
    parts = ceil_div(count, most)
    for index in range(parts):
        yield slice(index * count // parts, (index + 1) * count // parts)


def _scratch(name: str, shape: tuple[int, ...]) -> Singles:
    """Memory that this thread uses again and again: to get it anew costs more than its use."""
    size = int(np.prod(shape))
    room: Singles | None = getattr(_rooms, name, None)
    if room is None or room.size < size:
        room = np.empty(size, np.float32)
        setattr(_rooms, name, room)
    return room[:size].reshape(shape)


_rooms = threading.local()
