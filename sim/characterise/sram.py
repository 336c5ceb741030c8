"""Reads energy, leakage and area of memory macros from their Liberty files."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from truncmac.sim.energy.macros import Sram, SramFigures
from truncmac.sim.netlist.boolean import parse_function
from truncmac.sim.netlist.groups import liberty_file
from truncmac.sim.netlist.units import liberty_units

__all__ = ["read_sram", "sram_figures"]

HALF = 0.5  # share of the address and data bits that change in an access


def sram_figures(paths: Sequence[Path], label: str) -> bytes:
    """The file of figures of the macros in `paths`, the smallest first."""
    found = [read_sram(path) for path in paths]
    macros = sorted((macro for macro, _ in found), key=lambda macro: macro.words * macro.bits)
    figures = SramFigures(
        library=label,
        macros=tuple(macros),
        files_sha256={path.name: digest for path, (_, digest) in zip(paths, found, strict=True)},
        method="clock pin's internal energy of a read or write cycle, plus address and data "
        "pins' for half of their bits; the outputs' load is not in it; times are those in the "
        "middle of their tables",
    )
    return (json.dumps(asdict(figures), indent=1) + "\n").encode()


def read_sram(path: Path) -> tuple[Sram, str]:
    """A macro from its Liberty file, and the SHA-256 of the file.

    Raises
    ------
    ValueError
        If the file has no memory cell with one port of clock, enable, read and write.
    """
    group, digest = liberty_file(path)
    units = liberty_units(group, path)
    cell = next((c for c in group.children if c.id == "cell" and _child(c, "memory")), None)
    if cell is None:
        raise ValueError(f"{path}: no memory cell")
    shape = _simple(_child(cell, "memory"))
    words, bits = 1 << int(shape["address_width"]), int(shape["word_width"])
    pins = dict(_pins(cell))
    try:
        clock, address, data = pins["A_CLK"], pins["A_ADDR"], pins["A_DIN"]
    except KeyError as error:
        raise ValueError(f"{path}: memory has no pin {error}") from None
    addressing = HALF * int(shape["address_width"]) * _energy(address, {"A_MEN": 1})
    reading = _cycle(clock, {"A_MEN": 1, "A_REN": 1, "A_WEN": 0}) + addressing
    writing = _cycle(clock, {"A_MEN": 1, "A_REN": 0, "A_WEN": 1}) + addressing
    writing += HALF * bits * _energy(data, {"A_MEN": 1})
    values = _simple(cell)
    macro = Sram(
        name=str(cell.args[0]),
        words=words,
        bits=bits,
        read_pj=round(reading * units.energy / 1e3, 6),
        write_pj=round(writing * units.energy / 1e3, 6),
        leakage_nw=float(values.get("cell_leakage_power", 0)) * units.leakage,
        area_um2=float(values["area"]),
        access_ps=round(_latest(cell, "rising_edge", "cell") * units.time, 3),
        setup_ps=round(_latest(cell, "setup_rising", "constraint") * units.time, 3),
    )
    return macro, digest


def _latest(cell: Any, kind: str, tables: str) -> float:
    """The longest time of a kind of arc of the macro's own ports; 0 where it has none.

    Ports of the built-in self-test are left out. Of a table, the value in the middle counts.
    """
    found = [0.0]
    for name, pin in _arcs(cell):
        for arc in pin.children:
            if arc.id != "timing" or "BIST" in name or _simple(arc).get("timing_type") != kind:
                continue
            found += [_middle(table) for table in arc.children if tables in table.id]
    return max(found)


def _arcs(cell: Any) -> list[tuple[str, Any]]:
    """All groups that may have arcs, with the name of the pin or of its bus."""
    found = []
    for child in cell.children:
        if child.id in ("pin", "bus"):
            inner = [pin for pin in child.children if pin.id == "pin"]
            found += [(str(child.args[0]), group) for group in (child, *inner)]
    return found


def _middle(table: Any) -> float:
    rows = [arg.strip('" ').split(",") for arg in _child(table, "values").args]
    row = rows[len(rows) // 2]
    return float(row[len(row) // 2])


def _child(group: Any, name: str) -> Any:
    return next((child for child in group.children if child.id == name), None)


def _simple(group: Any) -> dict[str, str]:
    return {child.id: child.value.strip('" ') for child in group.children}


def _pins(cell: Any) -> list[tuple[str, Any]]:
    """Pins by name; of a bus, under its own name, the pin inside that has power tables."""
    found = []
    for child in cell.children:
        if child.id == "pin":
            found.append((str(child.args[0]), child))
        elif child.id == "bus":
            inner = [p for p in child.children if p.id == "pin" and _child(p, "internal_power")]
            found.append((str(child.args[0]), inner[0] if inner else child))
    return found


def _power(pin: Any, state: dict[str, int]) -> list[float]:
    """Energy of a rising and of a falling edge in a state, in the unit of the file."""
    for group in pin.children:
        if group.id != "internal_power":
            continue
        when = _simple(group).get("when")
        if when:
            function = parse_function(when)
            row = sum(state.get(name, 0) << i for i, name in enumerate(function.pins))
            if not function.table(function.pins) >> row & 1:
                continue
        return [_scalar(_child(group, f"{edge}_power")) for edge in ("rise", "fall")]
    return [0.0, 0.0]


def _scalar(table: Any) -> float:
    """Mean of the values of a table, which in macros is a single number."""
    numbers = [float(n) for arg in _child(table, "values").args for n in arg.strip('" ').split(",")]
    return sum(numbers) / len(numbers)


def _cycle(clock: Any, state: dict[str, int]) -> float:
    return sum(_power(clock, state))


def _energy(pin: Any, state: dict[str, int]) -> float:
    """Energy of one toggle, in the unit of the file."""
    return sum(_power(pin, state)) / 2
