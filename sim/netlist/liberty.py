"""Reads Liberty libraries: files of one corner, checked, merged, and brought to the same units."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .cells import read_cell
from .groups import group_arguments, group_values, liberty_file
from .library import Cell, Library
from .units import liberty_units

__all__ = ["read_liberty"]


def read_liberty(paths: Sequence[Path], *, registers: bool = True) -> Library:
    """Read a library and check it.

    Parameters
    ----------
    paths : the library's files, all of one corner
    registers : whether it must have flip-flops

    Raises
    ------
    ValueError
        If a file is no Liberty file, is truncated, or is of another voltage than the first; if no
        file has power tables, or none has flip-flops.
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
            group_arguments(child)[0]: group_values(child)
            for child in group.children
            if child.id in ("lu_table_template", "power_lut_template") and group_arguments(child)
        }
        for child in group.children:
            if child.id == "cell" and group_arguments(child):
                cell = read_cell(child, units, templates, path)
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


def _corner(group: Any, path: Path) -> dict[str, Any]:
    values = group_values(group)
    names = [f"slew_{end}_threshold_pct_rise" for end in ("lower", "upper")]
    try:
        return {
            "name": group_arguments(group)[0],
            "voltage": float(values["nom_voltage"]),
            "temperature": float(values.get("nom_temperature", 25)),
            "thresholds": tuple(float(values.get(name, "nan")) for name in names),
        }
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"{path}: library has no valid {error}") from None
