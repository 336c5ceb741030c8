"""What a tensor of a quantised ONNX graph stands for while the graph is read.

Each tensor is one of the kinds below: the image before it is quantised, a constant, activation
codes, or the sums of a layer of weights that a quantiser has still to close.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from truncmac.golden import (
    AffineProduct,
    AvgPool,
    DepthToSpace,
    Layer,
    MaxPool,
    NetworkFileError,
    Stream,
)
from truncmac.golden.types import Array, Padding, Reals

from .weights import Weights

__all__ = [
    "Activations",
    "CodeProduct",
    "Constant",
    "ConstantLevels",
    "IntegerImage",
    "Joined",
    "Levels",
    "Mapped",
    "Mean",
    "Raw",
    "Scores",
    "Sums",
    "Turned",
    "Value",
    "channels_of",
    "scalar",
]


@dataclass(frozen=True)
class Raw:
    """The graph's input x before it is quantised: scale * x + offset.

    Attributes
    ----------
    scale, offset : real (C,), or one number
    rounded : it is rounded to whole numbers already, which its quantiser repeats
    zero : what is added after that
    """

    scale: Reals = field(default_factory=lambda: np.ones(1))
    offset: Reals = field(default_factory=lambda: np.zeros(1))
    rounded: bool = False
    zero: int = 0


@dataclass(frozen=True)
class IntegerImage:
    """The graph's input where it takes integers; it is not known yet what they stand for."""

    signed: bool


@dataclass(frozen=True)
class Constant:
    """Numbers that do not depend on the image."""

    array: Array


@dataclass(frozen=True)
class ConstantLevels:
    """The integers that a QuantizeLinear makes of a constant, or that an initializer holds."""

    array: Array
    signed: bool


@dataclass(frozen=True)
class Levels:
    """The integers in `low`..`high` that a QuantizeLinear makes of `value`.

    A DequantizeLinear of the same scale and zero point makes activations of them.

    Attributes
    ----------
    codes : what it makes of them where that is known already
    """

    value: "Value"
    scale: float
    zero: int
    low: int
    high: int
    codes: "Value | None" = None


@dataclass(frozen=True)
class Activations:
    """Activation codes, and what they stand for.

    Attributes
    ----------
    stream : the codes, with their scale and zero point
    factor : real (C,), or one number; what the codes stand for is multiplied by it
    padding, pad_code : of a Pad before, which the next layer takes over
    """

    stream: Stream
    factor: Reals = field(default_factory=lambda: np.ones(1))
    padding: Padding = (0, 0)
    pad_code: int = 0


@dataclass(frozen=True)
class Mean:
    """Means of windows of codes, of which no layer is made yet.

    Attributes
    ----------
    source : the codes
    pool : the layer, if it is to give the mean code of each window
    count : codes of a window
    factor : what the codes stand for is multiplied by it
    flat : whether it is one vector, not an image
    """

    source: Stream
    pool: AvgPool
    count: int
    factor: float = 1.0
    flat: bool = False


@dataclass(frozen=True)
class Mapped:
    """A real function of codes, element by element: a table behind the layer that gives them.

    Attributes
    ----------
    source : the codes that it is a function of
    reals : (256,) or (C, 256), what each code stands for
    stream : how it is quantised, if it is; `reals` are whole steps then
    """

    source: Stream
    reals: Reals
    stream: Stream | None = None


@dataclass(frozen=True)
class Joined:
    """Channels of several tensors behind each other, until it is known how they are quantised."""

    parts: tuple["Value", ...]


@dataclass(frozen=True)
class CodeProduct:
    """Codes times codes, of which no codes are made yet; see `golden.Scale`.

    Attributes
    ----------
    one, other : the factors; `other` may have one code for each channel
    factor : what the product is multiplied by
    """

    one: Stream
    other: Stream
    factor: float = 1.0


@dataclass(frozen=True)
class Scores:
    """What tells the class as `logits` do: behind a Softmax or an ArgMax."""

    logits: "Value"


@dataclass(frozen=True)
class Turned:
    """A tensor (B, H, W, C) of the graph, which stands for `value` with its channels last.

    With `shape` it is a vector (B, H * W * C) of an image `shape`, (C, H, W).
    """

    value: "Value"
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Sums:
    """The sums of a layer of weights, of which no codes are made yet.

    Attributes
    ----------
    product : the layer, and the reals that its sums stand for
    low, high : real (O,), bounds between which the sums are still to be clamped, or None
    floor : whether a Floor is still to be done
    after : layers that are still to be done with the codes: each commutes with rounding. Their
        names say what they are called after
    mapped : the same as a function of codes, where the layer only passes codes on
    """

    product: AffineProduct
    low: Reals | None = None
    high: Reals | None = None
    floor: bool = False
    after: tuple[Layer, ...] = ()
    mapped: Mapped | None = None

    @property
    def repeats(self) -> int:
        """How many neighbouring channels of the layer become one channel of its output."""
        blocks = [layer.block for layer in self.after if isinstance(layer, DepthToSpace)]
        return math.prod(high * wide for high, wide in blocks)

    @property
    def rectified(self) -> bool:
        """Whether a Relu is still to be done."""
        return self.low is not None and not self.low.any()

    def scaled(self, factor: Reals) -> "Sums":
        """The sums times one number, or one for each channel."""
        product, each = self.product, _alone(factor)
        factor = np.broadcast_to(factor, product.unit.shape)
        if (factor <= 0).any() and any(isinstance(layer, MaxPool) for layer in self.after):
            raise NetworkFileError("has a factor that is not above 0 behind a MaxPool")
        extra, bounds = product.residual_scale, self._bounds()
        low, high = (bound * factor for bound in bounds)
        low, high = np.where(factor < 0, high, low), np.where(factor < 0, low, high)
        return replace(
            self,
            product=replace(
                product,
                unit=product.unit * factor,
                offset=product.offset * factor,
                residual_scale=None if extra is None else extra * factor,
            ),
            low=_finite(np.nan_to_num(low, nan=-np.inf, posinf=np.inf, neginf=-np.inf)),
            high=_finite(np.nan_to_num(high, nan=np.inf, posinf=np.inf, neginf=-np.inf)),
            mapped=_changed(self.mapped, lambda reals: reals * each),
        )

    def moved(self, amount: Reals) -> "Sums":
        """The sums plus one number, or one for each channel."""
        low, high = (bound + amount for bound in self._bounds())
        product = replace(self.product, offset=self.product.offset + amount)
        mapped = _changed(self.mapped, lambda reals: reals + _alone(amount))
        return replace(self, product=product, low=_finite(low), high=_finite(high), mapped=mapped)

    def clamped(self, low: float, high: float) -> "Sums":
        """The sums, at least `low` and at most `high`; they may be infinite."""
        lows, highs = (np.clip(bound, low, high) for bound in self._bounds())
        mapped = _changed(self.mapped, lambda reals: np.clip(reals, low, high))
        return replace(self, low=_finite(lows), high=_finite(highs), mapped=mapped)

    def _bounds(self) -> tuple[Reals, Reals]:
        shape = self.product.unit.shape
        low = np.full(shape, -np.inf) if self.low is None else self.low
        return low, np.full(shape, np.inf) if self.high is None else self.high


def _finite(bound: Reals) -> Reals | None:
    """A bound, or None where it bounds no channel."""
    return bound if np.isfinite(bound).any() else None


def _alone(numbers: Reals) -> Reals:
    """One number a channel, or one for all, so that it meets the reals of codes."""
    numbers = np.atleast_1d(np.asarray(numbers, np.float64))
    return numbers[:1, None] if (numbers == numbers[0]).all() else numbers[:, None]


def _changed(mapped: Mapped | None, change: Callable[[Reals], Reals]) -> Mapped | None:
    """The same function of a function's values."""
    if mapped is None:
        return None
    reals = change(np.atleast_2d(mapped.reals))
    return Mapped(mapped.source, reals[0] if len(reals) == 1 else reals)


Value = (
    Raw
    | IntegerImage
    | Constant
    | ConstantLevels
    | Levels
    | Weights
    | Activations
    | Mapped
    | Joined
    | CodeProduct
    | Mean
    | Sums
    | Scores
    | Turned
)


def scalar(array: Array, what: str) -> float:
    """The only number in `array`; `what` names it in the message."""
    if array.size != 1:
        raise NetworkFileError(f"must have one {what}, not one for each channel")
    return float(array.reshape(()))


def channels_of(array: Array, rank: int, channels: int) -> Reals:
    """A constant that meets (B, C, H, W), rank 4, or (B, C), rank 2, as one number a channel."""
    values = np.asarray(array, np.float64)
    shape = (1,) * (rank - values.ndim) + values.shape
    alone = len(shape) == rank and all(size == 1 for i, size in enumerate(shape) if i != 1)
    if not alone or values.size not in (1, channels):
        raise NetworkFileError(f"has a constant of shape {values.shape} for {channels} channels")
    return np.broadcast_to(values.reshape(-1), (channels,))
