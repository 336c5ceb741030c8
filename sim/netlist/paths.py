"""The longest paths of a timed netlist, each from the register where it begins to its end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .flat import CellGroup, Netlist
from .library import Arc
from .timing import PathEnds, Timing, path_ends, sources

__all__ = ["TracedPath", "longest_paths"]


@dataclass(frozen=True)
class TracedPath:
    """A path between registers, or from an input.

    Attributes
    ----------
    start, end : scopes of the registers, as in `Netlist.scopes`; or "input PORT"
    delay_ps : from the clock's edge to the end
    setup_ps : set-up time there
    through : scopes of the cells on the way, in order, each once where it follows itself
    cells : how many cells are on the way
    """

    start: str
    end: str
    delay_ps: float
    setup_ps: float
    through: Sequence[str]
    cells: int

    @property
    def period_ps(self) -> float:
        """The clock period that the path needs."""
        return self.delay_ps + self.setup_ps


def longest_paths(netlist: Netlist, timing: Timing, above_ps: float = 0.0) -> list[TracedPath]:
    """Return the longest path to each scope's registers, the longest first.

    Paths whose period is at most `above_ps` are left out.
    """
    worst: dict[int, tuple[float, PathEnds, int]] = {}
    for ends in path_ends(netlist, timing):
        total = ends.arrival + ends.setup
        for index in np.flatnonzero(total > above_ps).tolist():
            scope = int(ends.group.scopes[index])
            if scope not in worst or total[index] > worst[scope][0]:
                worst[scope] = (float(total[index]), ends, index)
    tracer = _Tracer(netlist, timing)
    found = [tracer.trace(ends, index) for _, ends, index in worst.values()]
    return sorted(found, key=lambda path: -path.period_ps)


class _Tracer:
    """Follows paths backwards, by the worst arc of each cell."""

    def __init__(self, netlist: Netlist, timing: Timing) -> None:
        self.netlist, self.timing = netlist, timing
        self.group = np.full(netlist.nets, -1, np.int32)  # of the driver of each net
        self.row = np.zeros(netlist.nets, np.int32)
        for number, group in enumerate(netlist.groups):
            for pin in group.cell.outputs:
                self.group[group.nets(pin)] = number
                self.row[group.nets(pin)] = np.arange(len(group.pins))
        self.ports = {
            int(net): name for name, nets in netlist.ports.items() for net in nets.tolist()
        }

    def trace(self, ends: PathEnds, index: int) -> TracedPath:
        """Return the longest path to one of the ends."""
        scopes = self.netlist.scopes
        net, edge = int(ends.nets[index]), ends.edge
        through: list[str] = []
        cells = 0
        while True:
            number = int(self.group[net])
            if number < 0:
                start = f"input {self.ports.get(net, 'unknown')}"
                break
            group, row = self.netlist.groups[number], int(self.row[net])
            scope = scopes[group.scopes[row]]
            if group.cell.register is not None:
                start = scope
                break
            cells += 1
            if not through or through[-1] != scope:
                through.append(scope)
            net, edge = self._before(group, row, net, edge)
        end = scopes[ends.group.scopes[index]]
        delay, setup = float(ends.arrival[index]), float(ends.setup[index])
        return TracedPath(start, end, delay, setup, through[::-1], cells)

    def _before(self, group: CellGroup, row: int, net: int, edge: str) -> tuple[int, str]:
        """Net and edge that the worst arc to an edge of a cell's output comes from."""
        pins = dict(zip(group.names, group.pins[row].tolist(), strict=True))
        output = next(pin for pin in group.cell.outputs if pins[pin] == net)
        candidates = [
            (self._arrival(arc, edge, source, pins[arc.related], net), pins[arc.related], source)
            for arc in group.cell.pins[output].arcs
            if arc.related in pins and edge in arc.delay
            for source in sources(arc, edge)
        ]
        _, before, source = max(candidates)
        return before, source

    def _arrival(self, arc: Arc, edge: str, source: str, before: int, net: int) -> float:
        start = float(self.timing.arrival[source][before])
        slew = self.timing.slew[source][before]
        return start + float(arc.delay[edge](slew, self.timing.load[net]))
