"""Constant weights of a quantised ONNX graph, as 8-bit codes with a step and a shift."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from truncmac.golden import NetworkFileError, OffsetKind, weight_offset
from truncmac.golden.types import Array, Codes, Reals

__all__ = ["CLOSE", "Weights", "fits"]

CLOSE = 1e-6  # in float32 files, numbers that are meant to be equal differ by less


@dataclass(frozen=True)
class Weights:
    """Constant weights step * ck + shift, where ck is the top `width` bits of 8-bit codes.

    Attributes
    ----------
    codes : uint8 array, of any layout
    step, shift : real arrays that broadcast to the codes' shape
    truncated : whether the graph itself says, by a Trunc node, that `width` bits are used
    """

    codes: Codes
    width: int
    step: Reals
    shift: Reals
    truncated: bool = False

    @staticmethod
    def of_integers(integers: Array, bits: int, signed: bool, scale: Reals) -> "Weights":
        """Weights scale * w for integers w of `bits`.

        The codes hold w left-aligned in 8 bits; of signed integers the top bit is inverted.
        """
        lowest = -(1 << bits - 1) if signed else 0
        codes = (integers.astype(np.int64) - lowest) << (8 - bits)
        step = scale.astype(np.float64)
        return Weights(codes.astype(np.uint8), bits, step, step * lowest)

    @staticmethod
    def bipolar(array: Array, scale: Array) -> "Weights":
        """Weights of one bit: `scale` where `array` is at least 0, and -scale elsewhere."""
        fits(scale, array)
        codes = np.where(array >= 0, 255, 0).astype(np.uint8)
        return Weights(codes, 1, 2 * scale, -scale)

    def scaled(self, factor: Reals) -> "Weights":
        """The weights times `factor`, which broadcasts to them."""
        fits(factor, self.codes)
        return replace(self, step=self.step * factor, shift=self.shift * factor)

    def moved(self, amount: Reals) -> "Weights":
        """The weights plus `amount`, which broadcasts to them."""
        fits(amount, self.codes)
        return replace(self, shift=self.shift + amount)

    def transposed(self) -> "Weights":
        """A matrix with its axes exchanged."""
        return self.turned((1, 0))

    def turned(self, axes: Sequence[int]) -> "Weights":
        """The weights with their axes in another order."""
        step, shift = (self._whole(values).transpose(axes) for values in (self.step, self.shift))
        return replace(self, codes=self.codes.transpose(axes), step=step, shift=shift)

    def taken(self, order: Array, axis: int) -> "Weights":
        """The weights at the places `order` along an axis."""
        step, shift = (
            values.take(order, axis) if values.shape[axis] > 1 else values
            for values in map(self._whole, (self.step, self.shift))
        )
        return replace(self, codes=self.codes.take(order, axis), step=step, shift=shift)

    def shaped(self, shape: tuple[int, ...], axis: int = 0) -> "Weights":
        """The weights in another shape, whose numbers along `axis` stay together."""
        codes = self.codes.reshape(shape)
        parts = []
        for values in (self.step, self.shift):
            if values.size == 1:
                parts.append(values.reshape((1,) * codes.ndim))
                continue
            whole = self._whole(values)
            if values.size != codes.shape[axis] or whole.shape[axis] != values.size:
                raise NetworkFileError("reshapes weights with a scale for each channel")
            sizes = [1] * codes.ndim
            sizes[axis] = values.size
            parts.append(whole.reshape(sizes))
        return replace(self, codes=codes, step=parts[0], shift=parts[1])

    def repeated(self, size: int) -> "Weights":
        """Weights (O, KH, KW, I) of one scale for each O as (O * KH * KW, I, 1, 1)."""
        codes = self.codes.reshape(-1, self.codes.shape[-1], 1, 1)
        parts = []
        for values in map(self._whole, (self.step, self.shift)):
            if values.size not in (1, values.shape[0]):
                raise NetworkFileError("has a scale of its weights that differs within a channel")
            parts.append(values.reshape(-1, 1, 1, 1).repeat(size if values.size > 1 else 1, axis=0))
        return replace(self, codes=codes, step=parts[0], shift=parts[1])

    def _whole(self, values: Reals) -> Reals:
        return values.reshape((1,) * (self.codes.ndim - values.ndim) + values.shape)

    def truncate(self, bits: int, scale: float, result: float) -> "Weights":
        """Keep the top `bits`; `scale` is what a unit is worth before, `result` after."""
        if bits > self.width or not np.allclose(self.step, scale, CLOSE, 0):
            raise NetworkFileError("truncates weights of another scale or of fewer bits")
        lowest = self.shift / self.step
        dropped = 1 << self.width - bits
        if not np.all(np.rint(lowest) % dropped == 0):
            raise NetworkFileError("truncates weights with a zero point")
        step = np.full_like(self.step, result)
        return Weights(self.codes, bits, step, np.rint(lowest / dropped) * step, truncated=True)

    def centred(self, axis: int) -> tuple[Reals, OffsetKind]:
        """What W = 1 is worth in each output channel, which run along `axis`; and the kind of z.

        The weights are then worth * W with W = 2 ck - z, as golden has them.
        """
        step = _by_channel(self.step, self.codes, axis, "a scale of its weights")
        shift = _by_channel(self.shift, self.codes, axis, "a zero point of its weights")
        if (step == 0).any():
            raise NetworkFileError("has weights of scale 0")
        offset = -2 * shift / step
        kinds: tuple[OffsetKind, ...] = ("twos_complement", "bipolar")
        for kind in kinds:
            if np.allclose(offset, weight_offset(self.width, kind), CLOSE, 0):
                return step / 2, kind
        zero = float(offset[0]) / 2 * (1 << 8 - self.width)
        if (np.abs(offset - offset[0]) < CLOSE).all() and zero in range(256):
            return step / 2, int(zero)
        raise NetworkFileError(
            "has weights with zero points that differ between channels; quantise them symmetrically"
        )

    def reals(self) -> Reals:
        """What the weights stand for, float64."""
        codes = (self.codes >> np.uint8(8 - self.width)).astype(np.float64)
        return np.asarray(codes * self.step + self.shift)


def fits(array: Array, whole: Array) -> None:
    """Refuse an `array` that does not broadcast to the shape of `whole`.

    Two small constants whose shapes broadcast to a third could make more numbers than memory has.
    """
    padded = (1,) * (whole.ndim - array.ndim) + array.shape
    small = all(one in (1, size) for one, size in zip(padded, whole.shape, strict=False))
    if array.ndim > whole.ndim or not small:
        raise NetworkFileError(
            f"combines a constant of shape {array.shape} with one of shape {whole.shape}"
        )


def _by_channel(values: Reals, codes: Array, axis: int, what: str) -> Reals:
    """One number for each place along `axis` of `codes`."""
    if values.size > 0 and (values == values.flat[0]).all():
        values = values.reshape(-1)[:1]
    shape = (1,) * (codes.ndim - values.ndim) + values.shape
    if any(size != 1 and place != axis for place, size in enumerate(shape)):
        raise NetworkFileError(f"has {what} that differs within an output channel")
    if values.size not in (1, codes.shape[axis]):
        raise NetworkFileError(f"has {what} of {values.size} numbers, not of {codes.shape[axis]}")
    return np.broadcast_to(values.reshape(-1), (codes.shape[axis],)).astype(np.float64)
