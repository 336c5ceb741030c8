"""Characterised figures: what files of `truncmac characterise` hold, as types, and their check.

Each figure has its name and its unit here and nowhere else: energies are in fJ or pJ, leakage in
nW, areas in um2, times in ps. The model (`.model`) makes energies of figures and counts.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from truncmac.golden.files import read_json, write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.digest import json_digest

from .json_records import plain, record
from .places import PLACES
from .switching import Switching

__all__ = [
    "DEFAULT_LIBRARY",
    "FOLDER",
    "FORMAT",
    "STATED",
    "WIRES",
    "ArrayFigures",
    "CoreFigures",
    "EventFigures",
    "LayersUsed",
    "LibraryUsed",
    "MacFigures",
    "MethodUsed",
    "Pauses",
    "PlaceFigures",
    "Provenance",
    "WidthFigures",
    "available",
    "read_figures",
    "write_figures",
]

FOLDER = Path(__file__).parent / "data"
FORMAT = 5  # of the files of a core's figures
DEFAULT_LIBRARY = "ihp-sg13g2"
WIRES = (0.0, 1.0, 2.0)  # scales of the wire estimate at which energies are measured
STATED = 1.0  # the scale of the estimate as it stands


@dataclass(frozen=True)
class ArrayFigures:
    """An array that was synthesised.

    Attributes
    ----------
    rows, cols, requantisers : those of `config`
    held_out : no figure comes from this array
    rtl_sha256 : digest of its Verilog, see `characterise.freshness`
    cells : number of cells
    area_um2, area_um2_by_place : cell area of the core, and of each place
    period_ps : shortest clock period by static timing
    longest_path : where the path that decides the period ends
    wire_ff_per_pin : estimated capacitance of the wires, fF for each pin that they drive
    """

    rows: int
    cols: int
    requantisers: int
    config: ArrayConfig
    held_out: bool
    rtl_sha256: str
    cells: int
    area_um2: float
    period_ps: float
    longest_path: str
    wire_ff_per_pin: float
    area_um2_by_place: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in ("rows", "cols", "requantisers"):
            own, known = getattr(self, name), getattr(self.config, name)
            if own != known:
                raise ValueError(f"{name} must be {known}, as in config, not {own}")

    @property
    def name(self) -> str:
        """Rows and columns, as in 8x8."""
        return f"{self.rows}x{self.cols}"


@dataclass(frozen=True)
class PlaceFigures:
    """What a place takes whatever happens in it, for a size of one.

    Attributes
    ----------
    area_um2 : cell area
    leakage_nw : leakage
    root_clock_fj : energy of the clock that is not gated, in a cycle
    """

    area_um2: float
    leakage_nw: float
    root_clock_fj: float


@dataclass(frozen=True)
class EventFigures:
    """What a place takes in one of its events at one k, in fJ for a work of one.

    Attributes
    ----------
    fj : of the data, if they toggle as in the layers measured
    slope_fj : of the data, for each unit more of what the place follows
    clock_fj : of the gated clock
    glitch_factor : energy of the data with glitches over that without
    clock_share : what the gated clock takes more, as a share of the energy of the data
    idle_rows_fj, idle_columns_fj : of the data, in rows and in columns that hold no output
    cycle_fj, cycle_clock_fj : of data and gated clock in a cycle that works, beside its events
    waiting_fj, waiting_clock_fj : of data and gated clock in a cycle that waits, for a size of one
    held_fj, held_clock_fj : of data and gated clock in a cycle that is held, for a size of one
    shares : numbers of columns that share an output unit, of the arrays in which outputs were
        measured, in ascending order; empty for other places
    codes_fj, raw_fj : of an output that is a code, and of a raw sum, for each of `shares`
    fj_per_toggle, raw_fj_per_toggle : of an output, for each toggle more of its sum
    """

    fj: float
    slope_fj: float
    clock_fj: float
    glitch_factor: float
    clock_share: float = 0.0
    idle_rows_fj: float = 0.0
    idle_columns_fj: float = 0.0
    cycle_fj: float = 0.0
    cycle_clock_fj: float = 0.0
    waiting_fj: float = 0.0
    waiting_clock_fj: float = 0.0
    held_fj: float = 0.0
    held_clock_fj: float = 0.0
    shares: tuple[int, ...] = ()
    codes_fj: tuple[float, ...] = ()
    raw_fj: tuple[float, ...] = ()
    fj_per_toggle: float = 0.0
    raw_fj_per_toggle: float = 0.0

    def __post_init__(self) -> None:
        if list(self.shares) != sorted(set(self.shares)):
            raise ValueError(f"shares must ascend, not be {list(self.shares)}")
        if not len(self.codes_fj) == len(self.raw_fj) == len(self.shares):
            raise ValueError("codes_fj and raw_fj must have a figure for each of shares")


@dataclass(frozen=True)
class MacFigures:
    """Energy of a multiply-accumulate as it was measured on an array.

    Attributes
    ----------
    pj_per_mac : without glitches, at each of `WIRES`
    glitch_factor : energy with glitches over that without
    """

    pj_per_mac: Mapping[float, float]
    glitch_factor: float

    def __post_init__(self) -> None:
        if set(self.pj_per_mac) != set(WIRES):
            raise ValueError(f"pj_per_mac must have {', '.join(map(str, WIRES))}")

    @property
    def stated_pj(self) -> float:
        """Energy with wires as estimated, pJ, without glitches."""
        return self.pj_per_mac[STATED]

    @property
    def glitches_pj(self) -> float:
        """Energy with wires as estimated, pJ, with glitches."""
        return self.stated_pj * self.glitch_factor


@dataclass(frozen=True)
class WidthFigures:
    """Figures at one k.

    Attributes
    ----------
    switching : of the layers that were measured
    places : what each place takes in an event
    measured : energy of a multiply-accumulate by array, as in 8x8; empty if no layer follows k
    """

    switching: Switching
    places: Mapping[str, EventFigures]
    measured: Mapping[str, MacFigures]


@dataclass(frozen=True)
class LibraryUsed:
    """The library: `label` is its short name, `voltage` in V and `temperature` in C its corner."""

    label: str
    name: str
    voltage: float
    temperature: float
    files_sha256: Mapping[str, str]


@dataclass(frozen=True)
class Pauses:
    """In how many of 256 cycles inputs and results paused, in each kind of run."""

    waiting: tuple[int, int]
    held: tuple[int, int]
    held_out: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class MethodUsed:
    """How the figures were made: settings, and what is not in them."""

    clock_target_ps: float
    fo4_ps: float
    dont_use: tuple[str, ...]
    wire: str
    fanout: int
    streams: int
    tiles_per_stream: int
    toggles: str
    timed_cycles: int
    pauses_of_256_cycles: Pauses
    parts: tuple[str, ...]
    limits: str


# The activations of networks that figures of the package come from. The zeros are of the matrix
# products' operands, the padding among them; a test counts them.
ACTIVATIONS_OF = {
    "digits": "activation codes of 4 bits, 45 to 65 % of them zero, and 8-bit pixels in the first "
    "layer",
}


@dataclass(frozen=True)
class LayersUsed:
    """Whose layers ran.

    Attributes
    ----------
    network, images : the network, and how many of its images
    held_out, held_out_images, held_out_layers : a network whose layers ran only for the errors,
        or no name
    bits : k of the networks
    """

    network: str
    images: int
    held_out: str
    held_out_images: int
    held_out_layers: tuple[str, ...]
    bits: tuple[int, ...]

    @property
    def data(self) -> str:
        """Which activations the figures are of, for captions: energies depend on them."""
        known = ACTIVATIONS_OF.get(self.network)
        return f"the layers of {self.network}" + (f": {known}" if known else "")


@dataclass(frozen=True)
class Provenance:
    """Where figures come from: library, tools by version, method and layers."""

    library: LibraryUsed
    tools: Mapping[str, str]
    method: MethodUsed
    workload: LayersUsed


@dataclass(frozen=True)
class CoreFigures:
    """Figures of one PE shape in one library: what a file holds.

    Attributes
    ----------
    lanes, planes : the shape
    sizes : arrays that were synthesised
    places : what each place takes whatever happens
    bits : figures at each k
    outputs_compared : outputs of the netlists that were compared with golden
    provenance : where the figures come from
    """

    lanes: int
    planes: int
    sizes: tuple[ArrayFigures, ...]
    places: Mapping[str, PlaceFigures]
    bits: Mapping[int, WidthFigures]
    outputs_compared: int
    provenance: Provenance

    @property
    def shape(self) -> tuple[int, int]:
        """Lanes and planes."""
        return self.lanes, self.planes

    @property
    def library(self) -> str:
        """The library's name, corner and voltage, for captions."""
        library = self.provenance.library
        return f"{library.name}, {library.voltage} V, {library.temperature:g} C"

    @property
    def data(self) -> str:
        """Which activations the figures are of, for captions."""
        return self.provenance.workload.data

    def array(self, rows: int, cols: int) -> ArrayFigures:
        """The array of so many rows and columns that was synthesised."""
        return next(size for size in self.sizes if (size.rows, size.cols) == (rows, cols))

    @cached_property
    def digest(self) -> str:
        """A digest of all figures."""
        return json_digest(asdict(self))


def available() -> list[tuple[str, int, int]]:
    """Library, lanes and planes of all figures that the package has."""
    found = []
    for path in sorted(FOLDER.glob("*_l*_p*.json")):
        library, lanes, planes = path.stem.rsplit("_", 2)
        found.append((library, int(lanes[1:]), int(planes[1:])))
    return sorted(found)


def read_figures(path: Path) -> CoreFigures:
    """Figures of a core from a file that `truncmac characterise` wrote.

    Raises
    ------
    ValueError
        If it is no such file: names the file, and the field if one is wrong.
    """
    try:
        data = read_json(path.read_text())
        version = data.pop("format")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: must be a file that truncmac characterise wrote ({error!r})"
        ) from None
    if version != FORMAT:
        raise ValueError(
            f"{path}: format must be {FORMAT}, not {version!r}; make it again with truncmac "
            "characterise"
        )
    figures = record(CoreFigures, data, f"{path}: ")
    if not figures.sizes or not figures.bits:
        raise ValueError(f"{path}: sizes and bits must not be empty")
    for where, places in [
        ("places", figures.places),
        *((f"bits.{k}.places", own.places) for k, own in figures.bits.items()),
    ]:
        if set(places) != set(PLACES):
            wrong = ", ".join(sorted(set(places) ^ set(PLACES)))
            raise ValueError(f"{path}: {where} must be those of the model; they differ in {wrong}")
    return figures


def write_figures(figures: CoreFigures, path: Path) -> None:
    """Write a file of a core's figures; numbers have six digits."""
    data = {"format": FORMAT, **plain(figures)}
    write_bytes(path, (json.dumps(data, indent=1) + "\n").encode())
