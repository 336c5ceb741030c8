"""The order of a netlist's cells in which each comes after all that drive it."""

from collections.abc import Hashable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

__all__ = ["drivers_first"]

Key = TypeVar("Key", bound=Hashable)


def drivers_first(drivers: Mapping[Key, Iterable[Key]]) -> list[Key]:
    """Return the keys of `drivers`, which has what drives each of them, drivers first.

    Raises
    ------
    RuntimeError
        If something drives itself, through others or not.
    """
    try:
        return list(TopologicalSorter(drivers).static_order())
    except CycleError:
        raise RuntimeError("Netlist has a combinational loop") from None
