"""What an exploration is asked for: the space, workloads, objectives and constraints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from truncmac.sim.digest import json_digest
from truncmac.sim.energy.figures import DEFAULT_LIBRARY

from .space import AXES_OF, DesignSpace, Top, axis_values

__all__ = ["COLUMNS", "ENERGY_COLUMNS", "Bound", "FrontKind", "SearchMethod", "Spec"]

FrontKind = Literal["each", "workload", "all", "worst"]
SearchMethod = Literal["exhaustive", "nsga2", "tpe"]

# Columns that constraints and objectives may name. +1: less is better; -1: more is better;
# 0: neither is, so that it can only be constrained.
COLUMNS: Mapping[str, int] = {
    **dict.fromkeys(("rows", "cols", "lanes", "planes", "requantisers"), 0),
    "activation_kib": 1,
    "weight_kib": 1,
    "dram_gb_s": 1,
    **dict.fromkeys(("bus_width", "groups", "depth"), 0),
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
# Those that need the characterised figures of a library
ENERGY_COLUMNS = (
    *("energy_uj", "area_mm2", "fmax_mhz", "edp_uj_ms"),
    *("tops_per_w", "tops_per_mm2"),
)
INFINITY = float("inf")
OWN_COLUMNS: Mapping[Top, tuple[str, ...]] = {  # that only designs of one top have
    "core": ("activation_kib", "weight_kib", "dram_gb_s", *ENERGY_COLUMNS),
    "npu": ("bus_width", "groups", "depth"),
}


@dataclass(frozen=True)
class Bound:
    """The least and the greatest value that a column may have; both are allowed."""

    min: float = -INFINITY
    max: float = INFINITY


@dataclass(frozen=True, kw_only=True)
class Spec:
    """An exploration that is asked for; it is checked when it is made.

    Attributes
    ----------
    workloads : names or files, as `workload_by_name` takes them
    bits : the bit-widths k of the networks
    space : values by axis, see `AXES_OF`
    objectives : columns, each of which is to be as good as can be
    top : what is designed: the "core", which a host feeds from scratchpads and DRAM, or the "npu"
    constraints : bounds by column
    front : what each Pareto front is of: "each" workload at each k; each "workload", over its
        k; "all", that compete with each other, as networks with a k for each layer do; or the
        "worst" entry of each design over all workloads and k
    images : number of images in a batch
    data : file of labelled images, with which the accuracy of the networks is measured; None: the
        images that come with digits
    library : library of characterised figures, which energy and area are computed with; None:
        `DEFAULT_LIBRARY` if an objective or a constraint needs one, else there are no such columns
    fpga : folder of results of `truncmac fpga`, which the columns of an FPGA are read from; None:
        there are no such columns
    method : "exhaustive", or a search: "nsga2" or "tpe"; None: chosen by the size of the space
    trials : number of designs that a search evaluates
    seed : random seed of searches, and of the samples in plots

    Raises
    ------
    ValueError
        Names the field that is wrong, and what it must be.
    """

    workloads: tuple[str, ...]
    bits: tuple[int, ...]
    space: Mapping[str, tuple[float, ...]]
    objectives: tuple[str, ...]
    top: Top = "core"
    constraints: Mapping[str, Bound] = field(default_factory=dict)
    front: FrontKind = "each"
    images: int = 1
    data: str | None = None
    library: str | None = None
    fpga: str | None = None
    method: SearchMethod | None = None
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
        _check_choice("top", self.top, get_args(Top))
        self._check_columns()
        self._check_fpga()
        _check_choice("front", self.front, get_args(FrontKind))
        if self.method is not None:
            _check_choice("search", self.method, get_args(SearchMethod))
        if self.front == "all" and self.method not in (None, "exhaustive"):
            raise ValueError(f'search must be exhaustive for front "all", not {self.method!r}')
        if len(self.design_space) >= 1 << 53:
            raise ValueError("The space must have fewer than 2**53 designs")

    def _check_columns(self) -> None:
        """Refuse what designs of this top have no figures of."""
        other: Top = "core" if self.top == "npu" else "npu"
        absent = sorted(self.needed_columns & set(OWN_COLUMNS[other]))
        if absent:
            raise ValueError(f"{absent[0]} is not known of designs of top {self.top!r}")
        if self.top == "npu" and (self.library is not None or self.fpga is not None):
            what = "library" if self.library is not None else "fpga"
            raise ValueError(f"{what} must not be given for top 'npu': its figures are the core's")

    def _check_fpga(self) -> None:
        placed = sorted(name for name in self.needed_columns if name.startswith("fpga_"))
        if placed and self.fpga is None:
            raise ValueError(
                f"{placed[0]} needs results of truncmac fpga: name their folder, fpga or --fpga"
            )

    @property
    def design_space(self) -> DesignSpace:
        """All designs of the space, numbered."""
        return DesignSpace({name: self.space[name] for name in AXES_OF[self.top]})

    @property
    def energy_library(self) -> str | None:
        """The library that energy and area are computed with; None: there are no such columns."""
        needed = self.needed_columns & set(ENERGY_COLUMNS)
        return self.library or (DEFAULT_LIBRARY if needed else None)

    @property
    def needed_columns(self) -> set[str]:
        """The columns that objectives and constraints name."""
        return {*self.objectives, *self.constraints}

    def as_dictionary(self) -> dict[str, Any]:
        """The spec as plain values for JSON; bounds that are open are left out."""
        plain = asdict(self)
        if self.top == "core":  # as it was before there was another
            del plain["top"]
        plain["constraints"] = {
            name: {key: value for key, value in bound.items() if abs(value) < INFINITY}
            for name, bound in plain["constraints"].items()
        }
        return plain

    @classmethod
    def from_dictionary(cls, plain: Mapping[str, Any]) -> "Spec":
        """The spec that `as_dictionary` gave, read back from JSON."""
        bounds = {name: Bound(**bound) for name, bound in plain["constraints"].items()}
        tuples = {name: tuple(plain[name]) for name in ("workloads", "bits", "objectives")}
        space = {name: axis_values(name, _auto(values)) for name, values in plain["space"].items()}
        return cls(**{**plain, **tuples, "constraints": bounds, "space": space})

    def digest(self, *more: object) -> str:
        """A name for this exploration and what `more` its results depend on."""
        return json_digest([self.as_dictionary(), *more])


def _auto(values: list[float]) -> list[object]:
    return [value or "auto" for value in values]


def _check_choice(what: str, given: object, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, not {given!r}")
