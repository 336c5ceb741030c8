"""Loads of nets, the wire estimate, and buffer trees for nets that drive too many pins."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Reals

from .flat import ONE, CellGroup, Ints, Netlist
from .library import Cell, Library

__all__ = ["FANOUT", "add_buffers", "clock_nets", "loads", "strong_buffer", "wire_fanout_ff"]


FANOUT = 16  # the most pins that a net drives, if it is no clock
WIRE_FF_PER_UM = 0.2
PITCHES_PER_PIN = 2.0  # length of wire for each driven pin, in cell pitches


def wire_fanout_ff(netlist: Netlist) -> float:
    """Return the estimated wire capacitance of a driven pin: 0.2 fF/um x 2 mean cell pitches."""
    pitch = np.sqrt(netlist.area / max(netlist.cells, 1))
    return float(WIRE_FF_PER_UM * PITCHES_PER_PIN * pitch)


def sinks(netlist: Netlist) -> Iterator[tuple[CellGroup, int, str, Ints]]:
    """Yield every input pin of every kind of cell: group, column, pin, nets."""
    for group in netlist.groups:
        for column, pin in enumerate(group.cell.inputs):
            yield group, column, pin, group.pins[:, column]


def loads(netlist: Netlist, wire_scale: float) -> tuple[Reals, Reals]:
    """Return the load of each net in fF, of pins and wire, and the part of its pins."""
    pins = np.zeros(netlist.nets)
    fanout = np.zeros(netlist.nets)
    for group, _, pin, nets in sinks(netlist):
        np.add.at(pins, nets, group.cell.pins[pin].capacitance)
        np.add.at(fanout, nets, 1.0)
    return pins + fanout * wire_fanout_ff(netlist) * wire_scale, pins


def clock_nets(netlist: Netlist, clock: str = "clk") -> npt.NDArray[np.bool_]:
    """Return which nets are the clock, or come out of a clock gate."""
    found = np.zeros(netlist.nets, bool)
    if clock in netlist.ports:
        found[netlist.ports[clock]] = True
    for group, _ in netlist.registers("gate"):
        found[group.nets(group.cell.outputs[0])] = True
    return found


def strong_buffer(library: Library, load_ff: float, slew_ps: float) -> Cell:
    """Return the smallest buffer whose delay at this load is within 5 % of the fastest's."""
    best = []
    for cell in library.cells.values():
        if cell.register is not None or cell.dont_use or len(cell.inputs) != 1:
            continue
        if len(cell.outputs) != 1 or "dly" in cell.name:
            continue
        pin = cell.pins[cell.outputs[0]]
        if pin.function is None or pin.function.pins != cell.inputs:
            continue
        if pin.function.table(cell.inputs) != 0b10 or not pin.arcs or load_ff > pin.max_load:
            continue
        delay = max(float(table(slew_ps, load_ff)) for table in pin.arcs[0].delay.values())
        best.append((delay, cell.area, cell.name))
    if not best:
        raise ValueError(f"Library {library.name} has no buffer for a load of {load_ff:.0f} fF")
    fastest = min(best)[0]
    return library.cells[min((a, n) for d, a, n in best if d <= 1.05 * fastest)[1]]


def add_buffers(netlist: Netlist, slew_ps: float, clock: str = "clk") -> None:
    """Add a tree of buffers to each net of more than `FANOUT` pins that is no clock.

    The netlist is changed in place. Pins that are neighbours in the hierarchy share a buffer.
    """
    clocks = clock_nets(netlist, clock)
    total, count = loads(netlist, 1.0)[0].sum(), sum(len(nets) for *_, nets in sinks(netlist))
    buffer = strong_buffer(netlist.library, FANOUT * total / max(count, 1), slew_ps)
    scopes = {scope: index for index, scope in enumerate(netlist.scopes)}
    pins, owners = [], []
    ends = [
        (group, column, row, net, int(group.scopes[row]))
        for group, column, _, nets in sinks(netlist)
        for row, net in _heavy(nets, netlist, clocks)
    ]
    by_net: dict[int, list[tuple[CellGroup, int, int, int]]] = {}
    for group, column, row, net, scope in ends:
        by_net.setdefault(net, []).append((group, column, row, scope))
    for net, items in by_net.items():
        items.sort(key=lambda item: netlist.scopes[item[3]])
        level: list[tuple[int, int]] = []  # nets of the new buffers' inputs: row, scope
        for start in range(0, len(items), FANOUT):
            part = items[start : start + FANOUT]
            for group, column, row, _ in part:
                group.pins[row, column] = netlist.nets
            pins.append([net, netlist.nets])
            owners.append(part[0][3])
            level.append((len(pins) - 1, part[0][3]))
            netlist.nets += 1
        while len(level) > FANOUT:
            above = []
            for start in range(0, len(level), FANOUT):
                children = level[start : start + FANOUT]
                for row, _ in children:
                    pins[row][0] = netlist.nets
                pins.append([net, netlist.nets])
                owners.append(children[0][1])
                above.append((len(pins) - 1, children[0][1]))
                netlist.nets += 1
            level = above
    if pins:
        _append(netlist, buffer, np.array(pins, np.int32), np.array(owners, np.int32))
    netlist.scopes = list(scopes)


def _heavy(
    nets: Ints, netlist: Netlist, clocks: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    fanout = _fanout(netlist)
    rows = np.flatnonzero((fanout[nets] > FANOUT) & ~clocks[nets] & (nets > ONE))
    yield from zip(rows.tolist(), nets[rows].tolist(), strict=True)


def _fanout(netlist: Netlist) -> npt.NDArray[np.int64]:
    count = np.zeros(netlist.nets, np.int64)
    for *_, nets in sinks(netlist):
        np.add.at(count, nets, 1)
    return count


def _append(netlist: Netlist, cell: Cell, pins: Ints, scopes: Ints) -> None:
    for group in netlist.groups:
        if group.cell is cell:
            group.pins = np.concatenate([group.pins, pins])
            group.scopes = np.concatenate([group.scopes, scopes])
            return
    netlist.groups.append(CellGroup(cell, pins, cell.inputs + cell.outputs, scopes))
