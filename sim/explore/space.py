"""A space of designs: every combination of the values of each axis, numbered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["ARRAY_AXES", "AUTO", "AXES", "AXES_OF", "DesignSpace", "Top", "axis_values"]

AUTO = 0  # stands for the fewest requantisers that slow nothing down, see `ArrayConfig`
MOST_VALUES = 10_000  # on one axis

Top = Literal["core", "npu"]  # what is explored: the core fed by a host, or the NPU

# The axes of spaces, and the type of their values
AXES: Mapping[str, type] = {
    "rows": int,
    "cols": int,
    "lanes": int,
    "planes": int,
    "requantisers": int,
    "activation_kib": int,
    "weight_kib": int,
    "dram_gb_s": float,
    "bus_width": int,
    "groups": int,
    "depth": int,
    "clock_mhz": float,
}
ARRAY_AXES = ("rows", "cols", "lanes", "planes", "requantisers")
# The axes of each top's space. How an NPU runs a network is planned for the first five of its own,
# so that designs which are evaluated together share plans.
AXES_OF: Mapping[Top, tuple[str, ...]] = {
    "core": (*ARRAY_AXES, "activation_kib", "weight_kib", "dram_gb_s", "clock_mhz"),
    "npu": (
        *("rows", "lanes", "planes", "groups", "depth", "cols", "requantisers", "bus_width"),
        "clock_mhz",
    ),
}


@dataclass(frozen=True)
class DesignSpace:
    """All combinations of the values of its axes, numbered so that the last axis varies fastest.

    Attributes
    ----------
    axes : values by axis, in the order of `AXES_OF`
    """

    axes: Mapping[str, Sequence[float]]

    def __len__(self) -> int:
        return prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values of each axis."""
        return tuple(len(values) for values in self.axes.values())

    def sizes_at(self, points: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """The values of each axis for the designs numbered `points`: arrays (n,) by axis."""
        places = np.unravel_index(points, self.shape)
        return {
            name: np.array(values, AXES[name])[place]
            for (name, values), place in zip(self.axes.items(), places, strict=True)
        }

    def point(self, places: Sequence[int]) -> int:
        """Number of the design that has, of each axis, the value at the index in `places`."""
        return int(np.ravel_multi_index(tuple(places), self.shape))


def axis_values(name: str, given: object) -> tuple[float, ...]:
    """Read the values of an axis as a file or an option gives them.

    Parameters
    ----------
    given : a number; a list of numbers; or a text such as `4,8,16`, `4..16` (all whole numbers),
        `4..32+4` (in steps of 4) or `4..64x2` (each twice the one before); requantisers may be
        `auto` too

    Raises
    ------
    ValueError
        If it is none of these, if a number is there twice or is not more than 0, or if there are
        more than 10,000 numbers.
    """
    entries = given if isinstance(given, list | tuple) else [given]
    values: list[float] = []
    for entry in entries:
        parts = entry.split(",") if isinstance(entry, str) else [entry]
        for part in parts:
            values += _values(name, part.strip() if isinstance(part, str) else part)
            if len(values) > MOST_VALUES:
                raise ValueError(f"{name} must have at most {MOST_VALUES} values")
    if not values:
        raise ValueError(f"{name} must have at least one value")
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{name} must name each value once, not {twice[0]:g} several times")
    return tuple(values)


def _values(name: str, part: object) -> list[float]:
    if name == "requantisers" and part == "auto":
        return [AUTO]
    if isinstance(part, str) and ".." in part:
        return _range(name, part)
    return [_number(name, part)]


def _number(name: str, part: object) -> float:
    kind = AXES[name]
    value: float = -1
    if isinstance(part, int | float) and not isinstance(part, bool):
        value = part
    elif isinstance(part, str):
        try:
            value = float(part)
        except ValueError:
            value = -1
    if not 0 < value < 1e15 or (kind is int and value != int(value)):
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{name} must be {what} of more than 0, not {part!r}")
    return kind(value)


def _range(name: str, text: str) -> list[float]:
    first, _, rest = text.partition("..")
    factor = "x" in rest
    last, sign, by = rest.partition("x" if factor else "+")
    value, most = _number(name, first.strip()), _number(name, last.strip())
    step = _number(name, by.strip()) if sign else 1
    if value > most or (factor and step <= 1):
        raise ValueError(
            f"{name} must be a rising range such as 4..16, 4..32+4 or 4..64x2, not {text!r}"
        )
    values: list[float] = []
    while value <= most and len(values) <= MOST_VALUES:
        values.append(value)
        value = value * step if factor else value + step
    return [AXES[name](value) for value in values]
