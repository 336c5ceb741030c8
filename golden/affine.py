"""Layers whose scales are known as reals: their integer parameters, made for each k anew.

Importers of other tools' networks describe a layer by an `AffineProduct`: integer weights, and
what a sum is worth. Here this becomes M, Mr, B and s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .certify import certify
from .network import AvgPool, Linear, Product
from .quantise import WEIGHT_BITS, OffsetKind, integer_weights, weight_offset
from .requantise import MULTIPLIER_BITS, Requantisation, from_affine
from .types import Array, Codes, Integers, Reals, Tensors

__all__ = [
    "AffineProduct",
    "Stream",
    "code_parameters",
    "exact_codes",
    "least_multiplier_bits",
    "logit_parameters",
    "mean_pool",
    "requantisation_tensors",
]

MOST_CERTIFIED = 1 << 12  # comparisons a channel; more, as of 8-bit residuals, take minutes
LOGIT_BITS = 18
MOST_MULTIPLIER_BITS = 32
MOST_MEAN_BITS = 31  # of the multiplier of a pool


@dataclass(frozen=True)
class Stream:
    """Activation codes a that stand for the reals scale * (a - zero).

    Attributes
    ----------
    layer : name of the layer that gives the codes, or `image`
    bits : bits of the codes
    scale : the real that one step of a code is worth
    zero : the code that stands for 0; it may lie between two codes
    """

    layer: str
    bits: int
    scale: float = 1.0
    zero: float = 0

    @property
    def largest(self) -> int:
        """The largest code."""
        return (1 << self.bits) - 1


@dataclass(frozen=True, kw_only=True)
class AffineProduct:
    """A layer of weights, and the reals that its sums stand for.

    Attributes
    ----------
    layer : its name, input and geometry, its own k if it has one, and the kind of its offset z
    codes : uint8 (O, I, KH, KW) or (O, I)
    source : the codes that the layer reads
    unit : real (O,), what a weight W = 1 is worth at `width` bits. S = 1 is worth that times the
        source's scale
    offset : real (O,), added to what the sums are worth
    width : the bit-width that `unit` is for. At other bit-widths the largest weight is worth the
        same, so that a unit is worth more the fewer bits there are
    residual : codes that are added to the sums, or None
    residual_scale : real (O,), what a code of the residual is worth, in each channel
    means : real (K,), or (groups, K), the mean of each code that a dot product takes, or None. With
        means each channel keeps, at each k, the mean output that it has at `width`
    """

    layer: Product
    codes: Codes
    source: Stream
    unit: Reals
    offset: Reals
    width: int = WEIGHT_BITS
    residual: Stream | None = None
    residual_scale: Reals | None = None
    means: Reals | None = None

    def affine(self, bits: int) -> tuple[Reals, Reals]:
        """Scale and offset, real (O,), at the network's `bits`: S is worth scale * S + offset.

        The zero points of source and residual are part of the offset: the weights at this
        bit-width make S - zero * sum(W) of the codes less their zero point.
        """
        used = self.layer.bits or bits
        scale = self._scale(used)
        totals = self._weights(used).sum(axis=1, dtype=np.int64)
        offset = self.offset - scale * self.source.zero * totals
        if self.means is not None and used < self.width:
            whole = self._scale(self.width) * self._mean_sums(self.width)
            offset = offset + whole - scale * self._mean_sums(used)
        if self.residual is not None and self.residual_scale is not None:
            offset = offset - self.residual_scale * self.residual.zero
        return scale, offset

    def _scale(self, used: int) -> Reals:
        """What S = 1 is worth with weights of `used` bits."""
        kind: OffsetKind = "bipolar" if self.layer.offset == "bipolar" else "twos_complement"
        ratio = weight_offset(self.width, kind) / weight_offset(used, kind)
        return self.unit * ratio * self.source.scale

    def _mean_sums(self, used: int) -> Reals:
        """The mean sum of each channel, real (O,), of codes less their zero point."""
        means = np.zeros(1) if self.means is None else self.means
        means = np.atleast_2d(means - float(self.source.zero))
        weights = self._weights(used)
        apart = weights.reshape(len(means), -1, weights.shape[1])
        return np.einsum("gok,gk->go", apart, means).ravel()

    def largest_sum(self, bits: int) -> int:
        """A bound of |S| at the network's `bits`, padding included."""
        weights = np.abs(self._weights(self.layer.bits or bits)).sum(axis=1, dtype=np.int64)
        code = max(self.source.largest, getattr(self.layer, "pad_code", 0))
        return int(weights.max()) * code

    def _weights(self, used: int) -> npt.NDArray[np.int32]:
        weights = integer_weights(self.codes, used, self.layer.offset)
        pixels = self.layer.pixels if isinstance(self.layer, Linear) else 1
        return np.repeat(weights.reshape(len(weights), -1), pixels, axis=1)


def requantisation_tensors(
    prefix: str,
    scale: Reals,
    offset: Reals,
    *,
    out_bits: int,
    largest_sum: int,
    residual_scale: Reals | None = None,
    largest_residual: int = 0,
    multiplier_bits: int = MULTIPLIER_BITS,
    half_even: bool = False,
) -> Tensors:
    """The tensors `PREFIX.multiplier`, `.bias`, `.shift` and so on of one layer at one k.

    See `from_affine` for the numbers, and `certify` for `PREFIX.exact`, which is left out if the
    proof would take minutes.
    """
    params = from_affine(
        scale,
        offset,
        out_bits=out_bits,
        residual_scale=residual_scale,
        multiplier_bits=multiplier_bits,
        half_even=half_even,
    )
    tensors: dict[str, Array] = {
        f"{prefix}.multiplier": params.multiplier,
        f"{prefix}.bias": params.bias,
        f"{prefix}.shift": params.shift,
    }
    if params.residual_multiplier is not None:
        tensors[f"{prefix}.residual_multiplier"] = params.residual_multiplier
    if ((1 << out_bits) - 1) * (largest_residual + 1) <= MOST_CERTIFIED:
        exact = certify(
            params,
            scale,
            offset,
            largest_sum=largest_sum,
            residual_scale=0.0 if residual_scale is None else residual_scale,
            largest_residual=largest_residual,
        )
        tensors[f"{prefix}.exact"] = exact.astype(np.uint8)
    return tensors


def code_parameters(
    product: AffineProduct,
    output: Stream,
    widths: Sequence[int],
    *,
    rounding: float = 0.5,
    multiplier_bits: int = MULTIPLIER_BITS,
) -> Tensors:
    """The tensors of a layer that gives codes, certified where that is quick.

    Parameters
    ----------
    product : the layer
    output : the codes that it gives; their scale and zero say which code stands for which real
    widths : the network's k
    rounding : 0.5 rounds half up, 0 rounds down

    Returns
    -------
    tensors by name, as in `Network.tensors`

    Raises
    ------
    ValueError
        If a number is not finite, or too large for the multipliers: names the layer and k.
    """
    name, residual = product.layer.name, product.residual
    extra = None if product.residual_scale is None else product.residual_scale / output.scale
    tensors: dict[str, Array] = {f"{name}.codes": product.codes}
    for bits in widths:
        scale, offset = _in_codes(product, output, bits, rounding)
        try:
            tensors |= requantisation_tensors(
                f"{name}.b{bits}",
                scale,
                offset,
                out_bits=output.bits,
                largest_sum=product.largest_sum(bits),
                residual_scale=extra,
                largest_residual=0 if residual is None else residual.largest,
                multiplier_bits=multiplier_bits,
                half_even=product.layer.rounding == "half_even",
            )
        except ValueError as error:
            raise ValueError(f"Layer {name!r} at k = {bits}: {error}") from None
    return tensors


def _in_codes(
    product: AffineProduct, output: Stream, bits: int, rounding: float
) -> tuple[Reals, Reals]:
    """Scale and offset, real (O,), in units of output codes, of codes that are rounded to nearest.

    A `rounding` of 0, which rounds down, is an offset that is less by 1/2.
    """
    scale, offset = product.affine(bits)
    return scale / output.scale, offset / output.scale + output.zero + rounding - 0.5


def exact_codes(
    product: AffineProduct,
    output: Stream,
    bits: int,
    sums: Integers,
    residual: Codes | None = None,
    *,
    rounding: float = 0.5,
) -> tuple[Reals, Reals]:
    """What real arithmetic makes of sums: the codes, halves to even, and the reals before that.

    Parameters
    ----------
    sums, residual : int64 and uint8 (..., O)
    rounding : 0.5 rounds to nearest, 0 rounds down

    Returns
    -------
    two float64 arrays (..., O)
    """
    scale, offset = _in_codes(product, output, bits, rounding)
    reals = scale * sums + offset
    if residual is not None and product.residual_scale is not None:
        reals = reals + product.residual_scale / output.scale * residual
    codes = np.rint(reals) if rounding else np.floor(reals + 0.5)
    return np.clip(codes, 0, output.largest), reals


def least_multiplier_bits(
    product: AffineProduct, output: Stream, bits: int, *, rounding: float = 0.5
) -> int | None:
    """The fewest bits of multipliers that certify every channel of a layer at the network's `bits`.

    None if 32 bits do not, or if the proof would take minutes, see `certify`.
    """
    scale, offset = _in_codes(product, output, bits, rounding)
    largest = 0 if product.residual is None else product.residual.largest
    extra = None if product.residual_scale is None else product.residual_scale / output.scale
    if output.largest * (largest + 1) > MOST_CERTIFIED:
        return None
    order = list(range(len(scale)))
    for width in range(2, MOST_MULTIPLIER_BITS + 1):
        try:
            params = from_affine(
                scale,
                offset,
                out_bits=output.bits,
                residual_scale=extra,
                multiplier_bits=width,
                half_even=product.layer.rounding == "half_even",
            )
        except ValueError:  # a scale does not fit
            continue
        wrong = next(
            (
                channel
                for channel in order
                if not certify(
                    _channel(params, channel),
                    scale[channel],
                    offset[channel],
                    largest_sum=product.largest_sum(bits),
                    residual_scale=0.0 if extra is None else extra[channel],
                    largest_residual=largest,
                )[0]
            ),
            None,
        )
        if wrong is None:
            return width
        order.remove(wrong)
        order.insert(0, wrong)  # what fails here most likely fails with one bit more
    return None


def _channel(params: Requantisation, channel: int) -> Requantisation:
    """The parameters of one channel alone."""
    part, extra = slice(channel, channel + 1), params.residual_multiplier
    return replace(
        params,
        multiplier=params.multiplier[part],
        bias=params.bias[part],
        shift=params.shift[part],
        residual_multiplier=None if extra is None else extra[part],
    )


def mean_pool(
    pool: AvgPool,
    source: Stream,
    output: Stream,
    count: int,
    *,
    factor: float = 1.0,
    rounding: float = 0.5,
) -> tuple[AvgPool, bool]:
    """A pool whose means, times a factor, become codes of a scale and bits of their own.

    The multiplier gets the fewest bits, from 18 to 31, with which the codes are those of exact
    arithmetic for every sum, or else 31.

    Parameters
    ----------
    pool : the pool, of windows of `count` codes of `source`
    output : what the codes stand for
    rounding : 0.5 rounds half up, 0 rounds down

    Returns
    -------
    the pool with its parameters, and whether it is exact for every sum

    Raises
    ------
    ValueError
        If a number is not finite, or too large for the multiplier.
    """
    ratio = factor * source.scale / output.scale
    scale = ratio / count
    if Fraction(scale) < Fraction(ratio) / count:  # a sum that is a whole code reaches it
        scale = float(np.nextafter(scale, np.inf))
    offset = output.zero - ratio * source.zero + rounding - 0.5
    for bits in range(MULTIPLIER_BITS, MOST_MEAN_BITS + 1):
        params = from_affine(scale, offset, out_bits=output.bits, multiplier_bits=bits)
        exact = certify(params, scale, offset, largest_sum=count * source.largest)
        if exact.all():
            break
    found = replace(
        pool,
        out_bits=output.bits,
        multiplier=int(params.multiplier[0]),
        bias=int(params.bias[0]),
        shift=int(params.shift[0]),
    )
    return found, bool(exact.all())


def logit_parameters(product: AffineProduct, widths: Sequence[int]) -> Tensors:
    """The tensors of a layer whose sums are logits: M*S + B, in a unit that all channels share.

    If all numbers are whole, they stay as they are. Else, if all channels have one scale, M is 1
    and B alone is rounded. Else all are rounded in the unit in which the largest M has 18 bits.

    Parameters
    ----------
    product : the layer
    widths : the network's k

    Returns
    -------
    tensors by name, as in `Network.tensors`

    Raises
    ------
    ValueError
        If a number is not finite, all scales are zero, or B is too large: names the layer and k.
    """
    name = product.layer.name
    tensors: dict[str, Array] = {f"{name}.codes": product.codes}
    for bits in widths:
        scale, offset = product.affine(bits)
        largest = np.abs(scale).max()
        where = f"Layer {name!r} at k = {bits}"
        if not (np.isfinite(scale).all() and np.isfinite(offset).all() and largest > 0):
            raise ValueError(f"{where}: the scales of logits must be finite and not all zero")
        terms = {"multiplier": scale, "bias": offset}
        if product.residual_scale is not None:
            terms["residual_multiplier"] = product.residual_scale
        if not all((values == np.rint(values)).all() for values in terms.values()):
            same = (scale == largest).all()
            unit = largest if same else largest / ((1 << LOGIT_BITS - 1) - 1)
            terms = {key: values / unit for key, values in terms.items()}
        for key, values in terms.items():
            if np.abs(values).max() >= 1 << 46:
                raise ValueError(
                    f"{where}: {key} must fit 46 bits, not reach {np.abs(values).max():g}"
                )
            tensors[f"{name}.b{bits}.{key}"] = np.rint(values).astype(np.int64)
    return tensors
