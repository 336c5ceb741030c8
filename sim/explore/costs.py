"""Energy, area and clock of designs, from the characterised PE shapes of a library.

A PE shape is a pair (lanes, planes). A design of a shape that was not characterised, or a layer at
a k that was not, has no energy: NaN, never a guess from another shape or k. The energy is that of
the core, without memories.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers, Reals
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.points import CounterValues
from truncmac.sim.digest import json_digest
from truncmac.sim.energy.figures import available
from truncmac.sim.energy.layers import schedule_energies
from truncmac.sim.energy.model import Characterisation, load, read
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import Schedule

__all__ = ["Costs", "LibraryFigures", "read_figures"]

PeShape = tuple[int, int]


@dataclass(frozen=True)
class Costs:
    """What designs cost; NaN where there are no figures.

    Attributes
    ----------
    energy_pj : energy of each layer, (designs, bit-widths, layers)
    area_um2 : area of each design, (designs,)
    fmax_mhz : highest clock of each design, by static timing of the sizes that were synthesised,
        (designs,)
    """

    energy_pj: Reals
    area_um2: Reals
    fmax_mhz: Reals


@dataclass(frozen=True)
class LibraryFigures:
    """The characterised figures of one library.

    Attributes
    ----------
    library : name, file or folder, as it was asked for
    shapes : figures by PE shape
    """

    library: str
    shapes: Mapping[PeShape, Characterisation]

    @cached_property
    def fingerprint(self) -> str:
        """A name for all figures together."""
        return json_digest([own.figures.digest for _, own in sorted(self.shapes.items())])

    def costs(
        self,
        layers: Layers,
        configs: Sequence[ArrayConfig],
        *,
        found: Schedule,
        bits: Integers,
        clock_hz: Reals,
    ) -> Costs:
        """What designs cost, with the energy that they spend on layers.

        Parameters
        ----------
        layers : the layers
        configs : the array of each design
        found : the layers' schedule: arrays that broadcast to (designs, bit-widths, layers)
        bits : k of each layer, (bit-widths, layers)
        clock_hz : clock of each design, (designs,)
        """
        count = len(configs)
        energy = np.full((count, *bits.shape), np.nan)
        area, fmax = np.full(count, np.nan), np.full(count, np.nan)
        for shape, places in _by_pe_shape(configs).items():
            figures = self.shapes.get(shape)
            if figures is None:
                continue
            own = [configs[place] for place in places]
            some = _part(found, places, energy.shape)
            period = 1e12 / clock_hz[places]
            energy[places] = schedule_energies(layers, figures, own, some, bits, period)
            area[places] = figures.areas(own)
            fmax[places] = 1e6 / figures.period_ps
        energy[~np.broadcast_to(found.fits, energy.shape)] = np.nan
        return Costs(energy, area, fmax)

    def missing(self, shapes: Iterable[PeShape], bits: Collection[int]) -> list[str]:
        """The PE shapes and k that have no figures, in words."""
        lines = []
        for shape in shapes:
            figures = self.shapes.get(shape)
            lacking = sorted(set(bits) - set(figures.bits), reverse=True) if figures else []
            at = f" at k = {', '.join(map(str, lacking))}" if lacking else ""
            if figures is None or lacking:
                lines.append(f"{shape[0]} lanes x {shape[1]} planes{at}")
        return lines


def _by_pe_shape(configs: Sequence[ArrayConfig]) -> dict[PeShape, npt.NDArray[np.intp]]:
    places: dict[PeShape, list[int]] = {}
    for place, config in enumerate(configs):
        places.setdefault((config.lanes, config.planes), []).append(place)
    return {shape: np.array(own) for shape, own in places.items()}


def _part(found: Schedule, places: npt.NDArray[np.intp], shape: tuple[int, ...]) -> Schedule:
    """The schedule of the designs at `places`."""
    if len(places) == shape[0]:
        return found

    def of(values: Integers) -> Integers:
        return np.broadcast_to(values, shape)[places]

    counts = {name: of(values) for name, values in vars(found.counts).items()}
    return replace(
        found,
        counts=CounterValues(**counts),
        cycles=of(found.cycles),
        row_blocks=of(found.row_blocks),
        jobs=of(found.jobs),
    )


def read_figures(library: str) -> LibraryFigures:
    """Read the figures of a library that comes with the package, or figures of your own.

    Parameters
    ----------
    library : a library's name; or a file that `truncmac characterise` wrote, or a folder of such
        files

    Raises
    ------
    ValueError
        If there are no such figures: names the libraries that there are.
    OSError
        If a file cannot be read.
    """
    path = Path(library)
    if path.suffix == ".json" or path.is_dir():
        paths = sorted(path.glob("*_l*_p*.json")) if path.is_dir() else [path]
        found = [read(path) for path in paths]
    else:
        found = [load(*shape, library) for name, *shape in available() if name == library]
    if not found:
        known = ", ".join(sorted({name for name, _, _ in available()}))
        raise ValueError(
            f"Library must be one of {known}, or a file of truncmac characterise or a folder of "
            f"such files, not {library!r}"
        )
    return LibraryFigures(library, {own.figures.shape: own for own in found})
