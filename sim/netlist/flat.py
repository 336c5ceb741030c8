"""A mapped netlist: Yosys' JSON flattened into arrays, and what each cell belongs to."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .library import Cell, Library, Register
from .order import drivers_first

__all__ = ["CellGroup", "Netlist", "flatten"]

Ints = npt.NDArray[np.int32]

ZERO, ONE = 0, 1  # the nets of the constants


@dataclass(eq=False)
class CellGroup:
    """All instances of one library cell.

    Attributes
    ----------
    cell : Cell
    pins : int array (instances, pins), the nets at the pins, in the order of `names`
    names : the cell's inputs, then its outputs
    scopes : int array (instances,), indices into `Netlist.scopes`
    """

    cell: Cell
    pins: Ints
    names: tuple[str, ...]
    scopes: Ints

    def nets(self, pin: str) -> Ints:
        """Return the net at this pin of each instance."""
        return self.pins[:, self.names.index(pin)]


@dataclass(eq=False)
class Netlist:
    """A design of library cells.

    Attributes
    ----------
    nets : number of nets; net 0 is constant 0, net 1 constant 1
    groups : one for each kind of cell
    ports : nets of each port, the lowest bit first
    scopes : what cells serve: "module/register", which is the register itself or the one that the
        logic feeds, or "module/>port"
    """

    library: Library
    nets: int
    groups: list[CellGroup]
    ports: Mapping[str, Ints]
    scopes: list[str] = field(default_factory=list)

    def registers(self, kind: str) -> list[tuple[CellGroup, Register]]:
        """Return the groups of flip-flops ("ff") or clock gates ("gate"), and what they are."""
        return [
            (group, register)
            for group in self.groups
            if (register := group.cell.register) is not None and register.kind == kind
        ]

    @property
    def cells(self) -> int:
        """The number of cells."""
        return sum(len(group.pins) for group in self.groups)

    @property
    def area(self) -> float:
        """The cells' area, um2."""
        return sum(group.cell.area * len(group.pins) for group in self.groups)

    def area_by_scope(self) -> dict[str, float]:
        """Return the area of each scope's cells, um2."""
        total = np.zeros(len(self.scopes))
        for group in self.groups:
            np.add.at(total, group.scopes, group.cell.area)
        return dict(zip(self.scopes, total.tolist(), strict=True))


@dataclass
class _Module:
    """A module of the JSON: nets numbered from 2, cells by kind, instances of other modules."""

    nets: int
    ports: dict[str, list[int]]
    groups: dict[str, tuple[Ints, list[str]]]  # pins, scopes
    instances: list[tuple[str, str, dict[str, list[int]]]]  # module, name, nets


def flatten(json: Mapping[str, Any], top: str, library: Library) -> Netlist:
    """Return the netlist of `top`, with all modules below it.

    Raises
    ------
    RuntimeError
        If it holds a cell that is neither in the library nor a module.
    """
    modules: dict[str, _Module] = {}
    pending = [top]
    while pending:
        name = pending.pop()
        if name not in modules:
            modules[name] = _module(name, json["modules"][name], set(json["modules"]), library)
            pending += [kind for kind, _, _ in modules[name].instances]
    builder = _Builder(library, modules)
    return builder.build(top)


class _Builder:
    """Instantiates modules one in another."""

    def __init__(self, library: Library, modules: Mapping[str, _Module]) -> None:
        self.library, self.modules = library, modules
        self.nets = 2
        self.scopes: dict[str, int] = {}
        self.parts: dict[str, list[tuple[Ints, Ints]]] = defaultdict(list)
        self.aliases: dict[int, int] = {}  # of nets that are tied together, the driven one

    def build(self, top: str) -> Netlist:
        module = self.modules[top]
        mapping = self._place(module, {})
        same = self._resolve()
        groups = []
        for kind, parts in sorted(self.parts.items()):
            cell = self.library.cells[kind]
            pins = same[np.concatenate([pins for pins, _ in parts])]
            scopes = np.concatenate([scopes for _, scopes in parts])
            groups.append(CellGroup(cell, pins, cell.inputs + cell.outputs, scopes))
        ports = {
            name: same[mapping[np.array(bits, np.int32)]] for name, bits in module.ports.items()
        }
        return Netlist(self.library, self.nets, groups, ports, list(self.scopes))

    def _place(self, module: _Module, outside: Mapping[int, int]) -> Ints:
        """Number a module's nets, apart from those that come from outside, and add its cells."""
        mapping = np.arange(module.nets, dtype=np.int32)
        mapping[2:] += self.nets - 2
        self.nets += module.nets - 2
        for inner, outer in outside.items():
            mapping[inner] = outer
        for kind, (pins, scopes) in module.groups.items():
            numbers = [self.scopes.setdefault(scope, len(self.scopes)) for scope in scopes]
            self.parts[kind].append((mapping[pins], np.array(numbers, np.int32)))
        for kind, _, connections in module.instances:
            below = self.modules[kind]
            nets = {ZERO: ZERO, ONE: ONE}
            for port, bits in below.ports.items():  # inputs first, because they are driven outside
                for inner, outer in zip(bits, connections.get(port, bits), strict=True):
                    if port in connections and nets.setdefault(inner, int(mapping[outer])) != int(
                        mapping[outer]
                    ):
                        self.aliases[int(mapping[outer])] = nets[inner]
            self._place(below, nets)
        return mapping

    def _resolve(self) -> Ints:
        """Return the driven net of each net."""
        same = np.arange(self.nets, dtype=np.int32)
        for net, driver in self.aliases.items():
            same[net] = driver
        while not np.array_equal(following := same[same], same):
            same = following
        return same


def _module(name: str, json: Mapping[str, Any], modules: set[str], library: Library) -> _Module:
    numbers: dict[int | str, int] = {"0": ZERO, "1": ONE, "x": ZERO, "z": ZERO}

    def net(bit: int | str) -> int:
        return numbers.setdefault(bit, len(numbers) - 4 + 2)

    inputs_first = sorted(json["ports"].items(), key=lambda item: item[1]["direction"] != "input")
    ports = {port: [net(bit) for bit in value["bits"]] for port, value in inputs_first}
    pins: dict[str, list[list[int]]] = defaultdict(list)
    instances = []
    spare = 0
    for cell_name, cell in json["cells"].items():
        kind = cell["type"]
        wires = {pin: [net(bit) for bit in bits] for pin, bits in cell["connections"].items()}
        if kind in modules:
            instances.append((kind, cell_name, wires))
        elif kind in library.cells:
            known = library.cells[kind]
            row = []
            for pin in known.inputs + known.outputs:
                if not wires.get(pin):  # unconnected outputs toggle as well
                    spare += 1
                    wires[pin] = [net(f"unconnected {spare}") if pin in known.outputs else ZERO]
                row.append(wires[pin][0])
            pins[kind].append(row)
        elif not kind.startswith("$"):
            raise RuntimeError(f"Netlist holds a cell of unknown kind {kind} in module {name}")
        elif kind != "$scopeinfo":
            raise RuntimeError(f"Cell {kind} of module {name} has not been mapped to the library")
    groups = {kind: np.array(rows, np.int32) for kind, rows in pins.items()}
    names = _names(json, numbers)
    goal = _leaving(ports, json["ports"], instances)
    scopes = _scopes(name, groups, goal, names, library)
    return _Module(
        nets=len(numbers) - 4 + 2,
        ports=ports,
        groups={kind: (groups[kind], scopes[kind]) for kind in groups},
        instances=instances,
    )


def _names(json: Mapping[str, Any], numbers: Mapping[int | str, int]) -> dict[int, str]:
    """Return the shortest public name of each net; a port's name only if there is no other."""
    best: dict[int, tuple[bool, int, str]] = {}
    for text, value in json["netnames"].items():
        if value.get("hide_name") or text.startswith(("$", "\\")):
            continue
        plain = re.sub(r"(\$\d+)+$", "", text)
        rank = (text in json["ports"], len(plain), plain)
        for bit in value["bits"]:
            number = numbers.get(bit)
            if number is not None and (number not in best or rank < best[number]):
                best[number] = rank
    return {number: rank[2] for number, rank in best.items()}


def _scopes(
    name: str,
    groups: Mapping[str, Ints],
    goal: dict[int, str],
    names: Mapping[int, str],
    library: Library,
) -> dict[str, list[str]]:
    """Return what each cell serves: the first register behind its outputs, or the way out.

    `goal` says of the nets that leave the module what for.
    """
    owners: dict[tuple[str, int], str] = {}
    logic: list[Item] = []
    gates: list[Item] = []
    for kind, rows in groups.items():
        cell = library.cells[kind]
        split = len(cell.inputs)
        for index, row in enumerate(rows.tolist()):
            item = (kind, index, row[:split], row[split:])
            if cell.register is None:
                logic.append(item)
            elif cell.register.kind == "gate":
                gates.append(item)
            else:
                owner = next((names[net] for net in item[3] if net in names), "unnamed")
                owners[kind, index] = owner
                clock = row[cell.inputs.index(cell.register.clock)]
                goal.setdefault(clock, owner)
                goal.update((net, owner) for net in item[2] if net != clock)
    for kind, index, inputs, outputs in gates:
        owners[kind, index] = owner = goal.get(outputs[0], "clock")
        for net in inputs:
            goal.setdefault(net, owner)
    for kind, index, inputs, outputs in reversed(_order(logic)):
        owners[kind, index] = owner = next(
            (goal[net] for net in outputs if net in goal), ">nowhere"
        )
        for net in inputs:
            goal.setdefault(net, owner)
    return {
        kind: [f"{name}/{owners[kind, index]}" for index in range(len(rows))]
        for kind, rows in groups.items()
    }


def _leaving(
    ports: Mapping[str, Sequence[int]],
    json_ports: Mapping[str, Any],
    instances: Sequence[tuple[str, str, Mapping[str, Sequence[int]]]],
) -> dict[int, str]:
    """Return what the nets that lead to outputs and into submodules are for."""
    goal: dict[int, str] = {}
    for port, bits in ports.items():
        if json_ports[port]["direction"] == "output":
            goal.update((bit, f">{port}") for bit in bits)
    for kind, _, wires in instances:
        for port, bits in wires.items():
            for bit in bits:
                goal.setdefault(bit, f">{kind}.{port}")
    return goal


Item = tuple[str, int, list[int], list[int]]


def _order(logic: Iterable[Item]) -> list[Item]:
    """Return the logic cells, drivers first."""
    logic = list(logic)
    drivers = {net: item for item in logic for net in item[3]}
    keys = {(kind, index): (kind, index, inputs, outputs) for kind, index, inputs, outputs in logic}
    graph = {
        key: [drivers[net][:2] for net in item[2] if net in drivers] for key, item in keys.items()
    }
    return [keys[key] for key in drivers_first(graph)]
