"""Layers without weights beyond pools: tables of codes, joins, upsampling, products of codes.

Each makes codes of codes and computes nothing that is rounded, but `Scale`. The array does not run
them; who runs a network on hardware does them beside it, or refuses them by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .network import CodeLayer
from .requantise import Requantisation, requantise
from .types import Codes, Pair, Shape, Tensors

__all__ = ["Concat", "DepthToSpace", "Lookup", "Scale", "Upsample"]

CODES = 256  # entries of a table: one for each 8-bit code


@dataclass(frozen=True)
class Lookup(CodeLayer):
    """Each code becomes an entry of a table: any function of one code, exact.

    Its tensor `NAME.table`, uint8 (256,), holds the output code of each input code; or (C, 256), a
    table for each channel.

    Attributes
    ----------
    out_bits : bits of its output codes
    """

    out_bits: int = 8

    def shape(self, given: Sequence[Shape], tensors: Tensors) -> Shape:
        """The shape of its input."""
        table = tensors[f"{self.name}.table"].shape
        if table not in ((CODES,), (given[0][0], CODES)):
            raise ValueError(
                f"Layer {self.name!r} must have a table of {CODES} codes, or one for each of "
                f"{given[0][0]} channels, not one of shape {table}"
            )
        return given[0]

    def bits(self, given: Sequence[int]) -> int:
        """Those of its entries."""
        return self.out_bits

    def run(self, given: Sequence[Codes], tensors: Tensors) -> Codes:
        """The entries of the input's codes."""
        table, codes = tensors[f"{self.name}.table"].astype(np.uint8, copy=False), given[0]
        if table.ndim == 1:
            return table[codes]
        channels = np.arange(len(table)).reshape(1, -1, *[1] * (codes.ndim - 2))
        return table[channels, codes]

    def check(self, tensors: Tensors) -> None:
        """The table is of codes of `out_bits`."""
        table = tensors[f"{self.name}.table"]
        valid = table.dtype == np.uint8 and table.ndim in (1, 2) and table.shape[-1:] == (CODES,)
        if not valid or (table.size and int(table.max()) >> self.out_bits):
            raise ValueError(
                f"tensor '{self.name}.table' must be codes of {self.out_bits} bits, uint8 with "
                f"shape ({CODES},) or (C, {CODES}), not {table.dtype} with shape {table.shape}"
            )

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Its table."""
        return ("table",)


@dataclass(frozen=True)
class Concat(CodeLayer):
    """The channels of several layers behind each other.

    Attributes
    ----------
    others : names of the layers whose channels follow those of `input`
    """

    others: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """All that it joins, in order."""
        return (self.input, *self.others)

    def shape(self, given: Sequence[Shape], tensors: Tensors) -> Shape:
        """The sum of all channels, of one height and width."""
        for name, shape in zip(self.sources, given, strict=True):
            if shape[1:] != given[0][1:]:
                raise ValueError(
                    f"Layer {self.name!r} joins {self.input!r}, which gives {given[0]}, and "
                    f"{name!r}, which gives {shape}"
                )
        return (sum(shape[0] for shape in given), *given[0][1:])

    def bits(self, given: Sequence[int]) -> int:
        """The most bits of what it joins."""
        return max(given)

    def run(self, given: Sequence[Codes], tensors: Tensors) -> Codes:
        """The codes of all, along the channels."""
        return np.concatenate(given, axis=1)


@dataclass(frozen=True)
class Upsample(CodeLayer):
    """Each pixel repeated, `factor` times (vertical, horizontal)."""

    factor: Pair = (2, 2)

    def shape(self, given: Sequence[Shape], tensors: Tensors) -> Shape:
        """The input's, `factor` times as high and wide."""
        channels, height, width = self.image(given[0])
        return (channels, height * self.factor[0], width * self.factor[1])

    def run(self, given: Sequence[Codes], tensors: Tensors) -> Codes:
        """The repeated codes."""
        return given[0].repeat(self.factor[0], axis=2).repeat(self.factor[1], axis=3)


@dataclass(frozen=True)
class DepthToSpace(CodeLayer):
    """Channels (C, BH, BW), C outermost, become C channels of images BH x BW times as large.

    Output (c, y, x) is input (c, y % BH, x % BW) at (y // BH, x // BW). Behind a convolution of
    1 x 1 it makes a transposed convolution whose stride is its kernel.

    Attributes
    ----------
    block : (BH, BW)
    """

    block: Pair = (2, 2)

    def shape(self, given: Sequence[Shape], tensors: Tensors) -> Shape:
        """Fewer channels, as many codes."""
        channels, height, width = self.image(given[0])
        high, wide = self.block
        if channels % (high * wide):
            raise ValueError(
                f"Layer {self.name!r} takes a multiple of {high * wide} channels, but its input "
                f"{self.input!r} gives {given[0]}"
            )
        return (channels // (high * wide), height * high, width * wide)

    def run(self, given: Sequence[Codes], tensors: Tensors) -> Codes:
        """The moved codes."""
        count, channels, height, width = given[0].shape
        high, wide = self.block
        apart = given[0].reshape(count, channels // (high * wide), high, wide, height, width)
        moved = apart.transpose(0, 1, 4, 2, 5, 3)
        return moved.reshape(count, -1, height * high, width * wide)


@dataclass(frozen=True)
class Scale(CodeLayer):
    """Codes a times codes b: clamp((M (a - zero) (b - by_zero) + B) >> s, 0, 2**m - 1).

    b has the shape of a, or one code for each channel. M, B and s are its tensors
    `NAME.multiplier`, `.bias` and `.shift`, int64 (1,).

    Attributes
    ----------
    by : name of the layer that gives b
    zero, by_zero : the codes that stand for 0
    out_bits : m
    """

    by: str = ""
    zero: int = 0
    by_zero: int = 0
    out_bits: int = 8

    @property
    def sources(self) -> tuple[str, ...]:
        """Both factors."""
        return (self.input, self.by)

    def shape(self, given: Sequence[Shape], tensors: Tensors) -> Shape:
        """That of its input."""
        one, other = given
        if other not in (one, one[:1], (one[0], *[1] * len(one[1:]))):
            raise ValueError(
                f"Layer {self.name!r} multiplies {self.input!r}, which gives {one}, by "
                f"{self.by!r}, which gives {other}"
            )
        return one

    def bits(self, given: Sequence[int]) -> int:
        """Those of its output."""
        return self.out_bits

    def run(self, given: Sequence[Codes], tensors: Tensors) -> Codes:
        """The requantised products."""
        one, other = (
            codes.astype(np.int64) - zero
            for codes, zero in zip(given, (self.zero, self.by_zero), strict=True)
        )
        if other.ndim < one.ndim:
            other = other[:, :, None, None]
        return requantise(one * other, self.requantisation(tensors))

    def requantisation(self, tensors: Tensors) -> Requantisation:
        """M, B and s."""
        multiplier, bias, shift = (
            tensors[f"{self.name}.{name}"].astype(np.int64) for name in self.tensor_names
        )
        return Requantisation(multiplier=multiplier, bias=bias, shift=shift, out_bits=self.out_bits)

    def check(self, tensors: Tensors) -> None:
        """Nothing overflows 64 bits, whatever the codes are."""
        numbers = {}
        for name in self.tensor_names:
            array = tensors[f"{self.name}.{name}"]
            if array.dtype != np.int64 or array.shape != (1,):
                raise ValueError(
                    f"tensor '{self.name}.{name}' must be int64 with shape (1,), "
                    f"not {array.dtype} with shape {array.shape}"
                )
            numbers[name] = int(array[0])
        if not 0 <= numbers["shift"] <= 63:
            raise ValueError(f"tensor '{self.name}.shift' must be in 0..63")
        if abs(numbers["multiplier"]) * 255 * 255 + abs(numbers["bias"]) >= 1 << 63:
            raise ValueError(f"layer {self.name!r} can overflow 64 bits")

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Its parameters."""
        return ("multiplier", "bias", "shift")
