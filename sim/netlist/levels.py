"""The order in which a netlist's cells are evaluated: level by level, drivers first."""

from collections.abc import Sequence

import numpy as np

from .flat import CellGroup, Ints, Netlist
from .library import Cell

__all__ = ["gate_order", "levels"]

Level = tuple[Cell, Ints]  # cells of one kind: pins (n, inputs + outputs)


def levels(netlist: Netlist) -> list[Level]:
    """Return the logic in the order of evaluation, cells of one kind and level together.

    Raises
    ------
    RuntimeError
        If there is a combinational loop, or a cell that is neither logic nor register.
    """
    logic = [group for group in netlist.groups if group.cell.register is None]
    for group in logic:
        if any(group.cell.pins[pin].function is None for pin in group.cell.outputs):
            raise RuntimeError(f"Cell {group.cell.name} of the netlist has no function")
    inputs = [group.pins[:, : len(group.cell.inputs)] for group in logic]
    return _in_order(logic, inputs, netlist.nets)


def gate_order(netlist: Netlist) -> list[Level]:
    """Return the clock gates, those nearer to the root of the clock first."""
    gates = netlist.registers("gate")
    clocks = [group.nets(register.clock)[:, None] for group, register in gates]
    return _in_order([group for group, _ in gates], clocks, netlist.nets)


def _in_order(groups: Sequence[CellGroup], inputs: Sequence[Ints], nets: int) -> list[Level]:
    """Return the cells of `groups` by level, then by name; `inputs` are what a cell waits for."""
    placed = []
    for group, level in zip(groups, _levels(groups, inputs, nets), strict=True):
        placed += [(int(at), group.cell, group.pins[level == at]) for at in np.unique(level)]
    placed.sort(key=lambda item: (item[0], item[1].name))
    return [(cell, np.ascontiguousarray(pins)) for _, cell, pins in placed]


def _levels(groups: Sequence[CellGroup], inputs: Sequence[Ints], nets: int) -> list[Ints]:
    """Return the level of each cell: one more than the highest level of its inputs."""
    if not groups:
        return []
    width = max(columns.shape[1] for columns in inputs)
    padded = [np.pad(columns, ((0, 0), (0, width - columns.shape[1]))) for columns in inputs]
    sources = np.concatenate(padded)
    ends = np.cumsum([len(columns) for columns in inputs])[:-1]
    level = np.zeros(nets, np.int32)
    while True:
        found = np.split(level[sources].max(axis=1) + 1, ends)
        before = level.copy()
        for group, part in zip(groups, found, strict=True):
            for pin in group.cell.outputs:
                level[group.nets(pin)] = part
        if np.array_equal(before, level):
            return found
        if level.max() > len(sources):
            raise RuntimeError("Netlist has a combinational loop")
