"""Black boxes: modules that are left out of a netlist, such as memories, and how long they take."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .boolean import parse_function
from .library import EDGES, Arc, Cell, Library, LookupTable, Pin, Register

__all__ = ["BoxTiming", "boxed"]

Modules = dict[str, Any]


@dataclass(frozen=True)
class BoxTiming:
    """Times of a black box, ps: from the clock to its outputs, and its inputs' set-up."""

    access_ps: float = 0.0
    setup_ps: float = 0.0


def boxed(
    json: Mapping[str, Any], library: Library, boxes: Mapping[str, BoxTiming], clock: str = "clk"
) -> tuple[Modules, Library]:
    """Return a netlist in which black boxes are cells, and the library with these cells.

    A cell of no area stands for each box, with a pin for each bit of a port. It is a register: its
    outputs come `access_ps` after the clock's edge, and its inputs must be there `setup_ps` before.

    Parameters
    ----------
    json : Yosys' JSON, in which the boxes are modules without cells
    boxes : times of each, by module name
    clock : the boxes' clock port

    Raises
    ------
    ValueError
        If there is no module of that name.
    """
    modules = dict(json["modules"])
    cells = dict(library.cells)
    for name, timing in boxes.items():
        if name not in modules:
            raise ValueError(f"Black box {name} must be a module of the netlist")
        cells[name] = _cell(name, modules.pop(name)["ports"], timing, clock)
    for name, module in modules.items():
        spread = {
            place: _spread(cell) if cell["type"] in boxes else cell
            for place, cell in module["cells"].items()
        }
        modules[name] = {**module, "cells": spread}
    return {**json, "modules": modules}, replace(library, cells=cells)


def _spread(cell: Mapping[str, Any]) -> dict[str, Any]:
    """An instance with a connection for each bit."""
    bits = {
        _bit(port, index): [bit]
        for port, wires in cell["connections"].items()
        for index, bit in enumerate(wires)
    }
    return {**cell, "connections": bits}


def _bit(port: str, index: int) -> str:
    return f"{port}[{index}]"


def _cell(name: str, ports: Mapping[str, Any], timing: BoxTiming, clock: str) -> Cell:
    edge = _bit(clock, 0)
    pins = {}
    for port, value in ports.items():
        for index in range(len(value["bits"])):
            pin = _bit(port, index)
            pins[pin] = _pin(pin, value["direction"], timing, edge)
    return Cell(name, 0.0, 0.0, True, pins, Register("ff", edge, parse_function("0")))


def _pin(name: str, direction: str, timing: BoxTiming, clock: str) -> Pin:
    arcs: list[Arc] = []
    if direction == "output":
        arcs.append(_arc(clock, "rising_edge", timing.access_ps))
    elif name != clock:
        arcs.append(_arc(clock, "setup_rising", timing.setup_ps))
    return Pin(name, direction, 0.0, np.inf, None, arcs, ())


def _arc(clock: str, kind: str, delay_ps: float) -> Arc:
    """An arc of a fixed delay, behind which edges are steep."""
    delay, slew = (dict.fromkeys(EDGES, _constant(value)) for value in (delay_ps, 0.0))
    return Arc(clock, kind, "non_unate", delay, slew)


def _constant(value: float) -> LookupTable:
    """A table of two points, because one of a single point does not broadcast."""
    return LookupTable(np.arange(2.0), np.zeros(1), np.full((2, 1), value))
