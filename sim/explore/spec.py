"""What an exploration is asked for: the space, workloads, objectives and constraints."""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from truncmac.sim.energy.model import DEFAULT_LIBRARY

from .space import AXES, DesignSpace, axis_values

__all__ = [
    "COLUMNS",
    "FRONTS",
    "METHODS",
    "NEEDS_FIGURES",
    "Bound",
    "Spec",
    "load_settings",
    "spec_of",
]

# Columns that bounds and objectives may name: +1, the less the better; -1, the more the better;
# 0, only a bound makes sense
COLUMNS: Mapping[str, int] = {
    **dict.fromkeys(("rows", "cols", "lanes", "planes", "requantisers"), 0),
    "activation_kib": 1,
    "weight_kib": 1,
    "dram_gb_s": 1,
    "clock_mhz": 1,
    "pes": 1,
    "peak_macs": 1,
    "buffer_kib": 1,
    "bits": 1,
    "cycles": 1,
    "latency_ms": 1,
    "images_per_s": -1,
    "utilisation": -1,
    "dram_bytes": 1,
    "accuracy": -1,
    "energy_uj": 1,
    "area_mm2": 1,
    "fmax_mhz": -1,
    "edp_uj_ms": 1,
    "tops_per_w": -1,
    "tops_per_mm2": -1,
    "fpga_luts": 1,
    "fpga_ffs": 1,
    "fpga_dsps": 1,
    "fpga_brams": 1,
    "fpga_mhz": -1,
}
NEEDS_FIGURES = (
    *("energy_uj", "area_mm2", "fmax_mhz", "edp_uj_ms"),
    *("tops_per_w", "tops_per_mm2"),
)
FRONTS = ("each", "workload", "all", "worst")
METHODS = ("exhaustive", "nsga2", "tpe")
INFINITY = float("inf")
MOST_IMAGES = 1 << 16


@dataclass(frozen=True)
class Bound:
    """Least and most of a column, both allowed."""

    min: float = -INFINITY
    max: float = INFINITY


@dataclass(frozen=True)
class Spec:
    """An exploration, checked.

    Attributes
    ----------
    workloads : as `workload_by_name` takes them
    bits : k of the network
    space : values by axis
    objectives : columns, each to be as good as can be
    constraints : bounds by column
    front : of what there is a Pareto front: "each" workload and k; a "workload", over its k; or
        "all", that compete, as networks with a k for each layer do; or the "worst" of a design
        over all workloads and k
    images : of a batch
    data : labelled images of the networks, for their accuracy; None: those that come with digits
    library : whose figures of energy and area there are columns of; None: `DEFAULT_LIBRARY` where
        an objective or a constraint needs one, else there are no such columns
    fpga : folder of results of `truncmac fpga`, for the columns of an FPGA, or None: there are none
    method : "exhaustive", or a search: "nsga2" or "tpe"; None: by the size of the space
    trials : designs that a search tries
    seed : of a search, and of samples for plots
    """

    workloads: tuple[str, ...]
    bits: tuple[int, ...]
    space: Mapping[str, tuple[float, ...]]
    objectives: tuple[str, ...]
    constraints: Mapping[str, Bound] = field(default_factory=dict)
    front: str = "each"
    images: int = 1
    data: str | None = None
    library: str | None = None
    fpga: str | None = None
    method: str | None = None
    trials: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for what, names in (("objectives", self.objectives), ("workloads", self.workloads)):
            if not names or len(set(names)) < len(names):
                raise ValueError(f"{what} must be one or more, each once, not {list(names)}")
        for name in self.objectives:
            if not COLUMNS.get(name):
                known = ", ".join(key for key, sign in COLUMNS.items() if sign)
                raise ValueError(f"An objective must be one of {known}, not {name!r}")
        for name in self.constraints:
            if name not in COLUMNS:
                raise ValueError(f"A constraint must be on {', '.join(COLUMNS)}, not {name!r}")
        self._check_fpga()
        _check_choice("front", self.front, FRONTS)
        if self.method is not None:
            _check_choice("search", self.method, METHODS)
        if self.front == "all" and self.method not in (None, "exhaustive"):
            raise ValueError(f'search must be exhaustive for front "all", not {self.method!r}')
        if len(self.designs) >= 1 << 53:
            raise ValueError("The space must have fewer than 2**53 designs")

    def _check_fpga(self) -> None:
        placed = sorted(name for name in self.columns if name.startswith("fpga_"))
        if placed and self.fpga is None:
            raise ValueError(
                f"{placed[0]} needs results of truncmac fpga: name their folder, fpga or --fpga"
            )

    @property
    def designs(self) -> DesignSpace:
        """The space itself."""
        return DesignSpace({name: self.space[name] for name in AXES})

    @property
    def figures(self) -> str | None:
        """The library whose figures there are columns of, if any."""
        needed = self.columns & set(NEEDS_FIGURES)
        return self.library or (DEFAULT_LIBRARY if needed else None)

    @property
    def columns(self) -> set[str]:
        """Those that objectives and constraints need."""
        return {*self.objectives, *self.constraints}

    def as_dictionary(self) -> dict[str, Any]:
        """Plain values, for JSON; open bounds are left out."""
        plain = asdict(self)
        plain["constraints"] = {
            name: {key: value for key, value in bound.items() if abs(value) < INFINITY}
            for name, bound in plain["constraints"].items()
        }
        return plain

    @classmethod
    def from_dictionary(cls, plain: Mapping[str, Any]) -> "Spec":
        """Of what `as_dictionary` gave, read back from JSON."""
        bounds = {name: Bound(**bound) for name, bound in plain["constraints"].items()}
        tuples = {name: tuple(plain[name]) for name in ("workloads", "bits", "objectives")}
        space = {name: axis_values(name, _auto(values)) for name, values in plain["space"].items()}
        return cls(**{**plain, **tuples, "constraints": bounds, "space": space})

    def digest(self, *more: object) -> str:
        """A name for this exploration and what else its results depend on."""
        text = json.dumps([self.as_dictionary(), *more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _auto(values: list[float]) -> list[object]:
    return [value or "auto" for value in values]


def _check_choice(what: str, given: object, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, not {given!r}")


DEFAULTS: Mapping[str, object] = {
    "workloads": "digits",
    "bits": "8,4,2,1",
    "objectives": "images_per_s,peak_macs",
    "space": {
        "rows": "4..16x2",
        "cols": "4..16x2",
        "lanes": "4..16x2",
        "planes": "1,2",
        "requantisers": "auto",
        "activation_kib": 128,
        "weight_kib": 128,
        "dram_gb_s": 3.2,
        "clock_mhz": 100,
    },
}


def load_settings(path: Path) -> dict[str, Any]:
    """Settings of a TOML file, not yet checked.

    Raises
    ------
    ValueError
        If it is not TOML: with the file and line.
    OSError
        If it cannot be read.
    """
    try:
        return tomllib.loads(path.read_bytes().decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: must be a TOML file: {error}") from error


def spec_of(settings: Mapping[str, Any], source: str = "settings") -> Spec:
    """A spec of settings, the defaults where they say nothing.

    Parameters
    ----------
    settings : as in a TOML file: fields of `Spec`, and the tables space, constraints and search
    source : where they come from, for messages

    Raises
    ------
    ValueError
        Names the source and the key that is wrong, and what it must be.
    """
    known = {f.name for f in fields(Spec)} - {"method", "trials", "seed"} | {"search"}
    try:
        search = _table(settings, "search")
        _check_keys(settings, known)
        _check_keys(search, {"method", "trials", "seed"}, "[search]: ")
        return Spec(
            workloads=_names("workloads", settings),
            bits=_bits(settings.get("bits", DEFAULTS["bits"])),
            space=_space(_table(settings, "space")),
            objectives=_names("objectives", settings),
            constraints=_bounds(_table(settings, "constraints")),
            front=settings.get("front", "each"),
            images=_whole("images", settings.get("images", 1), 1, MOST_IMAGES),
            data=_text("data", settings.get("data"), "a file's name"),
            library=_text("library", settings.get("library"), "a name"),
            fpga=_text("fpga", settings.get("fpga"), "a folder's name"),
            method=search.get("method"),
            trials=_whole("trials", search.get("trials", 2000), 1, 1 << 31),
            seed=_whole("seed", search.get("seed", 0), 0, (1 << 32) - 1),
        )
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def _table(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = settings.get(name, {})
    if not isinstance(table, Mapping):
        raise ValueError(f"{name} must be a table, [{name}], not {table!r}")
    return table


def _check_keys(given: Mapping[str, Any], known: Iterable[str], where: str = "") -> None:
    for key in given:
        if key not in known:
            raise ValueError(f"{where}a key must be one of {', '.join(sorted(known))}, not {key!r}")


def _names(what: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    given = settings.get(what, DEFAULTS[what])
    if isinstance(given, str):
        given = [name.strip() for name in given.split(",")]
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"{what} must be a list of names, not {given!r}")
    return tuple(given)


def _bits(given: object) -> tuple[int, ...]:
    if given == "all":
        return tuple(range(8, 0, -1))
    parts: Any = given.split(",") if isinstance(given, str) else given
    bits: tuple[Any, ...] = tuple(
        int(part) if isinstance(part, str) and part.strip().isdecimal() else part
        for part in (parts if isinstance(parts, list) else [parts])
    )
    wrong = [k for k in bits if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 8]
    if wrong or not bits or len(set(bits)) < len(bits):
        raise ValueError(f"bits must be of 1..8, each once, or 'all', not {given!r}")
    return bits


def _space(given: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    _check_keys(given, AXES, "[space]: ")
    defaults: Any = DEFAULTS["space"]
    return {name: axis_values(name, given.get(name, defaults[name])) for name in AXES}


def _bounds(given: Mapping[str, Any]) -> dict[str, Bound]:
    bounds = {}
    for name, bound in given.items():
        valid = isinstance(bound, Mapping) and bound and set(bound) <= {"min", "max"}
        if not valid or not all(
            isinstance(value, int | float) and not isinstance(value, bool) and value == value
            for value in bound.values()
        ):
            raise ValueError(
                f"constraint {name} must be such as {{ min = 1, max = 2 }}, not {bound!r}"
            )
        bounds[name] = Bound(**{key: float(value) for key, value in bound.items()})
    return bounds


def _whole(what: str, given: object, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise ValueError(f"{what} must be a whole number in {least}..{most}, not {given!r}")
    return given


def _text(what: str, given: object, kind: str) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ValueError(f"{what} must be {kind}, not {given!r}")
    return given
