"""Cells of a Liberty file: pins, arcs, tables and registers, out of the file's groups."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden.types import Reals

from .boolean import parse_function
from .groups import group_arguments, group_values
from .library import EDGES, Arc, Cell, LookupTable, Pin, Power, Register
from .units import Units

__all__ = ["Templates", "read_cell"]

Templates = Mapping[str, Mapping[str, str]]


def read_cell(group: Any, units: Units, templates: Templates, path: Path) -> Cell:
    """Return the cell that a group describes.

    Parameters
    ----------
    templates : attributes of the library's table templates, by name
    path : the file that it is of, for messages

    Raises
    ------
    ValueError
        If a number, a function or a table of it is wrong.
    """
    name = group_arguments(group)[0]
    values = group_values(group)
    try:
        pins = {}
        for child in group.children:
            if child.id == "pin":
                for pin_name in group_arguments(child):
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
    """Return the cell's own mean, else the mean over its states, summed over supply rails."""
    values = group_values(group)
    if "cell_leakage_power" in values:
        return float(values["cell_leakage_power"])
    states: dict[str, float] = {}
    for child in group.children:
        if child.id == "leakage_power":
            state = group_values(child)
            when = state.get("when", "")
            states[when] = states.get(when, 0.0) + float(state["value"])
    named = [value for when, value in states.items() if when] or list(states.values())
    return sum(named) / len(named) if named else 0.0


def _pin(group: Any, name: str, units: Units, templates: Templates) -> Pin:
    values = group_values(group)
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
    values = group_values(group)
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
        values = group_values(child)
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
    """Return a table of one or two axes, with its axes in the order (slew, load)."""
    template = dict(templates.get((group_arguments(group) or [""])[0], {}))
    own = {}
    rows: list[Reals] = []
    for child in group.children:
        if child.id == "values":
            rows = [_floats(row) for row in group_arguments(child)]
        elif child.id.startswith("index_"):
            own[child.id] = ", ".join(group_arguments(child))
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
    """Return the cell's flip-flop or clock gate; None for logic, and for storage not used here."""
    values = group_values(group)
    gating = values.get("clock_gating_integrated_cell", "")
    if gating.startswith("latch_posedge"):
        roles = {
            role: child_args[0]
            for child in group.children
            if child.id == "pin" and (child_args := group_arguments(child))
            for role, value in group_values(child).items()
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
        own = group_values(child)
        clock = own.get("clocked_on", "").strip("() ")
        state, inverse = group_arguments(child)
        if clock not in pins:
            return None  # a falling edge, or a function, of which synthesis makes none
        asynchronous = [
            parse_function(own[name]) if name in own else None for name in ("clear", "preset")
        ]
        return Register(
            "ff", clock, parse_function(own["next_state"]), state, inverse, *asynchronous
        )
    return None
