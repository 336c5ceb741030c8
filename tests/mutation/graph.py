"""And-inverter graphs: read as Yosys writes them, built of several copies, written for ABC."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["Design", "Graph", "read_design"]

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
    input_names : of each input
    """

    inputs: Sequence[int]
    latches: Sequence[int]
    nexts: Sequence[int]
    outputs: Sequence[int]
    gates: Sequence[Gate]
    names: Mapping[str, int]
    input_names: Sequence[str] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of inputs, latches and outputs."""
        return len(self.inputs), len(self.latches), len(self.outputs)

    def in_order_of(self, other: "Design") -> "Design":
        """The same with latches in the order of another, by their names.

        Raises
        ------
        ValueError
            If the two have not the same shape.
        """
        if self.shape != other.shape:
            raise ValueError(f"Design has the shape {other.shape}, mutant {self.shape}")
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
    symbols = [(word[0], word[1:]) for word in words if word and re.fullmatch(r"[il]\d+", word[0])]
    input_names = {int(place[1:]): names[0] for place, names in symbols if place[0] == "i"}
    return Design(
        [row[0] for row in taken[0]],
        [row[0] for row in taken[1]],
        [row[1] for row in taken[1]],
        [row[0] for row in taken[2]],
        [(row[0], row[1], row[2]) for row in taken[3]],
        {name: int(place[1:]) for place, names in symbols if place[0] == "l" for name in names},
        [input_names.get(number, "") for number in range(int(inputs))],
    )


class Graph:
    """A graph that grows; gates that would be there twice are one.

    Parameters
    ----------
    inputs, latches : how many

    Attributes
    ----------
    literals : of the inputs, then of the latches
    """

    def __init__(self, inputs: int, latches: int) -> None:
        self.inputs, self.latches = inputs, latches
        self.variables = inputs + latches
        self.literals = [2 * (number + 1) for number in range(inputs + latches)]
        self.gates: list[Gate] = []
        self._known: dict[tuple[int, int], int] = {}

    def copy(
        self, design: Design, inputs: Iterable[int], latches: Iterable[int]
    ) -> tuple[list[int], list[int]]:
        """Next states and outputs of a design at these literals."""
        place = {0: 0} | dict(zip(design.inputs, inputs, strict=True))
        place |= zip(design.latches, latches, strict=True)
        for out, a, b in design.gates:
            place[out] = self.both(place[a & ~1] ^ (a & 1), place[b & ~1] ^ (b & 1))
        return (
            [place[literal & ~1] ^ (literal & 1) for literal in design.nexts],
            [place[literal & ~1] ^ (literal & 1) for literal in design.outputs],
        )

    def both(self, a: int, b: int) -> int:
        """Literal of a and b."""
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

    def either(self, a: int, b: int) -> int:
        """Literal of a or b."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Literal of a != b."""
        return self.either(self.both(a, b ^ 1), self.both(a ^ 1, b))

    def ones(
        self, nexts: Sequence[int], outputs: Sequence[int], cycles: Iterable[str]
    ) -> list[int]:
        """Which of the outputs are one in the last of some cycles of inputs, latches from zero."""
        value = [0] * (self.variables + 1)
        state = [0] * self.latches
        for inputs in cycles:
            value[1 : 1 + self.inputs + self.latches] = [*map(int, inputs), *state]
            for out, a, b in self.gates:
                value[out >> 1] = (value[a >> 1] ^ a & 1) & (value[b >> 1] ^ b & 1)
            state = [value[literal >> 1] ^ literal & 1 for literal in nexts]
        return [n for n, literal in enumerate(outputs) if value[literal >> 1] ^ literal & 1]

    def write(self, path: Path, nexts: Sequence[int], outputs: Sequence[int]) -> None:
        """Write binary AIGER."""
        head = f"aig {self.variables} {self.inputs} {self.latches} {len(outputs)} {len(self.gates)}"
        lines = [f"{literal}\n" for literal in (*nexts, *outputs)]
        steps = (step for out, a, b in self.gates for step in (out - a, a - b))
        path.write_bytes(f"{head}\n{''.join(lines)}".encode() + b"".join(map(_coded, steps)))


def _coded(number: int) -> bytes:
    """A number as binary AIGER has it: seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
