"""Energy, area and clock of a core: its events, times its characterised figures.

`load` finds the figures of a PE shape in a library, and `Characterisation.energy` makes energies of
the counters of the core, or of those of the cycle model. See docs/explanation/energy.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden.types import Reals
from truncmac.hw.config import ArrayConfig

from .config_columns import ConfigColumns
from .figures import DEFAULT_LIBRARY, FOLDER, CoreFigures, EventFigures, available, read_figures
from .places import COMPONENTS, PLACES, Counts, Place
from .switching import Switching

__all__ = ["PARTS", "Characterisation", "load", "output_fj", "read"]

PARTS = (*COMPONENTS, "clock", "leakage")  # of the breakdown
FJ_IN_PJ = 1e3
Elementwise = Any  # a number, or an array of numbers of many runs on many arrays


@dataclass(frozen=True)
class Characterisation:
    """The energy model of one PE shape in one library.

    Attributes
    ----------
    figures : what was measured
    """

    figures: CoreFigures

    @property
    def library(self) -> str:
        """The library's name, corner and voltage, for captions."""
        return self.figures.library

    @property
    def bits(self) -> list[int]:
        """Bit-widths that were measured, the smallest first."""
        return sorted(self.figures.bits)

    @property
    def period_ps(self) -> float:
        """Shortest clock period by static timing, ps: the longest of those of all sizes."""
        return max(size.period_ps for size in self.figures.sizes)

    def switching(self, bits: int) -> Switching:
        """What toggled in the layers that were measured at k = `bits`."""
        return self.figures.bits[bits].switching

    def energy(
        self,
        config: ArrayConfig,
        counts: Counts,
        bits: int,
        *,
        switching: Switching | None = None,
        rows_used: float = 1.0,
        columns_used: float = 1.0,
        period_ps: float | None = None,
        glitches: bool = True,
    ) -> dict[str, float]:
        """Energy of a run, pJ, by `PARTS`.

        Parameters
        ----------
        config : the array; its lanes and planes must be those characterised
        counts : events of the run
        bits : k
        switching : what toggles in the data; by default as in the layers measured
        rows_used, columns_used : share of the tiles' rows and columns that hold outputs, 0..1
        period_ps : clock period, for the leakage; by default the shortest
        glitches : whether transitions that cancel within a cycle count, which were measured by
            timed simulation of a sample; without them a net toggles once a cycle at most

        Raises
        ------
        ValueError
            If the shape or the bit-width was not characterised.
        """
        self._check(config, bits)
        used = (rows_used, columns_used)
        parts = self._parts(config, counts, bits, switching, used, period_ps, glitches)
        return {name: float(value) for name, value in parts.items()}

    def energies(
        self,
        configs: Sequence[ArrayConfig],
        counts: Counts,
        bits: int,
        *,
        switching: Switching | None = None,
        rows_used: Reals,
        columns_used: Reals,
        period_ps: Reals,
        glitches: bool = True,
    ) -> dict[str, Reals]:
        """Energies of runs on many arrays, pJ, by `PARTS`: see `energy`.

        Parameters
        ----------
        configs : n arrays
        counts : events of the runs, arrays (n, m); so are the others, and what `switching` holds
        """
        for config in configs:
            self._check(config, bits)
        used = (rows_used, columns_used)
        columns: Any = ConfigColumns(configs)
        return self._parts(columns, counts, bits, switching, used, period_ps, glitches)

    def _parts(
        self,
        config: ArrayConfig,
        counts: Counts,
        bits: int,
        switching: Switching | None,
        used: tuple[Elementwise, Elementwise],
        period_ps: Elementwise,
        glitches: bool,
    ) -> dict[str, Elementwise]:
        """Energy by part. Sizes and counts may be arrays: all is elementwise."""
        period = self.period_ps if period_ps is None else period_ps
        width = self.figures.bits[bits]
        total: dict[str, Elementwise] = dict.fromkeys(PARTS, 0.0)
        for name, own in width.places.items():
            place = PLACES[name]
            if name == "requantiser":
                fj = _requantiser_fj(own, config, counts, width.switching, switching, used)
            else:
                fj = _event_fj(place, own, width.switching, switching, used)
            data, clock = _place_pj(place, own, config, counts, fj, glitches)
            total[place.component] = total[place.component] + data
            total["clock"] = total["clock"] + clock
        for name, always in self.figures.places.items():
            size = PLACES[name].size(config)
            root, leakage = always.root_clock_fj / FJ_IN_PJ, always.leakage_nw * 1e-9
            total["clock"] = total["clock"] + root * size * counts.cycles
            total["leakage"] = total["leakage"] + leakage * size * counts.cycles * period
        return total

    def area(self, config: ArrayConfig) -> dict[str, float]:
        """Cell area, um2, by component."""
        self._check(config, self.bits[0])
        return {name: float(value) for name, value in self._areas(config).items()}

    def areas(self, configs: Sequence[ArrayConfig]) -> Reals:
        """Cell areas of n arrays, um2, all components: (n,)."""
        columns: Any = ConfigColumns(configs)
        for config in columns.different:
            self._check(config, self.bits[0])
        total = np.asarray(sum(self._areas(columns).values()), np.float64)
        return np.broadcast_to(total, (len(configs), 1))[:, 0]

    def _areas(self, config: ArrayConfig) -> dict[str, Elementwise]:
        total: dict[str, Elementwise] = dict.fromkeys(COMPONENTS, 0.0)
        for name, own in self.figures.places.items():
            place = PLACES[name]
            total[place.component] = total[place.component] + own.area_um2 * place.size(config)
        return total

    def _check(self, config: ArrayConfig, bits: int) -> None:
        lanes, planes = self.figures.shape
        if (config.lanes, config.planes) != (lanes, planes):
            raise ValueError(
                f"These figures are of {lanes} lanes x {planes} planes, not of "
                f"{config.lanes} x {config.planes}"
            )
        if bits not in self.figures.bits:
            known = ", ".join(map(str, self.bits))
            raise ValueError(f"Bit-width must be one that was characterised ({known}), not {bits}")


def _place_pj(
    place: Place,
    own: EventFigures,
    config: ArrayConfig,
    counts: Counts,
    fj: Elementwise,
    glitches: bool,
) -> tuple[Elementwise, Elementwise]:
    """Energy of data and of gated clock in a place, pJ, if the data take `fj` in an event."""
    events = counts.of(place.event) / FJ_IN_PJ
    data = fj * events * place.work(config)
    data = data + own.cycle_fj * counts.working / FJ_IN_PJ
    data = np.maximum(data, 0.0)
    clock = own.clock_fj * events * place.clock_work(config)
    clock = clock + own.clock_share * data
    data = data * (own.glitch_factor if glitches else 1.0)
    clock = clock + own.cycle_clock_fj * counts.working / FJ_IN_PJ
    size = place.size(config) / FJ_IN_PJ
    data = data + own.waiting_fj * size * counts.waiting
    clock = clock + own.waiting_clock_fj * size * counts.waiting
    data = data + own.held_fj * size * counts.held
    clock = clock + own.held_clock_fj * size * counts.held
    return data, clock


def _event_fj(
    place: Place,
    own: EventFigures,
    measured: Switching,
    switching: Switching | None,
    used: tuple[Elementwise, Elementwise],
) -> Elementwise:
    """Energy of the data in an event, fJ for a work of one, by what the place follows."""
    fj: Elementwise = own.fj
    if switching is not None:
        value, mean = (getattr(toggles, place.follows) for toggles in (switching, measured))
        if place.of_sums:
            return fj * value / mean
        fj = fj + own.slope_fj * (value - mean)
    return fj * place.use(*used) + _idle_fj(place, own, used)


def _idle_fj(place: Place, own: EventFigures, used: tuple[Elementwise, Elementwise]) -> Elementwise:
    """Energy of the data in the rows and columns that hold no output, fJ for a work of one."""
    rows, columns = place.idle(*used)
    return columns * own.idle_columns_fj + rows * own.idle_rows_fj


def _requantiser_fj(
    own: EventFigures,
    config: ArrayConfig,
    counts: Counts,
    measured: Switching,
    switching: Switching | None,
    used: tuple[Elementwise, Elementwise],
) -> Elementwise:
    """Energy of an output, fJ. Toggles of sums have those of idle rows and columns in them."""
    if switching is not None:
        return output_fj(own, config, counts, switching.sum_toggles - measured.sum_toggles)
    place, level = PLACES["requantiser"], output_fj(own, config, counts)
    return level * (place.use(*used) + _idle_fj(place, own, used) / (own.fj or 1.0))


def output_fj(
    own: EventFigures, config: ArrayConfig, counts: Counts, more_toggles: float = 0.0
) -> Elementwise:
    """Energy of an output, fJ, of an array whose units serve `config.share` columns each.

    Parameters
    ----------
    own : figures of the requantiser
    counts : events of the run, of whose tiles some have raw sums
    more_toggles : toggles of a sum, less those in the layers measured
    """
    if not own.shares:  # no output was measured
        return own.fj
    codes = np.interp(config.share, own.shares, own.codes_fj)
    raw = np.interp(config.share, own.shares, own.raw_fj)
    codes = np.maximum(codes + own.fj_per_toggle * more_toggles, 0.0)
    raw = np.maximum(raw + own.raw_fj_per_toggle * more_toggles, 0.0)
    part = counts.raw_tiles / np.where(counts.tiles == 0, 1.0, counts.tiles)
    return codes * (1.0 - part) + raw * part


@lru_cache(maxsize=64)
def load(lanes: int, planes: int, library: str = DEFAULT_LIBRARY) -> Characterisation:
    """The package's figures of a PE shape.

    Raises
    ------
    ValueError
        If it has none: names those that it has.
    """
    path = FOLDER / f"{library}_l{lanes}_p{planes}.json"
    if not path.exists():
        known = "; ".join(f"{name} ({n}, {p})" for name, n, p in available()) or "none"
        raise ValueError(
            f"No energy figures of {lanes} lanes x {planes} planes in {library}. There are: "
            f"{known}. Make them with: truncmac characterise"
        )
    return read(path)


def read(path: Path) -> Characterisation:
    """Figures from a file that `truncmac characterise` wrote.

    Raises
    ------
    ValueError
        If it is no such file: names the file, and the field if one is wrong.
    """
    return Characterisation(read_figures(path))
