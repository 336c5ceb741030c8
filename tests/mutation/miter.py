"""One graph of a design and its mutant, that share all registers in which they cannot differ.

A mutant differs from the design in the logic between registers. Where no state that the design
reaches shows this at a register's input or at an output, the mutant is equivalent, and a proof
needs one copy of the registers; with two, the equality of each pair would have to be found first.
Where the input of some registers does differ, those are doubled, and the question is put again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["Design", "Miter", "read_design"]

Gate = tuple[int, int, int]


@dataclass(frozen=True)
class Design:
    """An and-inverter graph by AIGER's literals: twice a variable, one more for its inverse.

    Attributes
    ----------
    inputs, latches : literals
    nexts : the latches' next states
    outputs : literals
    gates : output and two inputs of each, in an order in which inputs come first
    names : number of the latch, by each of its names
    """

    inputs: Sequence[int]
    latches: Sequence[int]
    nexts: Sequence[int]
    outputs: Sequence[int]
    gates: Sequence[Gate]
    names: Mapping[str, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of inputs, latches and outputs."""
        return len(self.inputs), len(self.latches), len(self.outputs)

    def in_order_of(self, other: "Design") -> "Design":
        """The same with latches in the order of another of this shape, by their names."""
        order = {
            number: self.names[name] for name, number in other.names.items() if name in self.names
        }
        rest = iter(sorted(set(range(len(self.latches))) - set(order.values())))
        numbers = [order[n] if n in order else next(rest) for n in range(len(self.latches))]
        return replace(
            self,
            latches=[self.latches[number] for number in numbers],
            nexts=[self.nexts[number] for number in numbers],
            names=other.names,
        )


def read_design(path: Path) -> Design:
    """Read ASCII AIGER (Biere 2007), as Yosys writes it: latches begin at zero."""
    head, *lines = path.read_text().splitlines()
    _, _, inputs, latches, outputs, gates = head.split()
    words = iter([line.split() for line in lines])
    rows = ([int(word) for word in line] for line in words)
    taken = [[next(rows) for _ in range(int(count))] for count in (inputs, latches, outputs, gates)]
    symbols = [(word[0], word[1:]) for word in words if word and re.fullmatch(r"l\d+", word[0])]
    return Design(
        [row[0] for row in taken[0]],
        [row[0] for row in taken[1]],
        [row[1] for row in taken[1]],
        [row[0] for row in taken[2]],
        [(row[0], row[1], row[2]) for row in taken[3]],
        {name: int(latch[1:]) for latch, names in symbols for name in names},
    )


class Miter:
    """The graph, with one output: whether anything differs that both do not double.

    Parameters
    ----------
    design, mutant : of the same inputs, latches and outputs
    doubled : numbers of the latches that the mutant has for itself

    Attributes
    ----------
    differ : numbers of the shared latches whose next states may differ

    Raises
    ------
    ValueError
        If the two have not the same shape.
    """

    def __init__(self, design: Design, mutant: Design, doubled: Sequence[int] = ()) -> None:
        if design.shape != mutant.shape:
            raise ValueError(f"Design has the shape {design.shape}, mutant {mutant.shape}")
        mutant = mutant.in_order_of(design)
        self.inputs, latches = len(design.inputs), len(design.latches)
        self.variables = self.inputs + latches + len(doubled)
        self.gates: list[Gate] = []
        self._known: dict[tuple[int, int], int] = {}
        first = self.inputs + latches + 1
        own = {number: 2 * (first + index) for index, number in enumerate(doubled)}
        nexts, outputs = self._copy(design, {})
        other_nexts, other_outputs = self._copy(mutant, own)
        self.nexts = [*nexts, *(other_nexts[number] for number in doubled)]
        self.differ = [
            number
            for number in range(latches)
            if nexts[number] != other_nexts[number] and number not in own
        ]
        pairs = [(nexts[number], other_nexts[number]) for number in self.differ]
        unequal = [pair for pair in zip(outputs, other_outputs, strict=True) if len({*pair}) > 1]
        self.bad = 0
        for one, other in pairs + unequal:
            self.bad = self._or(self.bad, self._differ(one, other))

    def write(self, path: Path) -> None:
        """Write binary AIGER."""
        latches, gates = len(self.nexts), len(self.gates)
        head = f"aig {self.variables} {self.inputs} {latches} 1 {gates}\n"
        lines = [f"{literal}\n" for literal in (*self.nexts, self.bad)]
        steps = (step for out, a, b in self.gates for step in (out - a, a - b))
        path.write_bytes((head + "".join(lines)).encode() + b"".join(map(_coded, steps)))

    def _copy(self, design: Design, own: dict[int, int]) -> tuple[list[int], list[int]]:
        """Next states and outputs of a design on these registers, but for its own."""
        place = {0: 0} | {literal: 2 * (i + 1) for i, literal in enumerate(design.inputs)}
        for number, literal in enumerate(design.latches):
            place[literal] = own.get(number, 2 * (self.inputs + number + 1))
        for out, a, b in design.gates:
            place[out] = self._and(_at(place, a), _at(place, b))
        return (
            [_at(place, literal) for literal in design.nexts],
            [_at(place, literal) for literal in design.outputs],
        )

    def _and(self, a: int, b: int) -> int:
        a, b = max(a, b), min(a, b)
        if b < 2 or a == b:
            return a if b else 0
        if a == b ^ 1:
            return 0
        if (a, b) not in self._known:
            self.variables += 1
            self._known[a, b] = 2 * self.variables
            self.gates.append((2 * self.variables, a, b))
        return self._known[a, b]

    def _or(self, a: int, b: int) -> int:
        return self._and(a ^ 1, b ^ 1) ^ 1

    def _differ(self, a: int, b: int) -> int:
        return self._or(self._and(a, b ^ 1), self._and(a ^ 1, b))


def _at(place: dict[int, int], literal: int) -> int:
    return place[literal & ~1] ^ (literal & 1)


def _coded(number: int) -> bytes:
    """A number as binary AIGER has it: seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
