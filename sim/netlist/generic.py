"""Estimates of area and clock: Yosys maps the Verilog onto a generic gate library."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .order import drivers_first
from .yosys import ADDERS, run_yosys

__all__ = ["Estimate", "ModuleEstimate", "estimate"]

GENLIB = Path(__file__).parent / "data" / "gates.genlib"
DELAY_SCRIPT = "+strash;dch;map;topo"  # for delay
REGISTER_AREA = 6.0  # in NAND2: a flip-flop of 24 transistors, whose enable is a clock gate
REGISTER_DELAY = 3.0  # in FO4: from clock to output, and set-up
GATE = re.compile(
    r"^GATE\s+(\w+)\s+([\d.]+)\s+Y=[^;]*;(?:\s+PIN \* \w+\s+\d+\s+\d+\s+([\d.]+))?", re.M
)


@dataclass(frozen=True)
class ModuleEstimate:
    """One module by itself, without its submodules.

    Attributes
    ----------
    gates, registers : numbers of each
    area : area of gates and registers, in two-input NANDs
    path : longest path between registers or ports, in FO4
    submodules : how many of each the module holds
    """

    gates: int
    registers: int
    area: float
    path: float
    submodules: Mapping[str, int]


@dataclass(frozen=True)
class Estimate:
    """A design, module by module. Paths through several modules are not followed."""

    top: str
    modules: Mapping[str, ModuleEstimate]

    def area(self, module: str) -> float:
        """Return the area of a module and all below it, in two-input NANDs."""
        own = self.modules[module]
        return own.area + sum(self.area(name) * count for name, count in own.submodules.items())

    def cells(self, module: str) -> int:
        """Return the number of gates and registers of a module and all below it."""
        own = self.modules[module]
        below = sum(self.cells(name) * count for name, count in own.submodules.items())
        return own.gates + own.registers + below

    def period(self, module: str) -> float:
        """Return the estimated clock period in FO4, by the longest path within one module."""
        return REGISTER_DELAY + max(self._paths(module))

    def _paths(self, module: str) -> list[float]:
        own = self.modules[module]
        return [own.path, *(path for name in own.submodules for path in self._paths(name))]


def estimate(verilog: str, top: str) -> Estimate:
    """Synthesise `top` of `verilog` module by module, and estimate each of them.

    Raises
    ------
    ToolMissingError
        If Yosys is not installed.
    RuntimeError
        If Yosys refuses the text, with its error.
    """
    netlist = _synthesise(verilog, top)
    library = {
        name: (float(area), float(delay or 0))
        for name, area, delay in GATE.findall(GENLIB.read_text())
    }
    modules = netlist["modules"]
    return Estimate(top, {name: _module(modules[name], library, set(modules)) for name in modules})


def _synthesise(verilog: str, top: str) -> dict[str, Any]:
    script = (
        f"read_verilog design.v; synth -extra-map {ADDERS} -top {top}; "
        f"abc -genlib gates.genlib -script {DELAY_SCRIPT}; opt_clean; write_json netlist.json"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        (folder / "gates.genlib").write_text(GENLIB.read_text())
        run_yosys(script, folder)
        result: dict[str, Any] = json.loads((folder / "netlist.json").read_text())
    return result


def _module(
    module: Mapping[str, Any], library: Mapping[str, tuple[float, float]], modules: set[str]
) -> ModuleEstimate:
    gates = registers = 0
    area = 0.0
    submodules: dict[str, int] = {}
    combinational = []
    for cell in module["cells"].values():
        kind = cell["type"]
        if kind in library:
            gates += 1
            area += library[kind][0]
            combinational.append((cell["connections"], library[kind][1]))
        elif kind in modules:
            submodules[kind] = submodules.get(kind, 0) + 1
        elif "DFF" in kind:
            registers += 1
            area += REGISTER_AREA
        elif kind != "$scopeinfo":
            raise RuntimeError(f"Netlist holds a cell of unknown kind {kind}")
    return ModuleEstimate(gates, registers, area, _longest_path(combinational), submodules)


def _longest_path(gates: Sequence[tuple[Mapping[str, Sequence[int | str]], float]]) -> float:
    drivers = {pins["Y"][0]: (pins, delay) for pins, delay in gates}
    graph = {
        net: [pin[0] for name, pin in pins.items() if name != "Y" and pin[0] in drivers]
        for net, (pins, _) in drivers.items()
    }
    arrival: dict[int | str, float] = {}
    for net in drivers_first(graph):
        arrival[net] = drivers[net][1] + max((arrival[n] for n in graph[net]), default=0.0)
    return max(arrival.values(), default=0.0)
