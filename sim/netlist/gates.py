"""Gate-level simulation of a mapped netlist, 64 streams at once; it counts each net's toggles.

Cells have no delay, so a net toggles at most once a cycle. C code is generated from the library's
functions and compiled with the system's compiler; the netlist itself is data.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .compiled import compiled_simulator
from .flat import ONE, CellGroup, Ints, Netlist
from .levels import gate_order, levels
from .library import Register

__all__ = ["PARALLEL_STREAMS", "Activity", "GateSimulator", "InputStream"]

PARALLEL_STREAMS = 64
BitWords = npt.NDArray[np.uint64]
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


class _Group(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("pins", ctypes.c_void_p),
        ("state", ctypes.c_void_p),
    ]


class _Stream(ctypes.Structure):
    _fields_ = [
        ("payload", ctypes.c_void_p),
        ("words", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("valid", "ready", "width", "count")),
        *((name, ctypes.c_int64) for name in ("position", "go", "stall")),
    ]


class _Design(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("nets", "logic_count", "gate_count")),
        ("register_count", ctypes.c_int64),
        *((name, ctypes.POINTER(_Group)) for name in ("logic", "gates", "registers")),
        *((name, ctypes.c_void_p) for name in ("v", "previous", "clocks", "toggles", "ones")),
        ("active", ctypes.c_int64),
        ("noise", ctypes.c_uint64),
    ]


@dataclass(frozen=True, eq=False)
class Activity:
    """What the nets did.

    Attributes
    ----------
    cycles : counted cycles of each stream
    streams : number of streams
    toggles, ones : int64 arrays (nets,), toggles, and cycles at one, over all streams; a clock net
        has two toggles for each edge that passes
    """

    cycles: int
    streams: int
    toggles: npt.NDArray[np.int64]
    ones: npt.NDArray[np.int64]


@dataclass(eq=False)
class InputStream:
    """Words to play into a port `name` with handshake; control is the same in each stream.

    Attributes
    ----------
    words : uint64 array (words, bits), in which bit s of an element belongs to stream s
    stall : cycles of 256 in which no word is offered
    """

    name: str
    words: BitWords
    stall: int = 0


class GateSimulator:
    """A netlist ready to run.

    Parameters
    ----------
    netlist : Netlist
    folder : folder that keeps compiled simulators, one for each set of cells
    seed : random seed of the registers' initial states; None for zeros

    Raises
    ------
    ToolMissingError
        If there is no C compiler.
    RuntimeError
        If the netlist cannot be simulated; see `levels`.
    """

    def __init__(
        self, netlist: Netlist, folder: Path, clock: str = "clk", seed: int | None = 0
    ) -> None:
        self.netlist = netlist
        rng = np.random.default_rng(seed)
        cells = {group.cell.name: group.cell for group in netlist.groups}
        self.kinds = kinds = {name: index for index, name in enumerate(sorted(cells))}
        self._code = compiled_simulator([cells[name] for name in sorted(cells)], folder)
        self._keep: list[npt.NDArray[np.generic]] = []
        self.v, self.previous, self.clocks = (np.zeros(netlist.nets, np.uint64) for _ in range(3))
        self.clock = int(netlist.ports[clock][0])
        self.toggles = np.zeros(netlist.nets, np.int64)
        self.ones = np.zeros(netlist.nets, np.int64)
        logic = [self._group(kinds[cell.name], pins) for cell, pins in levels(netlist)]
        gates = [self._group(kinds[cell.name], pins) for cell, pins in gate_order(netlist)]
        registers = []
        self._states: list[tuple[BitWords, BitWords]] = []  # of registers: now, at first
        for group, register in netlist.registers("ff"):
            _check_asynchronous(group, register)
            state = rng.integers(0, 1 << 64, len(group.pins), np.uint64)
            if seed is None:
                state[:] = 0
            self._states.append((state, state.copy()))
            registers.append(self._group(kinds[group.cell.name], group.pins, state))
        self._design = _Design(
            netlist.nets,
            len(logic),
            len(gates),
            len(registers),
            (_Group * max(len(logic), 1))(*logic),
            (_Group * max(len(gates), 1))(*gates),
            (_Group * max(len(registers), 1))(*registers),
            *(
                array.ctypes.data
                for array in (self.v, self.previous, self.clocks, self.toggles, self.ones)
            ),
            0,
            0,
        )
        self._noise = 0x9E3779B97F4A7C15 ^ (seed or 0)
        self.restart()

    def restart(self) -> None:
        """Begin anew, with registers and noise as at first, whatever ran before."""
        for state, first in self._states:
            state[:] = first
        self.v[:] = 0
        self.v[ONE] = ALL
        self.previous[:] = self.v
        self.clocks[:] = 0
        self.clocks[self.clock] = ALL
        self._design.noise = self._noise

    def _group(self, kind: int, pins: Ints, state: BitWords | None = None) -> _Group:
        pins = np.ascontiguousarray(pins)
        self._keep.append(pins)
        if state is not None:
            self._keep.append(state)
        return _Group(kind, len(pins), pins.ctypes.data, 0 if state is None else state.ctypes.data)

    def play(
        self,
        ports: Sequence[str],
        words: BitWords,
        seen: Sequence[str],
        skip: int = 0,
        probe: ctypes.c_void_p | None = None,
    ) -> BitWords:
        """Play a word a cycle on `ports`; return what is at the ports `seen`, each cycle.

        Parameters
        ----------
        words : uint64 array (cycles, bits of the ports)
        skip : number of cycles before toggles are counted
        probe : reference of a `glitches.Probe`, or None
        """
        inputs = np.concatenate([self.netlist.ports[name] for name in ports]).astype(np.int32)
        outputs = np.concatenate([self.netlist.ports[name] for name in seen]).astype(np.int32)
        words = np.ascontiguousarray(words)
        record = np.zeros((len(words), len(outputs)), np.uint64)
        self._code.play(
            ctypes.byref(self._design),
            _pointer(inputs),
            ctypes.c_int64(len(inputs)),
            _pointer(words),
            ctypes.c_int64(len(words)),
            _pointer(outputs),
            ctypes.c_int64(len(outputs)),
            _pointer(record),
            ctypes.c_int64(skip),
            probe,
        )
        return record

    def reset_counts(self) -> None:
        """Forget all toggles."""
        self.toggles[:] = 0
        self.ones[:] = 0

    def activity(self, cycles: int) -> Activity:
        """Return the counts since the last `reset_counts`."""
        return Activity(cycles, PARALLEL_STREAMS, self.toggles.copy(), self.ones.copy())

    def run(
        self,
        inputs: Sequence[InputStream],
        results: int,
        *,
        limit: int,
        result_stall: int = 0,
        probe: ctypes.c_void_p | None = None,
    ) -> tuple[int, BitWords]:
        """Play streams into the core's ports until `results` words came and it is at rest.

        Parameters
        ----------
        limit : most cycles that it may take
        result_stall : cycles of 256 in which no result is taken
        probe : reference of a `glitches.Probe`, or None

        Returns
        -------
        number of cycles counted, and the results, uint64 array (results, bits)

        Raises
        ------
        RuntimeError
            If it takes more than `limit` cycles, or the streams' control differs.
        """
        ports = self.netlist.ports
        structures = []
        kept = []
        for stream in inputs:
            payload = ports[f"{stream.name}__payload"].astype(np.int32)
            words = np.ascontiguousarray(stream.words)
            kept += [payload, words]
            structures.append(
                _Stream(
                    payload.ctypes.data,
                    words.ctypes.data,
                    int(ports[f"{stream.name}__valid"][0]),
                    int(ports[f"{stream.name}__ready"][0]),
                    len(payload),
                    len(words),
                    0,
                    1,
                    stream.stall,
                )
            )
        payload = ports["results__payload"].astype(np.int32)
        out = _Stream(
            payload.ctypes.data,
            0,
            int(ports["results__valid"][0]),
            int(ports["results__ready"][0]),
            len(payload),
            0,
            0,
            1,
            result_stall,
        )
        record = np.zeros((results, len(payload)), np.uint64)
        self._design.active = int(ports["active"][0])
        self._code.run.restype = ctypes.c_int64
        cycles = self._code.run(
            ctypes.byref(self._design),
            (_Stream * len(structures))(*structures),
            ctypes.c_int64(len(structures)),
            ctypes.byref(out),
            _pointer(record),
            ctypes.c_int64(results),
            ctypes.c_int64(limit),
            probe,
        )
        if cycles == -1:
            raise RuntimeError(f"The netlist did not finish its tiles within {limit} cycles")
        if cycles == -2:
            raise RuntimeError("The netlist's control differs between streams of equal commands")
        return int(cycles), record

    def port(self, name: str, stream: int = 0) -> int:
        """Return the value at a port in one stream."""
        bits = self.v[self.netlist.ports[name]] >> np.uint64(stream) & np.uint64(1)
        return sum(int(bit) << index for index, bit in enumerate(bits.tolist()))


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _check_asynchronous(group: CellGroup, register: Register) -> None:
    """Refuse clears and presets that are not tied to rest: only clock edges are simulated."""
    for function in (register.clear, register.preset):
        if function is None:
            continue
        nets = [group.nets(pin) for pin in function.pins]
        table = function.table(function.pins)
        for row in np.unique(np.stack(nets, axis=1), axis=0).tolist():
            if any(net > ONE for net in row):
                raise RuntimeError(f"Cell {group.cell.name}: asynchronous {function.text} is used")
            if table >> sum(net << index for index, net in enumerate(row)) & 1:
                raise RuntimeError(f"Cell {group.cell.name}: held in {function.text}")
