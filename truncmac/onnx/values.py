"""What a tensor of a quantised ONNX graph stands for while the graph is read.

Each tensor is one of the kinds below: the image before it is quantised, a constant, activation
codes, or the sums of a layer of weights that a quantiser has still to close.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from truncmac.golden import AffineProduct, NetworkFileError, Stream
from truncmac.golden.types import Array, Pair, Reals

from .weights import Weights

__all__ = [
    "Activations",
    "Constant",
    "ConstantLevels",
    "Levels",
    "Mean",
    "Raw",
    "Sums",
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
    """

    value: "Value"
    scale: float
    zero: int
    low: int
    high: int


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
    padding: Pair = (0, 0)
    pad_code: int = 0


@dataclass(frozen=True)
class Mean:
    """Means of `count` codes each, which are rounded to the codes' own grid already."""

    stream: Stream
    count: int


@dataclass(frozen=True)
class Sums:
    """The sums of a layer of weights, of which no codes are made yet.

    Attributes
    ----------
    product : the layer, and the reals that its sums stand for
    relu, floor : whether a Relu or a Floor is still to be done
    """

    product: AffineProduct
    relu: bool = False
    floor: bool = False

    def scaled(self, factor: Reals) -> "Sums":
        """The sums times one number, or one for each channel."""
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
        """The sums plus one number, or one for each channel."""
        return replace(self, product=replace(self.product, offset=self.product.offset + amount))


Value = Raw | Constant | ConstantLevels | Levels | Weights | Activations | Mean | Sums


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
