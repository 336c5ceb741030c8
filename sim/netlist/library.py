"""Liberty libraries: cells, functions, capacitances, timing and power tables, in fixed units.

Read by `libparse`, then checked. Units here: ps, fF, fJ, nW, um2, V.
"""

import contextlib
import hashlib
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.files import check_input
from truncmac.golden.types import Reals
from truncmac.sim.extras import extra_needed

from .boolean import Function, parse_function

__all__ = [
    "Arc",
    "Cell",
    "Library",
    "LookupTable",
    "Pin",
    "Power",
    "Register",
    "Units",
    "liberty_file",
    "liberty_units",
    "read_liberty",
]


PARSE_SECONDS = 60
PARSE_BYTES = 4 << 30
PARSE = "import libparse, sys; libparse.LibertyParser(open(sys.argv[1]))"
PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}
EDGES = ("rise", "fall")


@dataclass(frozen=True, eq=False)
class LookupTable:
    """Values over two axes, bilinear within and linear beyond.

    Attributes
    ----------
    first : axis 0: input slew, or the slew of a constrained pin, ps
    second : axis 1: output load, fF, or the slew of the related pin, ps
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
    """Interval of each point and how far in it; the outer intervals extend without end."""
    if len(axis) == 1:
        return np.zeros(at.shape, np.intp), np.zeros(at.shape)
    index = np.clip(np.searchsorted(axis, at) - 1, 0, len(axis) - 2)
    return index, (at - axis[index]) / (axis[index + 1] - axis[index])


@dataclass(frozen=True, eq=False)
class Arc:
    """Timing of a pin against a related pin.

    Attributes
    ----------
    related : pin
    kind : Liberty's timing_type, "combinational" if none is given
    sense : "positive_unate", "negative_unate" or "non_unate"
    delay, slew : tables by the output's edge, "rise" and "fall"; of a constraint, `delay` has
        the time by the edge of the constrained pin
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
    related : pins whose toggle causes it; none on an input pin
    when : state in which it holds, or None
    """

    related: tuple[str, ...]
    when: Function | None
    energy: Mapping[str, LookupTable]


@dataclass(frozen=True, eq=False)
class Pin:
    """A cell's pin; capacitance in fF, of inputs; `max_load` in fF, of outputs."""

    name: str
    direction: str
    capacitance: float
    max_load: float
    function: Function | None
    arcs: Sequence[Arc]
    powers: Sequence[Power]


@dataclass(frozen=True)
class Register:
    """What stores a bit.

    Attributes
    ----------
    kind : "ff", or "gate" of an integrated clock gate
    clock : the clock pin; flip-flops load at its rising edge
    data : next state of a flip-flop; enable of a gate
    state, inverse : internal names of the state and its inverse
    clear : asynchronous, or None
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
    """A library cell; area in um2, leakage in nW, the mean over its states."""

    name: str
    area: float
    leakage: float
    dont_use: bool
    pins: Mapping[str, Pin]
    register: Register | None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Input pins, in the library's order."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "input")

    @property
    def outputs(self) -> tuple[str, ...]:
        """Output pins, in the library's order."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "output")


@dataclass(frozen=True, eq=False)
class Library:
    """One process corner, of one or several files.

    Attributes
    ----------
    name : of the first file's library
    voltage : V; temperature : degrees Celsius
    cells : by name
    files : SHA-256 of each file, by file name
    paths : of the files
    """

    name: str
    voltage: float
    temperature: float
    cells: Mapping[str, Cell]
    files: Mapping[str, str]
    paths: Sequence[Path] = field(default=())


@dataclass(frozen=True)
class Units:
    """Factors from a file's units to ps, fF, fJ and nW."""

    time: float
    load: float
    energy: float
    leakage: float


def read_liberty(paths: Sequence[Path], *, registers: bool = True) -> Library:
    """Read and check a library.

    Parameters
    ----------
    paths : its files; all of one corner
    registers : it must have flip-flops

    Raises
    ------
    ValueError
        If a file is no Liberty, truncated, of another voltage than the first, or without power
        tables; if no file has flip-flops.
    RuntimeError
        If libparse is not installed.
    """
    if not paths:
        raise ValueError("A library needs at least one Liberty file")
    cells: dict[str, Cell] = {}
    first: dict[str, Any] = {}
    files = {}
    for path in map(Path, paths):
        group, digest = liberty_file(path)
        corner = _corner(group, path)
        first = first or corner
        for name in ("voltage", "thresholds"):
            if corner[name] != first[name]:
                raise ValueError(
                    f"{path}: {name} {corner[name]} differ from {first[name]} of the first file"
                )
        units = liberty_units(group, path)
        templates = {
            _args(child)[0]: _values(child)
            for child in group.children
            if child.id in ("lu_table_template", "power_lut_template") and _args(child)
        }
        for child in group.children:
            if child.id == "cell" and _args(child):
                cell = _cell(child, units, templates, path)
                cells[cell.name] = cell
        files[path.name] = digest
    _check(cells, paths, registers)
    return Library(
        first["name"], first["voltage"], first["temperature"], cells, files, tuple(paths)
    )


def _check(cells: Mapping[str, Cell], paths: Sequence[Path], registers: bool) -> None:
    where = ", ".join(str(path) for path in paths)
    if not cells:
        raise ValueError(f"{where}: no cells")
    if not any(pin.powers for cell in cells.values() for pin in cell.pins.values()):
        raise ValueError(f"{where}: no internal_power tables, so no energy can be computed")
    if registers and not any(c.register and c.register.kind == "ff" for c in cells.values()):
        raise ValueError(f"{where}: no flip-flops of a rising clock edge")


def liberty_file(path: Path) -> tuple[Any, str]:
    """Top group of a file, and its SHA-256; tried in a process first: the parser dies of bad ones.

    Raises
    ------
    ValueError
        If it is no Liberty, truncated, or cannot be read.
    RuntimeError
        If libparse is not installed.
    """
    with extra_needed("Reading a Liberty file", "energy"):
        import libparse

    text = check_input(path).read_text(errors="replace")
    bare = re.sub(r'"[^"]*"|/\*.*?\*/', "", text, flags=re.DOTALL)
    opened, closed = bare.count("{"), bare.count("}")
    if not re.match(r"\s*library\s*\(", re.sub(r"^\s*//.*$", "", bare, flags=re.M)):
        raise ValueError(f"{path}: must be a Liberty file, begin with library (...)")
    if opened != closed:
        raise ValueError(f"{path}: truncated or damaged: {opened} groups open, {closed} close")
    limits = (PARSE_BYTES, PARSE_BYTES)
    command = [sys.executable, "-c", PARSE, str(path)]
    try:
        trial = subprocess.run(
            command,
            capture_output=True,
            timeout=PARSE_SECONDS,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{path}: cannot be read as Liberty in {PARSE_SECONDS} s") from None
    if trial.returncode:
        raise ValueError(f"{path}: cannot be read as Liberty; the parser stopped")
    # The parser closes the file itself, which Python then cannot.
    with contextlib.suppress(OSError), path.open() as file:
        group = libparse.LibertyParser(file).ast
    return group, hashlib.sha256(path.read_bytes()).hexdigest()


def _args(group: Any) -> list[str]:
    return [str(arg).strip('" ') for arg in group.args]


def _values(group: Any) -> dict[str, str]:
    """Simple attributes of a group, and complex ones joined by commas."""
    values = {}
    for child in group.children:
        text = child.value or ", ".join(_args(child))
        values[child.id] = text.strip('" ')
    return values


def _corner(group: Any, path: Path) -> dict[str, Any]:
    values = _values(group)
    names = [f"slew_{end}_threshold_pct_rise" for end in ("lower", "upper")]
    try:
        return {
            "name": _args(group)[0],
            "voltage": float(values["nom_voltage"]),
            "temperature": float(values.get("nom_temperature", 25)),
            "thresholds": tuple(float(values.get(name, "nan")) for name in names),
        }
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"{path}: library has no valid {error}") from None


def _unit(text: str, symbol: str, path: Path) -> float:
    """A quantity such as 10ps, in SI."""
    match = re.fullmatch(rf"([\d.eE+-]+)\s*,?\s*([fpnumk]?){symbol}", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{path}: unit must be a number and a unit of {symbol}, not {text!r}")
    return float(match.group(1)) * PREFIXES[match.group(2).lower()]


def liberty_units(group: Any, path: Path) -> Units:
    """Factors; internal power is in load units x voltage units squared."""
    values = _values(group)
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


Templates = Mapping[str, Mapping[str, str]]


def _cell(group: Any, units: Units, templates: Templates, path: Path) -> Cell:
    name = _args(group)[0]
    values = _values(group)
    try:
        pins = {}
        for child in group.children:
            if child.id == "pin":
                for pin_name in _args(child):
                    pins[pin_name] = _pin(child, pin_name, units, templates)
        register = _register(group, pins)
        return Cell(
            name=name,
            area=float(values.get("area", 0)),
            leakage=_leakage(group) * units.leakage,
            dont_use=values.get("dont_use", "false") == "true",
            pins=pins,
            register=register,
        )
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(f"{path}: cell {name}: {error}") from None


def _leakage(group: Any) -> float:
    """The cell's own mean, else the mean over its states, supply rails added."""
    values = _values(group)
    if "cell_leakage_power" in values:
        return float(values["cell_leakage_power"])
    states: dict[str, float] = {}
    for child in group.children:
        if child.id == "leakage_power":
            state = _values(child)
            when = state.get("when", "")
            states[when] = states.get(when, 0.0) + float(state["value"])
    named = [value for when, value in states.items() if when] or list(states.values())
    return sum(named) / len(named) if named else 0.0


def _pin(group: Any, name: str, units: Units, templates: Templates) -> Pin:
    values = _values(group)
    direction = values.get("direction", "input")
    text = values.get("function", values.get("state_function"))
    function = parse_function(text) if text and direction == "output" else None
    both = [float(values.get(f"{edge}_capacitance", 0)) for edge in EDGES]
    capacitance = float(values.get("capacitance", sum(both) / 2))
    return Pin(
        name=name,
        direction=direction,
        capacitance=capacitance * units.load if direction == "input" else 0.0,
        max_load=float(values.get("max_capacitance", "inf")) * units.load,
        function=function,
        arcs=[arc for child in group.children for arc in _arcs(child, units, templates)],
        powers=list(_powers(group, units, templates)),
    )


def _arcs(group: Any, units: Units, templates: Templates) -> Iterator[Arc]:
    if group.id != "timing":
        return
    values = _values(group)
    delay, slew = {}, {}
    for child in group.children:
        for edge in EDGES:
            if child.id in (f"cell_{edge}", f"{edge}_constraint"):
                second = units.load if child.id.startswith("cell") else units.time
                delay[edge] = _table(child, templates, units.time, second, units.time)
            elif child.id == f"{edge}_transition":
                slew[edge] = _table(child, templates, units.time, units.load, units.time)
    for related in values.get("related_pin", "").split():
        yield Arc(
            related=related,
            kind=values.get("timing_type", "combinational"),
            sense=values.get("timing_sense", "non_unate"),
            delay=delay,
            slew=slew,
        )


def _powers(group: Any, units: Units, templates: Templates) -> Iterator[Power]:
    for child in group.children:
        if child.id != "internal_power":
            continue
        values = _values(child)
        when = values.get("when")
        energy = {}
        for table in child.children:
            for edge in EDGES:
                if table.id in (f"{edge}_power", "power"):
                    energy[edge] = _table(table, templates, units.time, units.load, units.energy)
        related = tuple(values.get("related_pin", "").split())
        yield Power(related, parse_function(when) if when else None, energy)


SECOND_AXES = {"total_output_net_capacitance", "related_pin_transition"}


def _table(
    group: Any, templates: Templates, first: float, second: float, scale: float
) -> LookupTable:
    """A table of one or two axes, brought into the order (slew, load)."""
    template = dict(templates.get((_args(group) or [""])[0], {}))
    own = {}
    rows: list[Reals] = []
    for child in group.children:
        if child.id == "values":
            rows = [_floats(row) for row in _args(child)]
        elif child.id.startswith("index_"):
            own[child.id] = ", ".join(_args(child))
    axes = {}
    for number in (1, 2):
        text = own.get(f"index_{number}", template.get(f"index_{number}"))
        if text is not None and (own or f"variable_{number}" in template):
            axes[number] = _floats(text)
    flat = np.concatenate(rows) if rows else np.zeros(0)
    shape = tuple(len(axes[number]) for number in sorted(axes)) or (1,)
    if flat.size == 1:
        one = np.zeros(1)
        return LookupTable(one, one, flat.reshape(1, 1) * scale)
    if flat.size != np.prod(shape):
        raise ValueError(f"table of {flat.size} values must have {np.prod(shape)}")
    names = [template.get(f"variable_{number}", "") for number in sorted(axes)]
    grid = flat.reshape(shape) * scale
    swapped = names[0] in SECOND_AXES
    if len(shape) == 1:
        one = np.zeros(1)
        axis = axes[1] * (second if swapped else first)
        return (
            LookupTable(one, axis, grid[None]) if swapped else LookupTable(axis, one, grid[:, None])
        )
    if swapped:
        return LookupTable(axes[2] * first, axes[1] * second, np.ascontiguousarray(grid.T))
    return LookupTable(axes[1] * first, axes[2] * second, grid)


@lru_cache(maxsize=4096)
def _floats(text: str) -> Reals:
    values = np.array([float(part) for part in re.split(r"[,\s]+", text.strip()) if part])
    if not np.all(np.isfinite(values)):
        raise ValueError(f"numbers must be finite, not {text!r}")
    return values


def _register(group: Any, pins: Mapping[str, Pin]) -> Register | None:
    """The cell's flip-flop or clock gate; None for logic, and for storage that is not used."""
    values = _values(group)
    gating = values.get("clock_gating_integrated_cell", "")
    if gating.startswith("latch_posedge"):
        roles = {
            role: child_args[0]
            for child in group.children
            if child.id == "pin" and (child_args := _args(child))
            for role, value in _values(child).items()
            if role.startswith("clock_gate_") and value == "true"
        }
        enables = [
            roles[f"clock_gate_{role}_pin"]
            for role in ("enable", "test")
            if f"clock_gate_{role}_pin" in roles
        ]
        return Register("gate", roles["clock_gate_clock_pin"], parse_function(" | ".join(enables)))
    for child in group.children:
        if child.id != "ff":
            continue
        own = _values(child)
        clock = own.get("clocked_on", "").strip("() ")
        state, inverse = _args(child)
        if clock not in pins:
            return None  # of a falling edge, or of a function: synthesis makes none
        asynchronous = [
            parse_function(own[name]) if name in own else None for name in ("clear", "preset")
        ]
        return Register(
            "ff", clock, parse_function(own["next_state"]), state, inverse, *asynchronous
        )
    return None
