"""What an image means: from pixels and real numbers to the codes that a network takes.

All of it is in float32, operation by operation in the order below, as runtimes of ONNX do it; so
it is the same on every machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .types import AnyIntegers, Array, Codes, Singles

__all__ = [
    "ROUNDINGS",
    "ImageCoding",
    "ImageRounding",
    "level_codes",
    "pixel_codes",
    "pixel_table",
    "real_codes",
]

BLOCK = 1 << 20  # numbers that become codes at once, which bounds the memory
ImageRounding = Literal["half_even", "half_up", "floor"]
ROUNDINGS: Mapping[ImageRounding, Callable[[Singles], Singles]] = {
    "half_even": np.rint,
    "half_up": lambda values: np.floor(values) + (values - np.floor(values) >= 0.5),
    "floor": np.floor,
}
PIXELS = "truncmac_pixels"  # entry of an ONNX file's metadata: [mean, deviation]
LEVELS = 255  # a pixel stands for pixel / 255 before it is normalised


@dataclass(frozen=True)
class ImageCoding:
    """What the codes of an image stand for, and how pixels become the reals that a network takes.

    A real x has the code clip(round((x - offset) / scale) + zero_point, 0, 2**bits - 1). A pixel p
    in 0..255 stands for x = (p / 255 - mean) / deviation.

    Attributes
    ----------
    scale : what a step of the codes is worth, above 0; one number, or one for each channel
    zero_point : the code that stands for `offset`
    offset : one number, or one for each channel
    mean, deviation : of pixels p / 255; one number, or one for each channel
    rounding : "half_even" to the nearest whole number, and halves to the even one, as ONNX's
        QuantizeLinear rounds; "half_up" halves upwards; "floor" down
    signed : whether the codes of the network's source are signed: they are 2**(bits - 1) less
    """

    scale: tuple[float, ...]
    zero_point: int = 0
    offset: tuple[float, ...] = (0.0,)
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    rounding: ImageRounding = "half_even"
    signed: bool = False


def real_codes(reals: Array, coding: ImageCoding, bits: int) -> Codes:
    """The codes, uint8 (n, C, H, W), of reals (n, C, H, W), which are taken as float32.

    Raises
    ------
    ValueError
        If one is NaN. Infinities are clamped.
    """
    codes = np.empty(reals.shape, np.uint8)
    offset, scale = _channels(coding.offset), _channels(coding.scale)
    step = max(1, BLOCK // max(1, reals[:1].size))
    for start in range(0, len(reals), step):
        part = slice(start, start + step)
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is clamped
            values = (reals[part].astype(np.float32) - offset) / scale
            if np.isnan(values).any():
                raise ValueError("Images must be numbers, not NaN")
            levels = ROUNDINGS[coding.rounding](values) + np.float32(coding.zero_point)
        codes[part] = np.clip(levels, 0, (1 << bits) - 1)
    return codes


def pixel_codes(pixels: Codes, coding: ImageCoding, bits: int) -> Codes:
    """The codes, uint8 (n, C, H, W), of pixels 0..255, uint8 (n, C, H, W)."""
    table = pixel_table(coding, bits)
    codes = np.empty(pixels.shape, np.uint8)
    for channel in range(pixels.shape[1]):
        codes[:, channel] = table[channel % len(table)][pixels[:, channel]]
    return codes


def pixel_table(coding: ImageCoding, bits: int) -> Codes:
    """The code of each pixel 0..255: uint8 (1, 256), or (C, 256) if channels differ."""
    pixels = np.arange(LEVELS + 1, dtype=np.float32) / np.float32(LEVELS)
    with np.errstate(over="ignore"):
        reals = (pixels - _channels(coding.mean)) / _channels(coding.deviation)
    kinds = max(map(len, (coding.scale, coding.offset, coding.mean, coding.deviation)))
    reals = np.broadcast_to(reals, (1, kinds, 1, LEVELS + 1))
    return real_codes(reals, coding, bits)[0, :, 0]


def level_codes(levels: AnyIntegers, bits: int) -> Codes:
    """The codes of signed integers of `bits` bits: 2**(bits - 1) more.

    Raises
    ------
    ValueError
        If a number has more bits.
    """
    half = 1 << bits - 1
    low, high = int(levels.min(initial=0)), int(levels.max(initial=0))
    if not -half <= low <= high < half:
        raise ValueError(f"Signed codes must be in {-half}..{half - 1}, not {low}..{high}")
    return (levels.astype(np.int16) + half).astype(np.uint8)


def _channels(values: tuple[float, ...]) -> Singles:
    """Numbers that meet (n, C, H, W) by channel."""
    return np.asarray(values, np.float32).reshape(-1, 1, 1)
