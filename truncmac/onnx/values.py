"""What a tensor of a quantised ONNX graph stands for while it is read."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from truncmac.golden import AffineProduct, NetworkFileError, OffsetKind, Stream, weight_offset
from truncmac.golden.types import Array, Reals

__all__ = [
    "Codes",
    "Constant",
    "Integers",
    "Levels",
    "Mean",
    "Raw",
    "Sums",
    "Value",
    "Weights",
    "scalar",
]

CLOSE = 1e-6  # float32 files: what is meant to be equal differs by less


@dataclass(frozen=True)
class Raw:
    """The graph's input x before it is quantised: scale * x + offset."""

    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Constant:
    """Numbers that do not depend on the image."""

    array: Array


@dataclass(frozen=True)
class Integers:
    """A constant that QuantizeLinear has made integers of."""

    array: Array
    signed: bool


@dataclass(frozen=True)
class Levels:
    """What QuantizeLinear made of `value`: integers from `low` to `high`, until they are reals."""

    value: "Value"
    scale: float
    zero: int
    low: int
    high: int


@dataclass(frozen=True)
class Weights:
    """Constant weights step * ck + shift, ck the top `width` bits of 8-bit codes.

    Attributes
    ----------
    codes : uint8 array, of any layout
    step, shift : reals that broadcast to it
    truncated : the graph says by a Trunc that `width` bits are used
    """

    codes: npt.NDArray[np.uint8]
    width: int
    step: Reals
    shift: Reals
    truncated: bool = False

    @staticmethod
    def of_integers(integers: Array, bits: int, signed: bool, scale: Reals) -> "Weights":
        """Weights scale * w, w integers of `bits`: left-aligned, with the top bit inverted."""
        lowest = -(1 << bits - 1) if signed else 0
        codes = (integers.astype(np.int64) - lowest) << (8 - bits)
        step = scale.astype(np.float64)
        return Weights(codes.astype(np.uint8), bits, step, step * lowest)

    def scaled(self, factor: Reals) -> "Weights":
        """Multiply."""
        fits(factor, self.codes)
        return replace(self, step=self.step * factor, shift=self.shift * factor)

    def moved(self, amount: Reals) -> "Weights":
        """Add."""
        fits(amount, self.codes)
        return replace(self, shift=self.shift + amount)

    def transposed(self) -> "Weights":
        """A matrix with its axes exchanged."""
        step, shift = (_matrix(values).T for values in (self.step, self.shift))
        return replace(self, codes=self.codes.T, step=step, shift=shift)

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
        """Worth of W = 1 in each output channel, along `axis`, and the offset's kind."""
        step = _by_channel(self.step, self.codes, axis, "weights' scale")
        shift = _by_channel(self.shift, self.codes, axis, "weights' zero point")
        if (step == 0).any():
            raise NetworkFileError("has weights of scale 0")
        offset = -2 * shift / step
        kinds: tuple[OffsetKind, ...] = ("twos_complement", "bipolar")
        for kind in kinds:
            if np.allclose(offset, weight_offset(self.width, kind), CLOSE, 0):
                return step / 2, kind
        raise NetworkFileError(
            "has weights with a zero point, or unsigned ones; quantise them symmetrically"
        )

    def reals(self) -> Reals:
        """What the weights stand for."""
        codes = (self.codes >> np.uint8(8 - self.width)).astype(np.float64)
        return np.asarray(codes * self.step + self.shift)


@dataclass(frozen=True)
class Codes:
    """Activation codes; `factor` (C,), or one number, multiplies what they stand for.

    `padding` and `pad_code` are a Pad's, which the next layer takes over.
    """

    stream: Stream
    factor: Reals = field(default_factory=lambda: np.ones(1))
    padding: tuple[int, int] = (0, 0)
    pad_code: int = 0


@dataclass(frozen=True)
class Mean:
    """Means of `count` codes, rounded to the codes' own grid already."""

    stream: Stream
    count: int


@dataclass(frozen=True)
class Sums:
    """A layer of weights before its codes are made; `relu` and `floor` are still to be done."""

    product: AffineProduct
    relu: bool = False
    floor: bool = False

    def scaled(self, factor: Reals) -> "Sums":
        """Multiply by a number, or one for each channel."""
        product = self.product
        factor = np.broadcast_to(factor, product.unit.shape)
        extra = product.residual_scale
        return replace(
            self,
            product=replace(
                product,
                unit=product.unit * factor,
                offset=product.offset * factor,
                residual_scale=None if extra is None else extra * factor,
            ),
        )

    def moved(self, amount: Reals) -> "Sums":
        """Add a number, or one for each channel."""
        return replace(self, product=replace(self.product, offset=self.product.offset + amount))


Value = Raw | Constant | Integers | Levels | Weights | Codes | Mean | Sums


def fits(array: Array, whole: Array) -> None:
    """Refuse an `array` that would make more numbers of `whole` than there are."""
    padded = (1,) * (whole.ndim - array.ndim) + array.shape
    small = all(one in (1, size) for one, size in zip(padded, whole.shape, strict=False))
    if array.ndim > whole.ndim or not small:
        raise NetworkFileError(f"meets a constant of shape {array.shape} with {whole.shape}")


def scalar(array: Array, what: str) -> float:
    """The only number in `array`."""
    if array.size != 1:
        raise NetworkFileError(f"must have one {what}, not one for each channel")
    return float(array.reshape(()))


def _matrix(values: Reals) -> Reals:
    return values.reshape((1,) * (2 - values.ndim) + values.shape)


def _by_channel(values: Reals, codes: Array, axis: int, what: str) -> Reals:
    """One number for each place along `axis` of `codes`."""
    if values.size > 0 and (values == values.flat[0]).all():
        values = values.reshape(-1)[:1]
    shape = (1,) * (codes.ndim - values.ndim) + values.shape
    if any(size != 1 and place != axis for place, size in enumerate(shape)):
        raise NetworkFileError(f"has {what} that differ within an output channel")
    if values.size not in (1, codes.shape[axis]):
        raise NetworkFileError(f"has {values.size} of its {what}, not {codes.shape[axis]}")
    return np.broadcast_to(values.reshape(-1), (codes.shape[axis],)).astype(np.float64)
