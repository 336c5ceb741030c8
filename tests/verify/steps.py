"""The steps of `make verify`, in order: what each runs, and how its figures are read.

A step writes build/verify/NAME.json; `figures` makes of that the words of the page. A step of
tests has its file written by tests.verify.figures.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["STEPS", "Step", "tests"]

Found = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One part of the verification.

    Attributes
    ----------
    name : of its JSON and its log
    promise : what holds if it passes
    command : program and arguments
    figures : a line for the page from its JSON; it may raise KeyError if that is not whole
    tables : more tables for the page, title to rows of cells, the first the heading
    """

    name: str
    promise: str
    command: Sequence[str]
    figures: Callable[[Found], str]
    tables: Callable[[Found], Mapping[str, list[list[str]]]] = field(default=lambda found: {})


def counts(found: Found) -> str:
    """Of a step of tests."""
    text = f"{found['passed']} tests passed"
    if found["failed"]:
        text += f", {len(found['failed'])} failed: {', '.join(found['failed'][:3])}"
    if found["skipped"]:
        text += f", {len(found['skipped'])} did not run: {'; '.join(found['skipped'])}"
    return text


def tests(name: str, promise: str, *paths: str) -> Step:
    """A step that runs tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.verify.figures"]
    return Step(name, promise, [*command, *paths], counts)


def random_figures(found: Found) -> str:
    """Outputs and differences, over the arrays."""
    outputs = sum(totals["outputs"] for totals in found.values())
    icarus = sum(totals["icarus"] for totals in found.values())
    wrong = sum(len(totals["differences"]) for totals in found.values())
    return (
        f"{outputs:,} outputs on Verilator, {icarus:,} of them on Icarus too, {wrong} differences"
    )


def random_tables(found: Found) -> Mapping[str, list[list[str]]]:
    """What ran on each array, and its outputs at each k."""
    titles = ["array", "outputs", "products", "tiles", "changes of k", "cycles", "Icarus", "seeds"]
    keys = ("outputs", "products", "tiles", "changes", "cycles", "icarus")
    arrays = [titles]
    widths = [["array", *(f"k = {k}" for k in range(8, 0, -1))]]
    stalls: list[list[str]] = []
    for name, totals in found.items():
        first, last = totals["seeds"][0], totals["seeds"][-1]
        arrays.append([name, *(f"{totals[key]:,}" for key in keys), f"{first} to {last}"])
        widths.append([name, *(f"{totals['by_bits'][str(k)]:,}" for k in range(8, 0, -1))])
        stalls = stalls or [["array", *totals["by_profile"]]]
        stalls.append([name, *(f"{count:,}" for count in totals["by_profile"].values())])
    return {
        "Random products": arrays,
        "Outputs at each bit-width": widths,
        "Outputs under each pattern of stalls": stalls,
    }


def formal_figures(found: Found) -> str:
    """Of the proofs."""
    return (
        f"{found['held']} of {found['proofs']} proofs hold, {found['unbounded']} of them "
        f"unbounded; {found['covers']} covers reached, {found['bugs']} planted bugs found"
    )


def coverage_figures(found: Found) -> str:
    """Shares of what is not waived, of each top."""
    shares = (
        f"{top}: "
        + ", ".join(
            f"{kind} {100 * n['covered'] / (n['points'] - n['waived']):.2f} %"
            for kind, n in kinds.items()
        )
        for top, kinds in found["tops"].items()
    )
    return f"{'; '.join(shares)}; {found['faults']} faults"


def coverage_tables(found: Found) -> Mapping[str, list[list[str]]]:
    """Points of each kind."""
    rows = [["top", "kind", "points", "covered", "waived"]]
    for top, kinds in found["tops"].items():
        rows += [
            [top, kind, *(f"{n:,}" for n in counts.values())] for kind, counts in kinds.items()
        ]
    return {"Coverage": rows}


STEPS = [
    tests(
        "lint-verilog",
        "Verilator -Wall, Icarus and Yosys say nothing of the Verilog that is not waived",
        "tests/verilog/test_lint.py",
    ),
    tests(
        "products",
        "all 524,288 products of activation, weight and k equal NumPy's, for 8 shapes of PE",
        "tests/verilog/test_products.py",
    ),
    Step(
        "random",
        "random products: every output equals golden, every counter the cycle model, and both "
        "simulators each other",
        [sys.executable, "-m", "tools.campaign"],
        random_figures,
        random_tables,
    ),
    tests(
        "cycles",
        "the cycle model equals the counters at random arrays, products and stalls",
        "tests/verilog/test_cycles.py",
        "tests/verilog/test_utilisation.py",
        "tests/verilog/test_analysis.py",
    ),
    tests(
        "reset",
        "from undefined and random registers, one edge of reset is enough, at any time",
        "tests/verilog/test_reset.py",
    ),
    tests(
        "rtl",
        "networks, awkward arrays and the AXI top; planted bugs are seen",
        "tests/sim/rtl/test_network.py",
        "tests/verilog/test_random.py",
        "tests/verilog/test_axi.py",
    ),
    Step(
        "formal",
        "the properties of the formal page are proven, and each proof sees its planted bug",
        [sys.executable, "-m", "tests.formal"],
        formal_figures,
    ),
    Step(
        "coverage",
        "all lines, branches, expressions and toggles are covered, or waived as impossible",
        [sys.executable, "-m", "tests.coverage"],
        coverage_figures,
        coverage_tables,
    ),
    tests(
        "mutation",
        "a sample of the core's mutants: each is killed, or on the list of those that are not",
        "tests/mutation",
    ),
    tests("components", "each component of the hardware does what it says", "tests/hw"),
    tests(
        "golden", "the integer reference equals definitions and independent oracles", "tests/golden"
    ),
    tests(
        "faults",
        "after kill -9, full disks, unwritable folders and dying simulators, files are whole",
        "tests/faults/test_faults.py",
        "tests/sim/rtl/test_cosim.py",
    ),
    tests(
        "software",
        "training, models, figures of energy, exploration, the command line and the documents",
        "tests/model",
        "tests/sim",
        "tests/truncmac",
        *(f"tests/test_{name}.py" for name in ("docs", "explore_docs", "workload_docs")),
        "--deselect",
        "tests/sim/rtl/test_cosim.py",
    ),
]
