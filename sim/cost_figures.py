"""Where energy and area come from when designs are explored.

The one seam between exploration and the characterised components: `known_figures` gives a function
of array sizes and counted events. Until there are figures it gives None, and what needs them is
refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cycles import Sizes
from .schedule import MemoryArrays, Schedule

__all__ = ["Costs", "Events", "Figures", "known_figures"]

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """What happens on some arrays: shapes broadcast to (designs, bit-widths, layers).

    Attributes
    ----------
    sizes : of the arrays, (designs, 1, 1)
    memory : scratchpads and DRAM, (designs, 1, 1)
    clock_hz : (designs, 1, 1)
    bits : k of each layer, (bit-widths, layers)
    schedule : the core's counters and the bytes moved, (designs, bit-widths, layers)
    """

    sizes: Sizes
    memory: MemoryArrays
    clock_hz: Reals
    bits: npt.NDArray[np.int64]
    schedule: Schedule


@dataclass(frozen=True)
class Costs:
    """Of some events.

    Attributes
    ----------
    energy_pj : of each layer, (designs, bit-widths, layers)
    area_um2 : of each design, (designs,)
    """

    energy_pj: Reals
    area_um2: Reals


Figures = Callable[[Events], Costs]


def known_figures() -> Figures | None:
    """Energy and area of events, or None while the package has no figures for them."""
    return None
