"""Timed simulation of a sample of cycles: how often nets toggle when cells have delays.

The simulation without delays counts at most one toggle of a net in a cycle. With delays, a net may
toggle several times before it settles. Delays are the library's, by input and by edge, at the loads
and slews of the static timing. They are inertial: a pulse shorter than a cell's delay does not get
through.
"""

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .flat import CellGroup, Ints, Netlist
from .gates import Activity
from .levels import levels
from .library import Arc
from .timing import Timing, sources

__all__ = ["TICKS_PER_PS", "Probe"]

TICKS_PER_PS = 16
SETTLED_EDGES = ("fall", "rise")  # the order of delays: to 0, to 1


class _Event(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("time", "serial")),
        *((name, ctypes.c_int32) for name in ("net", "value")),
    ]


class ProbeStructure(ctypes.Structure):
    """The probe as `gates.c` has it."""

    _fields_ = [
        ("cells", ctypes.c_int64),
        ("stride", ctypes.c_int64),
        *(
            (name, ctypes.c_void_p)
            for name in (
                *("kind", "inputs", "outputs", "pins_at", "delays_at", "pins", "delays"),
                *("readers_at", "readers", "reader_input", "launch", "source"),
                *("value", "pending", "serial", "toggles", "settled"),
            )
        ),
        *((name, ctypes.c_int64) for name in ("cycles", "latest", "capacity", "failed")),
        ("heap", ctypes.c_void_p),
    ]


class Probe:
    """Times every `stride`-th cycle of a run, each in the next stream.

    Parameters
    ----------
    netlist : Netlist
    timing : Timing
        Slews and loads.
    kinds : numbers of the cells' kinds in the compiled simulator
    """

    def __init__(self, netlist: Netlist, timing: Timing, kinds: dict[str, int]) -> None:
        self.nets = netlist.nets
        self.arrays: dict[str, npt.NDArray[np.generic]] = {}
        self._add_cells(netlist, timing, kinds)
        self._add_sources(netlist, timing)
        for name, kind in (
            *(("value", np.uint8), ("pending", np.uint8)),
            *(("serial", np.int64), ("toggles", np.int64), ("settled", np.int64)),
        ):
            self.arrays[name] = np.zeros(self.nets, kind)
        capacity = 64 * self.nets
        self.heap = (_Event * capacity)()
        order = [field[0] for field in ProbeStructure._fields_[2:-5]]
        self.structure = ProbeStructure(
            len(self.arrays["kind"]),
            1,
            *(self.arrays[name].ctypes.data for name in order),
            0,
            0,
            capacity,
            0,
            ctypes.addressof(self.heap),
        )

    def _add_cells(self, netlist: Netlist, timing: Timing, kinds: dict[str, int]) -> None:
        kind, inputs, outputs, pins, delays, readers = [], [], [], [], [], []
        first = 0
        for cell, rows in levels(netlist):
            count, split = len(rows), len(cell.inputs)
            kind.append(np.full(count, kinds[cell.name], np.int32))
            inputs.append(np.full(count, split, np.int32))
            outputs.append(np.full(count, len(cell.outputs), np.int32))
            pins.append(rows.ravel())
            group = CellGroup(cell, rows, cell.inputs + cell.outputs, rows[:, 0])
            delays.append(_delays(group, timing).reshape(count, -1))
            cells = np.repeat(np.arange(first, first + count, dtype=np.int32), split)
            which = np.tile(np.arange(split, dtype=np.int32), count)
            readers.append(np.stack([rows[:, :split].ravel(), cells, which]))
            first += count
        widths = np.concatenate([a + b for a, b in zip(inputs, outputs, strict=True)])
        sizes = np.concatenate([2 * a * b for a, b in zip(inputs, outputs, strict=True)])
        read = np.concatenate(readers, axis=1)
        read = read[:, np.argsort(read[0], kind="stable")]
        self.arrays |= {
            "kind": np.concatenate(kind),
            "inputs": np.concatenate(inputs),
            "outputs": np.concatenate(outputs),
            "pins": np.concatenate(pins).astype(np.int32),
            "delays": np.concatenate([part.ravel() for part in delays]).astype(np.int32),
            "pins_at": _starts(widths),
            "delays_at": _starts(sizes),
            "readers_at": _starts(np.bincount(read[0], minlength=self.nets)),
            "readers": np.ascontiguousarray(read[1]),
            "reader_input": np.ascontiguousarray(read[2]),
        }

    def _add_sources(self, netlist: Netlist, timing: Timing) -> None:
        """Note which nets no logic drives, and when they change: at a register's delay or at 0."""
        source = np.ones(self.nets, np.uint8)
        launch = np.zeros((self.nets, 2))
        for group in netlist.groups:
            for pin in group.cell.outputs:
                nets = group.nets(pin)
                if group.cell.register is None:
                    source[nets] = 0
                elif group.cell.register.kind == "ff":
                    for index, edge in enumerate(SETTLED_EDGES):
                        at = timing.arrival[edge][nets]
                        launch[nets, index] = np.where(np.isfinite(at), at, 0.0)
        self.arrays["source"] = source
        self.arrays["launch"] = np.rint(launch * TICKS_PER_PS).astype(np.int32)

    def reset(self, stride: int) -> None:
        """Forget all counts, and time every `stride`-th cycle from now on."""
        self.arrays["toggles"][:] = 0
        self.arrays["settled"][:] = 0
        self.structure.stride = stride
        self.structure.cycles = self.structure.latest = self.structure.failed = 0

    @property
    def reference(self) -> ctypes.c_void_p:
        """Reference to the probe, for the simulator."""
        return ctypes.c_void_p(ctypes.addressof(self.structure))

    @property
    def latest_ps(self) -> float:
        """When the last net settled in the slowest of the timed cycles, ps."""
        return float(self.structure.latest) / TICKS_PER_PS

    def activities(self, ones: npt.NDArray[np.int64], cycles: int) -> tuple[Activity, Activity]:
        """Return the timed toggles and those of the settled states, of the same cycles.

        Clocks are not in them.

        Parameters
        ----------
        ones, cycles : counts of the whole run, for the nets' probabilities

        Raises
        ------
        RuntimeError
            If a timed cycle did not settle where it did without delays.
        """
        if self.structure.failed:
            why = {1: "too many events at once", 2: "a net settled at another value"}
            raise RuntimeError(f"Timed simulation failed: {why[self.structure.failed]}")
        scale = self.structure.cycles / max(cycles, 1)
        share = np.rint(ones * scale / 64).astype(np.int64)
        toggles = (self.arrays["toggles"], self.arrays["settled"])
        timed, settled = (
            Activity(int(self.structure.cycles), 1, counts.astype(np.int64), share)
            for counts in toggles
        )
        return timed, settled


def _starts(sizes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _delays(group: CellGroup, timing: Timing) -> npt.NDArray[np.int64]:
    """Return delays in ticks, (cells, outputs, inputs, edges), as means over arcs of equal pins."""
    cell = group.cell
    shape = (len(group.pins), len(cell.outputs), len(cell.inputs), 2)
    total, count = np.zeros(shape), np.zeros(shape)
    for o, output in enumerate(cell.outputs):
        load = timing.load[group.nets(output)]
        for arc in cell.pins[output].arcs:
            if arc.related not in cell.inputs:
                continue
            i = cell.inputs.index(arc.related)
            for e, edge in enumerate(SETTLED_EDGES):
                for delay in _arc_delays(arc, edge, group.nets(arc.related), load, timing):
                    total[:, o, i, e] += delay
                    count[:, o, i, e] += 1
    mean = np.divide(total, count, out=np.zeros(shape), where=count > 0)
    return np.maximum(np.rint(mean * TICKS_PER_PS), 1).astype(np.int64)


def _arc_delays(
    arc: Arc, edge: str, related: Ints, load: npt.NDArray[np.float64], timing: Timing
) -> Sequence[npt.NDArray[np.float64]]:
    if edge not in arc.delay:
        return []
    return [arc.delay[edge](timing.slew[source][related], load) for source in sources(arc, edge)]
