"""Energy, area and clock of a core from its characterisation: figures measured on netlists.

`load` finds the figures of a PE shape in a library; `Characterisation.energy` turns the core's
counters, or the cycle model's, into energy. See docs/explanation/energy.md.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden.types import Reals
from truncmac.hw.config import ArrayConfig

from .config_columns import ConfigColumns
from .places import COMPONENTS, PLACES, Counts, Place
from .switching import Switching

__all__ = [
    "DEFAULT_LIBRARY",
    "PARTS",
    "Characterisation",
    "Counts",
    "Sram",
    "Switching",
    "available",
    "load",
    "load_srams",
]

FOLDER = Path(__file__).parent / "data"
FORMAT = 5
DEFAULT_LIBRARY = "ihp-sg13g2"
PARTS = (*COMPONENTS, "clock", "leakage")  # of the breakdown


@dataclass(frozen=True)
class Characterisation:
    """Figures of one PE shape (lanes, planes) in one library.

    Attributes
    ----------
    data : the file's content; its `provenance` says where every figure comes from
    """

    data: Mapping[str, Any]

    @property
    def library(self) -> str:
        """Name, corner and voltage, for captions."""
        library = self.data["provenance"]["library"]
        return f"{library['name']}, {library['voltage']} V, {library['temperature']:g} C"

    @property
    def bits(self) -> list[int]:
        """Bit-widths that were measured."""
        return sorted(int(k) for k in self.data["bits"])

    @property
    def period_ps(self) -> float:
        """Shortest clock period by static timing, ps, the longest of the sizes measured."""
        return max(float(size["period_ps"]) for size in self.data["sizes"])

    def switching(self, bits: int) -> Switching:
        """Of the layers of k bits that were measured."""
        return Switching(**self.data["bits"][str(bits)]["switching"])

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
        counts : of the run
        bits : k
        switching : of the data; by default as in the layers measured
        rows_used, columns_used : rows and columns that hold outputs, of those of all tiles, 0..1
        period_ps : clock period, for leakage; by default the shortest
        glitches : with the transitions that cancel within a cycle, measured by timed simulation
            of a sample; else a net toggles once a cycle at most

        Raises
        ------
        ValueError
            If the shape or the bit-width was not characterised.
        """
        self._check(config, bits)
        parts = self._parts(
            config,
            counts,
            bits,
            switching,
            (rows_used, columns_used),
            period_ps,
            glitches,
        )
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
        counts : of the runs, arrays (n, m), as are the others and what `switching` holds
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
        used: tuple[Any, Any],
        period_ps: Any,
        glitches: bool,
    ) -> dict[str, Any]:
        """Energy by part: elementwise, for sizes and counts may be arrays."""
        own = self.data["bits"][str(bits)]
        period = self.period_ps if period_ps is None else period_ps
        means = self.switching(bits)
        moved = None if switching is None else switching.sum_toggles - means.sum_toggles
        total: dict[str, Any] = dict.fromkeys(PARTS, 0.0)
        for name, figures in own["places"].items():
            place = PLACES[name]
            events = counts.of(place.event) / 1e3
            if name == "requantiser":
                value = _output_fj(figures, config, counts, moved, used)
            else:
                value = _data_fj(place, figures, means, switching, used)
            data = value * events * place.work(config)
            data = data + figures.get("cycle_fj", 0.0) * counts.working / 1e3
            data = np.maximum(data, 0.0)
            clock = figures["clock_fj"] * events * place.clock_work(config)
            clock = clock + figures.get("clock_share", 0.0) * data
            data = data * (figures["glitch_factor"] if glitches else 1.0)
            clock = clock + figures.get("cycle_clock_fj", 0.0) * counts.working / 1e3
            size = place.size(config) / 1e3
            for kind, cycles in (("waiting", counts.waiting), ("held", counts.held)):
                data = data + figures.get(f"{kind}_fj", 0.0) * size * cycles
                clock = clock + figures.get(f"{kind}_clock_fj", 0.0) * size * cycles
            total[place.component] = total[place.component] + data
            total["clock"] = total["clock"] + clock
        for name, figures in self.data["places"].items():
            size = PLACES[name].size(config)
            root, leakage = figures["root_clock_fj"] / 1e3, figures["leakage_nw"] * 1e-9
            total["clock"] = total["clock"] + root * size * counts.cycles
            total["leakage"] = total["leakage"] + leakage * size * counts.cycles * period
        return total

    def area(self, config: ArrayConfig) -> dict[str, float]:
        """Cell area, um2, by component."""
        self._check(config, self.bits[0])
        return {name: float(value) for name, value in self._areas(config).items()}

    def areas(self, configs: Sequence[ArrayConfig]) -> Reals:
        """Cell areas of n arrays, um2, all components: (n,)."""
        for config in configs:
            self._check(config, self.bits[0])
        columns: Any = ConfigColumns(configs)
        total = np.asarray(sum(self._areas(columns).values()), np.float64)
        return np.broadcast_to(total, (len(configs), 1))[:, 0]

    def _areas(self, config: ArrayConfig) -> dict[str, Any]:
        total: dict[str, Any] = dict.fromkeys(COMPONENTS, 0.0)
        for name, figures in self.data["places"].items():
            place = PLACES[name]
            total[place.component] = total[place.component] + figures["area_um2"] * place.size(
                config
            )
        return total

    def _check(self, config: ArrayConfig, bits: int) -> None:
        shape = (self.data["lanes"], self.data["planes"])
        if (config.lanes, config.planes) != shape:
            raise ValueError(
                f"These figures are of {shape[0]} lanes x {shape[1]} planes, not of "
                f"{config.lanes} x {config.planes}"
            )
        if str(bits) not in self.data["bits"]:
            known = ", ".join(map(str, self.bits))
            raise ValueError(f"Bit-width must be one that was characterised ({known}), not {bits}")


def _data_fj(
    place: Place,
    figures: Mapping[str, float],
    means: Switching,
    switching: Switching | None,
    used: tuple[Any, Any],
) -> Any:
    """Energy of data in an event, fJ, by what the place follows."""
    fj = figures["fj"]
    if switching is not None:
        value, mean = (getattr(own, place.follows) for own in (switching, means))
        if place.of_sums:
            return fj * value / mean
        fj = fj + figures["slope_fj"] * (value - mean)
    return fj * place.use(*used) + place.idle(figures, *used)


def _output_fj(
    figures: Mapping[str, Any],
    config: ArrayConfig,
    counts: Counts,
    more_toggles: float | None,
    used: tuple[Any, Any],
) -> Any:
    """Energy of a requantiser's output; idle rows and columns are in the sums' toggles."""
    if more_toggles is not None:
        return requantiser_fj(figures, config, counts, more_toggles)
    place, level = PLACES["requantiser"], requantiser_fj(figures, config, counts)
    rest = place.idle(figures, *used) / (figures["fj"] or 1.0)
    return level * (place.use(*used) + rest)


def requantiser_fj(
    figures: Mapping[str, Any], config: ArrayConfig, counts: Counts, more_toggles: float = 0.0
) -> Any:
    """Energy of an output, fJ, of an array whose units serve `config.share` columns each.

    Parameters
    ----------
    figures : of the place
    more_toggles : of a sum, than in the layers measured
    """
    if "shares" not in figures:  # no output was measured
        return figures["fj"]
    codes = np.interp(config.share, figures["shares"], figures["codes_fj"])
    raw = np.interp(config.share, figures["shares"], figures["raw_fj"])
    codes = np.maximum(codes + figures["fj_per_toggle"] * more_toggles, 0.0)
    raw = np.maximum(raw + figures["raw_fj_per_toggle"] * more_toggles, 0.0)
    part = counts.raw_tiles / np.where(counts.tiles == 0, 1.0, counts.tiles)
    return codes * (1.0 - part) + raw * part


@dataclass(frozen=True)
class Sram:
    """A memory macro: energies in pJ an access, leakage in nW, area in um2."""

    name: str
    words: int
    bits: int
    read_pj: float
    write_pj: float
    leakage_nw: float
    area_um2: float


def available() -> list[tuple[str, int, int]]:
    """Library, lanes and planes of all figures that the package has."""
    found = []
    for path in sorted(FOLDER.glob("*_l*_p*.json")):
        library, lanes, planes = path.stem.rsplit("_", 2)
        found.append((library, int(lanes[1:]), int(planes[1:])))
    return sorted(found)


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
        If it is no such file.
    """
    try:
        data = json.loads(path.read_text())
        if data["format"] != FORMAT:
            raise ValueError(
                f"{path}: format must be {FORMAT}, not {data['format']!r}; "
                "make it again with truncmac characterise"
            )
        for own in data["bits"].values():
            for name, figures in own["places"].items():
                _ = PLACES[name]
                numbers = (figures[key] for key in ("fj", "slope_fj", "clock_fj"))
                if not all(math.isfinite(number) for number in numbers):
                    raise ValueError(f"{path}: figures must be finite")
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: must be a file that truncmac characterise wrote ({error!r})"
        ) from None
    return Characterisation(data)


def load_srams(library: str = DEFAULT_LIBRARY) -> list[Sram]:
    """The package's memory macros of a process, smallest first.

    Raises
    ------
    ValueError
        If it has none.
    """
    path = FOLDER / f"{library}_sram.json"
    if not path.exists():
        raise ValueError(f"No memory macros of {library}")
    data = json.loads(path.read_text())
    return [Sram(**macro) for macro in data["macros"]]
