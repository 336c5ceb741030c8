"""The steps of `make verify`, in order: what each runs, and how its figures are read.

A step writes build/verify/NAME.json; `figures` makes of that the words of the page. A step of
tests has its file written by tests.verify.figures. A step of another program may write none: then
the last line that it prints is its words.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["STEPS", "Step"]

Found = Mapping[str, Any]
Tables = Mapping[str, list[list[str]]]
SEED = "{seed}"  # in a command: the seed of the run
VERILOG = ("lint", "products", "cycles", "utilisation", "analysis", "reset")  # have their steps

NPU = (
    *("tests/sim/rtl/npu", "tests/programs"),
    *("tests/verilog/test_npu.py", "tests/verilog/test_npu_reset.py"),
)


def no_tables(found: Found) -> Tables:
    """Most steps have a line, and no table."""
    return {}


@dataclass(frozen=True)
class Step:
    """One part of the verification.

    Attributes
    ----------
    name : of its JSON and its log
    promise : what holds if it passes
    command : program and arguments
    minutes : that it takes on two cores with nothing beside it
    paths, left_out : tests that it runs, without these among them
    part : command of a part that fits into few minutes, drawn by `SEED`; None if there is none
    part_minutes : that this takes
    always : whether its part is in every draw
    whole : False if it is so long that it only runs when it is named
    figures : a line for the page from its JSON, KeyError if that is not whole; None: the last line
        that it prints
    tables : more tables for the page, title to rows of cells, the first the heading
    """

    name: str
    promise: str
    command: Sequence[str]
    minutes: float
    paths: Sequence[str] = ()
    left_out: Sequence[str] = ()
    part: Sequence[str] | None = None
    part_minutes: float = 0.0
    always: bool = False
    whole: bool = True
    figures: Callable[[Found], str] | None = None
    tables: Callable[[Found], Tables] = no_tables


def counts(found: Found) -> str:
    """Of a step of tests."""
    text = f"{found['passed']} tests passed"
    if found["failed"]:
        text += f", {len(found['failed'])} failed: {', '.join(found['failed'][:3])}"
    if found["skipped"]:
        text += f", {len(found['skipped'])} did not run: {'; '.join(found['skipped'])}"
    return text


def of_tests(
    name: str,
    promise: str,
    *paths: str,
    minutes: float,
    long: float = 0.0,
    left_out: Sequence[str] = (),
) -> Step:
    """A step that runs tests, those marked `long` too; these take `long` minutes, and are its part.

    `make test` runs the others. What is `left_out` of the paths is in other steps.
    """
    chosen = [*paths, *(f"--ignore={path}" for path in left_out)]
    pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.verify.figures", "-m"]
    part = [*pytest, "long", *chosen] if long else None
    command = [*pytest, "", *chosen]
    return Step(name, promise, command, minutes, paths, left_out, part, long, figures=counts)


def module(name: str, *arguments: str) -> Sequence[str]:
    """The command of a program of this project."""
    return [sys.executable, "-m", name, *arguments]


def random_figures(found: Found) -> str:
    """Outputs and differences, over the arrays."""
    outputs = sum(totals["outputs"] for totals in found.values())
    icarus = sum(totals["icarus"] for totals in found.values())
    wrong = sum(len(totals["differences"]) for totals in found.values())
    return (
        f"{outputs:,} outputs on Verilator, {icarus:,} of them on Icarus too, {wrong} differences"
    )


def random_tables(found: Found) -> Tables:
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


def coverage_tables(found: Found) -> Tables:
    """Points of each kind."""
    rows = [["top", "kind", "points", "covered", "waived"]]
    for top, kinds in found["tops"].items():
        rows += [
            [top, kind, *(f"{n:,}" for n in counts.values())] for kind, counts in kinds.items()
        ]
    return {"Coverage": rows}


def python_mutant_figures(found: Found) -> str:
    """Mutants by what became of them, and the share that the tests kill."""
    outcomes = found["outcomes"]
    killed, alive = outcomes["assertion"], outcomes["lives"]
    stopped = found["mutants"] - killed - alive
    return (
        f"{found['mutants']:,} mutants, {killed:,} killed, {alive} live, "
        f"{found['equivalent']} of them equivalent, {stopped} only stop; {found['share']:.1%} of "
        f"those that give another result are killed; {len(found['wrong'])} faults"
    )


STEPS = [
    of_tests(
        "lint-verilog",
        "Verilator -Wall, Icarus and Yosys say nothing of the Verilog that is not waived",
        "tests/verilog/test_lint.py",
        minutes=1,
        long=0.5,
    ),
    of_tests(
        "products",
        "all 524,288 products of activation, weight and k equal NumPy's, for 8 shapes of PE",
        "tests/verilog/test_products.py",
        minutes=1,
        long=1,
    ),
    Step(
        "random",
        "random products: every output equals golden, every counter the cycle model, and both "
        "simulators each other",
        module("tools.campaign"),
        minutes=2.5,
        part=module("tools.campaign", "--seed", SEED),
        part_minutes=2.5,
        figures=random_figures,
        tables=random_tables,
    ),
    of_tests(
        "cycles",
        "the cycle model equals the counters at random arrays, products and stalls",
        "tests/verilog/test_cycles.py",
        "tests/verilog/test_utilisation.py",
        "tests/verilog/test_analysis.py",
        "tests/sim/cycles",
        minutes=1,
        long=0.5,
    ),
    of_tests(
        "reset",
        "from undefined and random registers, one edge of reset is enough, at any time",
        "tests/verilog/test_reset.py",
        minutes=1,
        long=0.5,
    ),
    of_tests(
        "rtl",
        "networks, awkward arrays and the AXI top; planted bugs are seen",
        "tests/sim/rtl",
        "tests/verilog",
        "tests/tools",
        "tests/benchmarks",
        minutes=4,
        long=1.5,
        left_out=[*(f"tests/verilog/test_{name}.py" for name in VERILOG), *NPU],
    ),
    of_tests(
        "npu",
        "what networks and random programs on the NPU leave in memory is the reference's, from "
        "undefined and random registers too",
        *NPU,
        minutes=6,
        long=4.5,
    ),
    Step(
        "npu-random",
        "random programs on random NPUs leave in memory what the reference does, under pauses",
        module("tests.programs"),
        minutes=3,
        part=module("tests.programs", "--seed", SEED),
        part_minutes=3,
    ),
    Step(
        "npu-cycles",
        "the model of the whole NPU equals its counters, at random programs, NPUs and memories",
        module("tests.programs.cycles"),
        minutes=4,
        part=module("tests.programs.cycles", "--seed", SEED),
        part_minutes=4,
        always=True,
    ),
    of_tests(
        "blocks",
        "each block of the NPU passes its bench on Verilator and on Icarus",
        "tests/simulators",
        minutes=5,
        long=5,
    ),
    Step(
        "formal",
        "the properties of the formal page are proven, and each proof sees its planted bug",
        module("tests.formal"),
        minutes=5.5,
        part=module("tests.formal", "--part", "4", "--seed", SEED),
        part_minutes=2,
        figures=formal_figures,
    ),
    Step(
        "coverage",
        "all lines, branches, expressions and toggles are covered, or waived as impossible; of the "
        "NPU, which is not closed, no fewer than before",
        module("tests.coverage"),
        minutes=5.5,
        part=module("tests.coverage", "--part", SEED),
        part_minutes=3,
        figures=coverage_figures,
        tables=coverage_tables,
    ),
    of_tests(
        "mutation",
        "a sample of the core's mutants: each is killed, or on the list of those that are not",
        "tests/mutation",
        minutes=2,
        long=1,
    ),
    of_tests(
        "judges",
        "proofs, coverage and gates: each method sees what it must, and equals other programs",
        "tests/coverage",
        "tests/formal",
        "tests/judges",
        minutes=2,
        long=0.5,
    ),
    of_tests(
        "components",
        "each component of the hardware does what it says",
        "tests/hw",
        minutes=2,
        long=1.5,
    ),
    of_tests(
        "golden",
        "the integer reference equals definitions and independent oracles",
        "tests/golden",
        "tests/fuzz",
        minutes=1,
    ),
    of_tests(
        "faults",
        "after kill -9, full disks, unwritable folders and dying simulators, files are whole",
        "tests/faults",
        minutes=6,
        long=5,
    ),
    of_tests(
        "software",
        "training, models, figures of energy, exploration, and the command line",
        "tests/model",
        "tests/sim",
        "tests/truncmac",
        "tests/kinds",
        "tests/cli",
        minutes=5,
        long=3.5,
        left_out=("tests/sim/cycles", "tests/sim/rtl"),
    ),
    of_tests(
        "house",
        "rooms and imports, the documents, the installed package, and these steps",
        "tests/layout",
        "tests/docs",
        "tests/wheel",
        "tests/verify",
        minutes=2,
        long=1.5,
    ),
    Step(
        "documents",
        "every command of the documents prints what they show",
        module("tools.docs.run"),
        minutes=5,
    ),
    Step(
        "mutants",
        "all 1,200 mutants of the core: each is killed, or on the list, and its proof holds",
        module("tests.mutation"),
        minutes=17,
        part=module("tests.mutation", "--part", "150", "--seed", SEED),
        part_minutes=3,
        whole=False,
    ),
    Step(
        "python-mutants",
        "of 1,240 mutants of the Python 95 % of those that change a result are killed",
        module("tests.mutation.python"),
        minutes=21,
        part=module("tests.mutation.python", "--part", "60", "--seed", SEED),
        part_minutes=4,
        whole=False,
        figures=python_mutant_figures,
    ),
    Step(
        "npu-mutants",
        "of 111 mutants of the NPU's hardware each that changes it is killed, or on the list",
        module("tests.mutation.npu"),
        minutes=15,
        whole=False,
        figures=python_mutant_figures,
    ),
    Step(
        "sweep-cycles",
        "the cycle model equals the RTL at 10,000 random points",
        module("tools.sweep"),
        minutes=60,
        part=module("tools.sweep", "--points", "300", "--seed", SEED),
        part_minutes=2,
        whole=False,
    ),
    Step(
        "fuzz",
        "made-up files are read or refused with a message, each kind for a minute",
        module("tests.fuzz"),
        minutes=10,
        whole=False,
    ),
    Step(
        "explore-scale",
        "an exploration of ten million designs: how its speed and its memory go",
        module("benchmarks.explore_scale"),
        minutes=10,
        whole=False,
    ),
]
