"""Units of a Liberty file, and the factors that bring its numbers to ours."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .groups import group_values

__all__ = ["Units", "liberty_units"]

PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}


@dataclass(frozen=True)
class Units:
    """Factors that bring a file's numbers to ps, fF, fJ and nW."""

    time: float
    load: float
    energy: float
    leakage: float


def _unit(text: str, symbol: str, path: Path) -> float:
    """Return a quantity such as 10ps in SI units."""
    match = re.fullmatch(rf"([\d.eE+-]+)\s*,?\s*([fpnumk]?){symbol}", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{path}: unit must be a number and a unit of {symbol}, not {text!r}")
    return float(match.group(1)) * PREFIXES[match.group(2).lower()]


def liberty_units(group: Any, path: Path) -> Units:
    """Return the factors of a file, whose internal power is in load x voltage units squared.

    Raises
    ------
    ValueError
        If the file lacks a unit, has one of another kind, or voltages that are not in volts.
    """
    values = group_values(group)
    for name in ("time_unit", "capacitive_load_unit", "leakage_power_unit", "voltage_unit"):
        if name not in values:
            raise ValueError(f"{path}: library must say its {name}")
    load = _unit(values["capacitive_load_unit"], "f", path)
    volt = _unit(values["voltage_unit"], "V", path)
    if volt != 1.0:
        raise ValueError(f"{path}: voltage_unit must be 1V, not {values['voltage_unit']!r}")
    return Units(
        time=_unit(values["time_unit"], "s", path) / 1e-12,
        load=load / 1e-15,
        energy=load / 1e-15,
        leakage=_unit(values["leakage_power_unit"], "W", path) / 1e-9,
    )
