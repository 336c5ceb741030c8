"""Where a mutant is compared with what it was: in its module alone, or in more of the core."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from tests.mutation.mutants import MUTATED, MUTATED_COUNTER_BITS
from truncmac.hw.streams import word_bits
from truncmac.hw.verilog import TOP

__all__ = ["CONTEXTS", "OBSERVED", "UNIT", "Context", "contexts", "observer", "submodules"]

# From the smallest; what is equal in one is equal in the core
CONTEXTS = {
    "module": "the mutant's module, its submodules cut off",
    "unit": "an output unit, whose words count while they are valid, as core_units proves",
    "core": "the core, clusters, row sums and output units cut off but for its own",
    "whole": "the whole core",
}
OBSERVED = "observed"  # the core as its surroundings see it
UNIT = "truncmac_output_unit"
DATA = ("truncmac_cluster", "truncmac_row_sum", UNIT)

Tree = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Context:
    """A part of the core.

    Attributes
    ----------
    name : one of `CONTEXTS`
    top : its module at the top
    inside : modules that belong to it; others are cut off: all that goes into them is observed,
        and all that comes from them may have any value
    """

    name: str
    top: str
    inside: frozenset[str]


def submodules(rtlil: str) -> Tree:
    """Modules of which each module has instances, from a design as RTLIL."""
    found: dict[str, set[str]] = {OBSERVED: {TOP}}
    name = ""
    for kind, word in re.findall(r"^(?:  )?(module|cell) \\(\S+)", rtlil, re.MULTILINE):
        if kind == "module":
            name = word
            found[name] = set()
        else:
            found[name].add(word)
    return {module: frozenset(below & found.keys()) for module, below in found.items()}


def contexts(module: str, tree: Tree) -> Iterator[Context]:
    """Contexts of the mutants of a module, the smallest first."""
    below = _below(module, tree)
    yield Context("module", module, frozenset({module}))
    if module in _below(UNIT, tree):
        yield Context("unit", UNIT, _below(UNIT, tree))
    above = frozenset(other for other in tree if module in _below(other, tree))
    cut = reduce(frozenset.union, (_below(data, tree) for data in DATA))
    yield Context("core", OBSERVED, (_below(OBSERVED, tree) - cut) | above | below)
    yield Context("whole", OBSERVED, _below(OBSERVED, tree))


def _below(module: str, tree: Tree) -> frozenset[str]:
    """The module and all below it."""
    return reduce(frozenset.union, (_below(m, tree) for m in tree[module]), frozenset({module}))


def observer() -> str:
    """Verilog of `OBSERVED`: results count only while they are valid."""
    sizes = word_bits(MUTATED)
    width = sizes.pop("results")
    inputs = {
        **{f"{name}__payload": size for name, size in sizes.items()},
        "results__ready": 1,
        "clear": 1,
        **{f"{name}__valid": 1 for name in STREAMS},
    }
    outputs = {
        **{f"{name}__ready": 1 for name in STREAMS},
        "results__valid": 1,
        "counters": 10 * MUTATED_COUNTER_BITS,
        "active": 1,
        "error": 3,
    }
    ports = ["input clk", "input rst", f"output [{width - 1}:0] results"]
    ports += [f"input [{size - 1}:0] {name}" for name, size in inputs.items()]
    ports += [f"output [{size - 1}:0] {name}" for name, size in outputs.items()]
    names = ["clk", "rst", *inputs, *outputs]
    return "\n".join(
        [
            f"module {OBSERVED} ({', '.join(ports)});",
            f"  wire [{width - 1}:0] payload;",
            "  assign results = results__valid ? payload : 0;",
            f"  {TOP} core (.results__payload(payload),",
            ", ".join(f".{name}({name})" for name in names) + ");",
            "endmodule",
        ]
    )


STREAMS = ("tiles", "activations", "weights", "parameters", "residuals")
