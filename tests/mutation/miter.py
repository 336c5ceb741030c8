"""One graph of a design and its mutant, that share all registers in which they cannot differ.

A mutant differs from the design in the logic between registers. Where no state that the design
reaches shows this at a register's input or at an output, the mutant is equivalent, and a proof
needs one copy of the registers; with two, the equality of each pair would have to be found first.
Where a search finds that the input of some registers does differ, those are doubled, and the
question is put again.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.graph import Design, Graph

__all__ = ["Miter"]


class Miter:
    """The graph, with an output for each register that is not doubled, and for each output, that
    may differ.

    Parameters
    ----------
    design, mutant : of the same inputs, latches and outputs
    doubled : numbers of the latches that the mutant has for itself

    Attributes
    ----------
    differ : numbers of the shared latches whose next states may differ; theirs are the first of
        the graph's outputs
    bad : the graph's outputs

    Raises
    ------
    ValueError
        If the two have not the same shape.
    """

    def __init__(self, design: Design, mutant: Design, doubled: Sequence[int] = ()) -> None:
        self._design, mutant = design, mutant.in_order_of(design)
        inputs, latches = len(design.inputs), len(design.latches)
        self._graph = graph = Graph(inputs, latches + len(doubled))
        places, states = graph.literals[:inputs], graph.literals[inputs:]
        shared, own = states[:latches], dict(zip(doubled, states[latches:], strict=True))
        nexts, outputs = graph.copy(design, places, shared)
        other_nexts, other_outputs = graph.copy(
            mutant, places, [own.get(number, literal) for number, literal in enumerate(shared)]
        )
        self._nexts = [*nexts, *(other_nexts[number] for number in doubled)]
        self.differ = [
            number
            for number in range(latches)
            if nexts[number] != other_nexts[number] and number not in own
        ]
        pairs = [(nexts[number], other_nexts[number]) for number in self.differ]
        pairs += [pair for pair in zip(outputs, other_outputs, strict=True) if len({*pair}) > 1]
        self.bad = [graph.differ(one, other) for one, other in pairs]

    def write(self, path: Path) -> None:
        """Write binary AIGER."""
        self._graph.write(path, self._nexts, self.bad)

    def wrong(self, cycles: Sequence[str]) -> list[int]:
        """Which of the graph's outputs are one in the last of some cycles of inputs."""
        return self._graph.ones(self._nexts, self.bad, cycles)

    def registers(self, wrong: Sequence[int]) -> list[int]:
        """Latches that differ, of the registers of which these of the graph's outputs are."""
        names = _registers(self._design)
        registers = {names[self.differ[number]] for number in wrong}
        return [number for number in self.differ if names[number] in registers]


def _registers(design: Design) -> dict[int, str]:
    """By latch, a name that all bits of a register have, and no others."""
    names = {number: re.sub(r"\[\d+\]$", "", name) for name, number in design.names.items()}
    return {number: names.get(number, f"{number}") for number in range(len(design.latches))}
