"""What a Liberty library says of its cells: functions, capacitances, timing and power tables.

Units: ps, fF, fJ, nW, um2, V.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Reals

from .boolean import Function

__all__ = ["EDGES", "Arc", "Cell", "Library", "LookupTable", "Pin", "Power", "Register"]

EDGES = ("rise", "fall")


@dataclass(frozen=True, eq=False)
class LookupTable:
    """Values over two axes: bilinear between the points, linear beyond the outer ones.

    Attributes
    ----------
    first : points of axis 0: the input slew, or the slew of a constrained pin, ps
    second : points of axis 1: the output load, fF, or the slew of the related pin, ps
    values : array (len(first), len(second))
    """

    first: Reals
    second: Reals
    values: Reals

    def __call__(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Reals:
        """Interpolate at points, broadcast against each other."""
        i, u = _place(self.first, np.asarray(first, float))
        j, v = _place(self.second, np.asarray(second, float))
        z = self.values
        if len(self.first) == 1:
            low = z[0][j]
            return low if len(self.second) == 1 else low + v * (z[0][j + 1] - low)
        if len(self.second) == 1:
            return z[i, 0] + u * (z[i + 1, 0] - z[i, 0])
        low = z[i, j] + v * (z[i, j + 1] - z[i, j])
        high = z[i + 1, j] + v * (z[i + 1, j + 1] - z[i + 1, j])
        return low + u * (high - low)


def _place(axis: Reals, at: Reals) -> tuple[npt.NDArray[np.intp], Reals]:
    """Return each point's interval, and how far it lies in it; the outer ones have no end."""
    if len(axis) == 1:
        return np.zeros(at.shape, np.intp), np.zeros(at.shape)
    index = np.clip(np.searchsorted(axis, at) - 1, 0, len(axis) - 2)
    return index, (at - axis[index]) / (axis[index + 1] - axis[index])


@dataclass(frozen=True, eq=False)
class Arc:
    """Timing of a pin against a related pin.

    Attributes
    ----------
    related : the related pin
    kind : Liberty's timing_type, "combinational" if the file gives none
    sense : "positive_unate", "negative_unate" or "non_unate"
    delay, slew : tables by the output's edge, "rise" and "fall"; `delay` of a constraint has the
        required time by the edge of the constrained pin
    """

    related: str
    kind: str
    sense: str
    delay: Mapping[str, LookupTable]
    slew: Mapping[str, LookupTable]


@dataclass(frozen=True, eq=False)
class Power:
    """Internal energy of a pin's toggle, fJ: tables by edge.

    Attributes
    ----------
    related : pins whose toggle causes it; an input pin has none
    when : state of the cell in which the tables hold; None where they hold in any
    energy : tables by edge
    """

    related: tuple[str, ...]
    when: Function | None
    energy: Mapping[str, LookupTable]


@dataclass(frozen=True, eq=False)
class Pin:
    """A cell's pin. Inputs have a capacitance, outputs a `max_load`, both in fF."""

    name: str
    direction: str
    capacitance: float
    max_load: float
    function: Function | None
    arcs: Sequence[Arc]
    powers: Sequence[Power]


@dataclass(frozen=True)
class Register:
    """What makes a cell store a bit.

    Attributes
    ----------
    kind : "ff", or "gate" of an integrated clock gate
    clock : the clock pin; flip-flops load at its rising edge
    data : next state of a flip-flop; enable of a gate
    state, inverse : internal names of the state and its inverse
    clear, preset : when the state is forced to 0 or 1, whatever the clock does; or None
    """

    kind: str
    clock: str
    data: Function
    state: str = ""
    inverse: str = ""
    clear: Function | None = None
    preset: Function | None = None


@dataclass(frozen=True, eq=False)
class Cell:
    """A library cell. Its area is in um2; its leakage, in nW, is the mean over its states."""

    name: str
    area: float
    leakage: float
    dont_use: bool
    pins: Mapping[str, Pin]
    register: Register | None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input pins, in the library's order."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "input")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output pins, in the library's order."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "output")


@dataclass(frozen=True, eq=False)
class Library:
    """One process corner, of one or several files.

    Attributes
    ----------
    name : name of the first file's library
    voltage : supply voltage, V
    temperature : degrees Celsius
    cells : the cells, by name
    files : SHA-256 of each file, by file name
    paths : the files
    """

    name: str
    voltage: float
    temperature: float
    cells: Mapping[str, Cell]
    files: Mapping[str, str]
    paths: Sequence[Path] = field(default=())
