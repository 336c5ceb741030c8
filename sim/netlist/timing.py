"""Static timing of a mapped netlist, from Liberty's tables.

Arrival times and slews of rising and falling edges follow level by level, each from the worst of
all arcs. The clock is ideal: all registers, gated or not, see its edge at time 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from truncmac.golden.types import Reals

from .fanout import clock_nets, loads
from .flat import CellGroup, Ints, Netlist
from .levels import levels
from .library import EDGES, Arc, Cell, Library
from .mapping import buffer_cell

__all__ = ["LongestPath", "PathEnds", "Timing", "analyse_timing", "fo4", "path_ends", "sources"]

OTHER = {"rise": "fall", "fall": "rise"}


@dataclass(frozen=True)
class LongestPath:
    """The longest path: its delay, the set-up time at its end, and where it ends."""

    delay_ps: float
    setup_ps: float
    scope: str


@dataclass(frozen=True, eq=False)
class Timing:
    """What the timing analysis found.

    Attributes
    ----------
    period_ps : shortest clock period, which is the longest path to a register with its set-up time
    worst : that path
    arrival, slew : arrays (nets,) by edge, ps
    output_ps : latest arrival at an output port
    load : array (nets,), fF
    """

    period_ps: float
    worst: LongestPath
    arrival: dict[str, Reals]
    slew: dict[str, Reals]
    output_ps: float
    load: Reals

    @property
    def mean_slew(self) -> Reals:
        """Mean of rising and falling slews, array (nets,), ps."""
        return (self.slew["rise"] + self.slew["fall"]) / 2


def fo4(library: Library) -> tuple[float, float]:
    """Return delay and output slew, ps, of the smallest inverter that drives four like itself."""
    cell = buffer_cell(library, inverting=True)
    arc = cell.pins[cell.outputs[0]].arcs[0]
    load = 4 * cell.pins[cell.inputs[0]].capacitance
    slew = 0.0
    for _ in range(20):
        slew = float(np.mean([arc.slew[edge](slew, load) for edge in EDGES]))
    return float(np.mean([arc.delay[edge](slew, load) for edge in EDGES])), slew


def analyse_timing(netlist: Netlist, *, wire_scale: float = 1.0, clock: str = "clk") -> Timing:
    """Time a netlist. Inputs and clock come at time 0 with the slew of an FO4 inverter.

    Parameters
    ----------
    wire_scale : factor of the estimated load of wires
    clock : port of the clock
    """
    load, _ = loads(netlist, wire_scale)
    _, clock_slew = fo4(netlist.library)
    arrival = {edge: np.full(netlist.nets, -np.inf) for edge in EDGES}
    slew = {edge: np.full(netlist.nets, clock_slew) for edge in EDGES}
    clocks = clock_nets(netlist, clock)
    for nets in netlist.ports.values():
        for edge in EDGES:
            arrival[edge][nets] = 0.0
    driven = np.zeros(netlist.nets, bool)
    for group in netlist.groups:
        for pin in group.cell.outputs:
            driven[group.nets(pin)] = True
    for edge in EDGES:
        arrival[edge][driven & ~clocks] = -np.inf
        arrival[edge][clocks] = 0.0
    for group, _ in netlist.registers("ff"):
        _launch(group, arrival, slew, load)
    for cell, pins in levels(netlist):
        _propagate(cell, pins, arrival, slew, load)
    worst = _worst(netlist, arrival, slew, clock_slew)
    inputs = {name for name, nets in netlist.ports.items() if not driven[nets].any()}
    outputs = [nets for name, nets in netlist.ports.items() if name not in inputs]
    latest = max((float(arrival[e][nets].max()) for nets in outputs for e in EDGES), default=0.0)
    return Timing(worst.delay_ps + worst.setup_ps, worst, arrival, slew, max(latest, 0.0), load)


def _launch(
    group: CellGroup, arrival: dict[str, Reals], slew: dict[str, Reals], load: Reals
) -> None:
    """Time the registers' outputs from the clock's rising edge."""
    for pin in group.cell.outputs:
        for arc in group.cell.pins[pin].arcs:
            if arc.kind != "rising_edge":
                continue
            nets = group.nets(pin)
            start = slew["rise"][group.nets(arc.related)]
            for edge in arc.delay:
                at = arc.delay[edge](start, load[nets])
                arrival[edge][nets] = np.maximum(arrival[edge][nets], at)
                slew[edge][nets] = arc.slew[edge](start, load[nets])


def sources(arc: Arc, edge: str) -> tuple[str, ...]:
    """Return the edges of the related pin that can cause an edge of the output."""
    if arc.sense == "positive_unate":
        return (edge,)
    return (OTHER[edge],) if arc.sense == "negative_unate" else EDGES


def _propagate(
    cell: Cell, pins: Ints, arrival: dict[str, Reals], slew: dict[str, Reals], load: Reals
) -> None:
    names = cell.inputs + cell.outputs
    for pin in cell.outputs:
        nets = pins[:, names.index(pin)]
        for edge in EDGES:
            latest = np.full(len(nets), -np.inf)
            slowest = np.zeros(len(nets))
            for arc in cell.pins[pin].arcs:
                if arc.related not in names or edge not in arc.delay or edge not in arc.slew:
                    continue
                related = pins[:, names.index(arc.related)]
                for source in sources(arc, edge):
                    start = arrival[source][related]
                    ramp = slew[source][related]
                    live = np.isfinite(start)
                    at = start + arc.delay[edge](ramp, load[nets])
                    latest = np.maximum(latest, at)
                    slope = np.where(live, arc.slew[edge](ramp, load[nets]), 0.0)
                    slowest = np.maximum(slowest, slope)
            arrival[edge][nets] = latest
            slew[edge][nets] = np.where(np.isfinite(latest), slowest, slew[edge][nets])


class PathEnds(NamedTuple):
    """One pin of all registers of a kind, where paths of one edge end.

    Attributes
    ----------
    group : the registers
    nets : int array (instances,), the nets at the pin
    edge : "rise" or "fall", of the pin
    arrival, setup : arrays (instances,), ps; the arrival is -inf where the edge never comes
    """

    group: CellGroup
    nets: Ints
    edge: str
    arrival: Reals
    setup: Reals


def path_ends(netlist: Netlist, timing: Timing) -> Iterator[PathEnds]:
    """Yield all ends of paths at registers."""
    _, clock_slew = fo4(netlist.library)
    yield from _ends(netlist, timing.arrival, timing.slew, clock_slew)


def _ends(
    netlist: Netlist, arrival: dict[str, Reals], slew: dict[str, Reals], clock_slew: float
) -> Iterator[PathEnds]:
    for group in netlist.groups:
        if group.cell.register is None:
            continue
        for pin in group.cell.inputs:
            nets = group.nets(pin)
            for arc in group.cell.pins[pin].arcs:
                if arc.kind != "setup_rising":
                    continue
                for edge, table in arc.delay.items():
                    setup = table(slew[edge][nets], clock_slew)
                    yield PathEnds(group, nets, edge, arrival[edge][nets], setup)


def _worst(
    netlist: Netlist, arrival: dict[str, Reals], slew: dict[str, Reals], clock_slew: float
) -> LongestPath:
    best = LongestPath(0.0, 0.0, "none")
    for ends in _ends(netlist, arrival, slew, clock_slew):
        index = int(np.argmax(ends.arrival + ends.setup))
        delay, setup = float(ends.arrival[index]), float(ends.setup[index])
        if delay + setup > best.delay_ps + best.setup_ps:
            best = LongestPath(delay, setup, netlist.scopes[ends.group.scopes[index]])
    return best
