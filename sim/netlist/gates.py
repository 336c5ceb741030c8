"""Gate-level simulation of a mapped netlist: 64 streams at once, toggles counted net by net.

Zero delay: a net toggles at most once a cycle. C code is generated from the library's functions
and compiled with the system's compiler; the netlist itself is data.
"""

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.sim.tools import INSTALL, ToolMissingError

from .flat import ONE, CellGroup, Ints, Netlist
from .library import Cell, Register

__all__ = ["PARALLEL_STREAMS", "Activity", "GateSimulator", "InputStream", "levels"]

PARALLEL_STREAMS = 64
HERE = Path(__file__).parent
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
    cycles : counted, of each stream
    streams : how many
    toggles, ones : int64 array (nets,), toggles, and cycles at one, over all streams. Of a clock
        net: two toggles for each edge that passes.
    """

    cycles: int
    streams: int
    toggles: npt.NDArray[np.int64]
    ones: npt.NDArray[np.int64]


@dataclass(eq=False)
class InputStream:
    """BitWords to play into a port `name` with handshake, the same control in each stream.

    Attributes
    ----------
    words : uint64 array (words, bits): bit s of an element is stream s
    stall : of 256 cycles
    """

    name: str
    words: BitWords
    stall: int = 0


def levels(netlist: Netlist) -> list[tuple[Cell, Ints]]:
    """Logic in the order of evaluation: cells of one kind and level, pins (n, inputs + outputs).

    Raises
    ------
    RuntimeError
        If there is a combinational loop, or a cell that is neither logic nor register.
    """
    logic = [group for group in netlist.groups if group.cell.register is None]
    for group in logic:
        if any(group.cell.pins[pin].function is None for pin in group.cell.outputs):
            raise RuntimeError(f"Cell {group.cell.name} of the netlist has no function")
    if not logic:
        return []
    placed = []
    for group, part in zip(logic, _depths(logic, netlist.nets), strict=True):
        placed += [(int(at), group.cell, group.pins[part == at]) for at in np.unique(part)]
    placed.sort(key=lambda item: (item[0], item[1].name))
    return [(cell, np.ascontiguousarray(pins)) for _, cell, pins in placed]


def _depths(logic: Sequence[CellGroup], nets: int) -> list[Ints]:
    """Level of each cell: one more than the highest of its inputs."""
    width = max(len(group.cell.inputs) for group in logic)
    padded = []
    for group in logic:
        inputs = np.zeros((len(group.pins), width), np.int32)
        inputs[:, : len(group.cell.inputs)] = group.pins[:, : len(group.cell.inputs)]
        padded.append(inputs)
    sources = np.concatenate(padded)
    ends = np.cumsum([len(group.pins) for group in logic])[:-1]
    level = np.zeros(nets, np.int32)
    while True:
        depths = np.split(level[sources].max(axis=1) + 1, ends)
        before = level.copy()
        for group, part in zip(logic, depths, strict=True):
            for pin in group.cell.outputs:
                level[group.nets(pin)] = part
        if np.array_equal(before, level):
            return depths
        if level.max() > len(sources):
            raise RuntimeError("Netlist has a combinational loop")


class GateSimulator:
    """A netlist ready to run.

    Parameters
    ----------
    netlist : Netlist
    folder : keeps compiled simulators, one for each set of cells
    seed : of the registers' initial states; None for zeros

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
        self._code = _compile([cells[name] for name in sorted(cells)], folder)
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
        """Begin anew: registers and noise as at first, whatever ran before."""
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
        skip : cycles before toggles are counted
        probe : of `timed.Probe`, or None
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
        """Counts since the last `reset_counts`."""
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
        limit : cycles in which it must be done
        result_stall : of 256 cycles, in which no result is taken
        probe : of `timed.Probe`, or None

        Returns
        -------
        cycles counted, and the results, uint64 array (results, bits)

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
        """Value at a port in one stream."""
        bits = self.v[self.netlist.ports[name]] >> np.uint64(stream) & np.uint64(1)
        return sum(int(bit) << index for index, bit in enumerate(bits.tolist()))


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def gate_order(netlist: Netlist) -> list[tuple[Cell, Ints]]:
    """Clock gates, those nearer the root first."""
    groups = netlist.registers("gate")
    depth = np.zeros(netlist.nets, np.int32)
    for _ in range(32):
        before = depth.copy()
        for group, register in groups:
            clock = depth[group.nets(register.clock)]
            depth[group.nets(group.cell.outputs[0])] = clock + 1
        if np.array_equal(before, depth):
            break
    placed = []
    for group, _ in groups:
        level = depth[group.nets(group.cell.outputs[0])]
        placed += [(int(at), group.cell, group.pins[level == at]) for at in np.unique(level)]
    placed.sort(key=lambda item: (item[0], item[1].name))
    return [(cell, pins) for _, cell, pins in placed]


def _check_asynchronous(group: CellGroup, register: Register) -> None:
    """Clears and presets must be tied to rest: the simulation is of clock edges alone."""
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


def _compile(cells: Sequence[Cell], folder: Path) -> ctypes.CDLL:
    """The simulator of a set of cells, compiled once."""
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("g++")
    if compiler is None:
        raise ToolMissingError(f"gcc is missing. Install it with: {INSTALL['g++']}")
    source = (HERE / "gates.c").read_text().replace("//CELLS//", _cells_code(cells))
    # Compiled for this machine's processor
    name = hashlib.sha256(f"{platform.node()}\n{source}".encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    library = folder.resolve() / f"gates_{name}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            file = Path(work) / "gates.c"
            file.write_text(source)
            built = Path(work) / "gates.so"
            command = [compiler, "-x", "c", "-O2", "-march=native", "-shared", "-fPIC"]
            run = subprocess.run(
                [*command, "-o", str(built), str(file)], capture_output=True, text=True, check=False
            )
            if run.returncode:
                raise RuntimeError(f"The compiler refused the simulator: {run.stderr[:500]}")
            built.replace(library)
    return ctypes.CDLL(str(library))


def _cells_code(cells: Sequence[Cell]) -> str:
    """Functions of every cell and the switches that call them."""
    code = []
    switches: dict[str, list[str]] = {name: [] for name in ("logic", "state", "output", "gate")}
    for index, cell in enumerate(cells):
        for kind, text in _cell_code(cell).items():
            code.append(f"static void {kind}_{index}({ARGUMENTS[kind]}) {{\n{text}}}\n")
            switches[kind].append(f"    case {index}: {kind}_{index}({CALL[kind]}); break;\n")
    for kind, cases in switches.items():
        body = "".join(cases)
        code.append(
            f"static void run_{kind}(int64_t kind, {ARGUMENTS[kind]}) {{\n"
            f"  switch (kind) {{\n{body}    default: break;\n  }}\n}}\n"
        )
    return "\n".join(code)


ARGUMENTS = {
    "logic": "int64_t n, const int32_t *p, word *v",
    "state": "int64_t n, const int32_t *p, const word *v, const word *clocks, word *state",
    "output": "int64_t n, const int32_t *p, word *v, const word *state",
    "gate": "int64_t n, const int32_t *p, const word *v, word *clocks",
}
CALL = {
    "logic": "n, p, v",
    "state": "n, p, v, clocks, state",
    "output": "n, p, v, state",
    "gate": "n, p, v, clocks",
}


def _cell_code(cell: Cell) -> Mapping[str, str]:
    names = cell.inputs + cell.outputs
    pins = {pin: f"v[p[{index}]]" for index, pin in enumerate(names)}
    loop = f"  for (int64_t i = 0; i < n; i++, p += {len(names)}) {{\n"
    register = cell.register
    if register is None:
        functions = [(pin, cell.pins[pin].function) for pin in cell.outputs]
        body = "".join(
            f"    {pins[pin]} = {function.expression(pins)};\n"
            for pin, function in functions
            if function is not None
        )
        return {"logic": f"{loop}{body}  }}\n"}
    clock = f"clocks[p[{names.index(register.clock)}]]"
    if register.kind == "gate":
        out = f"clocks[p[{names.index(cell.outputs[0])}]]"
        return {"gate": f"{loop}    {out} = {clock} & {register.data.expression(pins)};\n  }}\n"}
    inside = pins | {register.state: "state[i]", register.inverse: "~state[i]"}
    following = register.data.expression(inside)
    step = f"    state[i] = ({following} & {clock}) | (state[i] & ~{clock});\n"
    outputs = "".join(
        f"    {pins[pin]} = {function.expression(inside)};\n"
        for pin in cell.outputs
        if (function := cell.pins[pin].function) is not None
    )
    return {"state": f"{loop}{step}  }}\n", "output": f"{loop}{outputs}  }}\n"}
