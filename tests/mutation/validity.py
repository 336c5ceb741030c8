"""Proves that a mutant of an output unit changes no word but those that are not valid.

A word passes a register a cycle, and with it a bit that says that it is there. Claimed is: where
the design's bit is set, the mutant's bit and data are the design's. It holds after a reset, which
clears the bits, and is proven of the next cycle where it holds in one: data of the mutant that
need not be the design's are inputs, which may be anything. For each value of the bits there is a
copy, in which data that are the design's are the same registers: multipliers are then not
compared but shared.
"""

from itertools import product

from tests.mutation.graph import Design, Graph

__all__ = ["claim"]

# That a word is in the unit's register, and in the requantiser's first ones; no bit goes with
# the last, the result, so that the claim has one of its own
BITS = ("valid", *(f"requantiser.valid_{cycle}" for cycle in range(1, 5)))


def claim(design: Design, mutant: Design) -> tuple[Graph, int]:
    """A graph without latches, and the literal in it that is one where the claim does not hold.

    Raises
    ------
    ValueError
        If the two have not the same shape.
    """
    mutant = mutant.in_order_of(design)
    size, latches = len(design.inputs), len(design.latches)
    graph = Graph(size + 2 * latches, 0)
    inputs, places = graph.literals[:size], graph.literals[size:]
    shared, own = places[:latches], places[latches:]
    numbers = [design.names[name] for name in BITS]
    stages = _stages(design, numbers)
    advance = inputs[design.input_names.index("advance")]
    bad = 0
    for bits in product((0, 1), repeat=len(BITS) + 1):
        state, other = list(shared), list(own)
        for number, bit in zip(numbers, bits, strict=False):
            state[number] = bit
        for number in range(latches):
            if number not in stages or bits[stages[number]]:
                other[number] = state[number]
        nexts, outputs = graph.copy(design, inputs, state)
        other_nexts, other_outputs = graph.copy(mutant, inputs, other)
        result = graph.either(graph.both(advance, bits[-2]), graph.both(advance ^ 1, bits[-1]))
        there = [*(nexts[number] for number in numbers), result]
        pairs = [
            (there[stages[number]] if number in stages else 1, nexts[number], other_nexts[number])
            for number in range(latches)
        ]
        pairs += [(bits[-1], *pair) for pair in zip(outputs, other_outputs, strict=True)]
        for needed, one, another in pairs:
            bad = graph.either(bad, graph.both(needed, graph.differ(one, another)))
    return graph, bad


def _stages(design: Design, numbers: list[int]) -> dict[int, int]:
    """By latch, the place in `BITS` of the bit that goes with it, one more for the result.

    It is a register that holds its value where the bit before is not set; before the first bit,
    where no column is selected.
    """
    stages = {number: stage for stage, number in enumerate(numbers)}
    size, latches = len(design.inputs), len(design.latches)
    selects = [n for n, name in enumerate(design.input_names) if name.startswith("select")]
    for stage in range(len(BITS) + 1):
        graph = Graph(size, latches)
        literals = list(graph.literals)
        for place in [size + numbers[stage - 1]] if stage else selects:
            literals[place] = 0
        nexts, _ = graph.copy(design, literals[:size], literals[size:])
        for number, before in enumerate(literals[size:]):
            if nexts[number] == before:
                stages.setdefault(number, stage)
    return stages
