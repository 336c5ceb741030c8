"""Decides what a mutant that no run saw does: nothing, or something that the runs should see."""

import re
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.abc import ABC
from tests.mutation.contexts import Context, Tree, contexts, observer, submodules
from tests.mutation.graph import Design, read_design
from tests.mutation.miter import Miter
from tests.mutation.mutants import Mutant
from tests.mutation.validity import claim
from truncmac.sim.netlist.yosys import run_yosys

__all__ = ["Judgement", "judge", "prove"]

SECONDS = {"module": 10, "unit": 60, "core": 60, "whole": 120}  # of a proof
SEARCH = {"module": 5, "core": 10, "whole": 60}  # seconds of a search before it
FRAMES = {"module": 20, "core": 40, "whole": 100}  # of a search
QUICK = "bmc3 -F 12 -T 3"  # finds most that differs
ROUNDS = 20  # each with more registers doubled
BATCH = 12  # mutants for which Yosys is started once

# No logic is taken away, so that a mutant has the design's registers in the design's order
PART = (
    "flatten; memory_map; expose -evert {top}/c:*; techmap; dffunmap; setundef -undriven -zero; "
    "aigmap; write_aiger -ascii -zinit -symbols {file}"
)
# A mutated output of a register leaves it a new wire: the register begins at zero, as it did
BEGIN = "setattr -set init 1'b0 w:$auto$mutate*"


@dataclass(frozen=True)
class Judgement:
    """What was found of one mutant.

    Attributes
    ----------
    verdict : "equivalent" (proven for ever), "differs" (in cycle `frames`), or "unknown"
    context : in which; one of `CONTEXTS`
    frames : of the search in the whole core, where it is not proven
    """

    verdict: str
    context: str
    frames: int = 0


def judge(
    mutants: Sequence[Mutant],
    folder: Path,
    workers: int = 2,
    report: Callable[[str], None] = lambda line: None,
) -> list[Judgement]:
    """Compare each mutant with the core, in ever larger contexts; `folder` has `core.il`."""
    tree = submodules((folder / "core.il").read_text())
    steps = {mutant.number: list(contexts(mutant.module, tree)) for mutant in mutants}
    found: dict[int, Judgement] = {}
    for index in range(max((len(some) for some in steps.values()), default=0)):
        pairs = [
            (mutant, steps[mutant.number][index])
            for mutant in mutants
            if mutant.number not in found and index < len(steps[mutant.number])
        ]
        for (mutant, context), judgement in zip(
            pairs, _compare(pairs, folder, tree, workers), strict=True
        ):
            if judgement.verdict == "equivalent" or context.name == "whole":
                found[mutant.number] = judgement
        report(f"{len(pairs)} compared, {len(mutants) - len(found)} left")
    return [found[mutant.number] for mutant in mutants]


def prove(
    mutants: Sequence[Mutant], names: Sequence[str], folder: Path, workers: int = 2
) -> list[bool]:
    """Whether each mutant is still proven to change nothing, in the context named with it."""
    tree = submodules((folder / "core.il").read_text())
    pairs = []
    for mutant, name in zip(mutants, names, strict=True):
        pairs += [(mutant, some) for some in contexts(mutant.module, tree) if some.name == name]
    judgements = _compare(pairs, folder, tree, workers)
    return [judgement.verdict == "equivalent" for judgement in judgements]


Pair = tuple[Mutant, Context]


def _compare(pairs: Sequence[Pair], folder: Path, tree: Tree, workers: int) -> list[Judgement]:
    """Compare each mutant with the core in its context."""
    (folder / "observed.v").write_text(observer())
    parts: dict[Context, list[Mutant]] = {}
    for mutant, context in pairs:
        parts.setdefault(context, []).append(mutant)
    batches = [
        (context, some[start : start + BATCH], tree)
        for context, some in parts.items()
        for start in range(0, len(some), BATCH)
    ]
    with ThreadPoolExecutor(workers) as pool:
        written = pool.map(partial(_write_designs, folder), batches)
        designs = {pair: design for some in written for pair, design in some.items()}
        return list(pool.map(lambda pair: _judge(folder, designs[pair], pair), pairs))


def _file(mutant: Mutant, context: Context) -> str:
    return f"mutant_{mutant.number}_{context.name}"


def _write_designs(folder: Path, batch: tuple[Context, Sequence[Mutant], Tree]) -> dict[Pair, Path]:
    """Write AIGER files of a part of the core and of its mutants; return the part's, by mutant."""
    context, mutants, tree = batch
    name = f"design_{_file(mutants[0], context)}"
    script = ["read_rtlil core.il", "read_verilog observed.v", f"proc {context.top}"]
    script += [f"blackbox {module}" for module in tree if module not in context.inside]
    script += [f"hierarchy -top {context.top}; design -save base"]
    script += [PART.format(top=context.top, file=f"{name}.aag")]
    for mutant in mutants:
        script += [f"design -load base; mutate {mutant.options}; {BEGIN}"]
        script += [PART.format(top=context.top, file=f"{_file(mutant, context)}.aag")]
    (folder / f"{name}.ys").write_text("\n".join(script) + "\n")
    run_yosys(f"script {name}.ys", folder)
    return {(mutant, context): folder / f"{name}.aag" for mutant in mutants}


def _judge(folder: Path, path: Path, pair: Pair) -> Judgement:
    """Prove with one copy of the registers, then with those doubled that are seen to differ."""
    mutant, context = pair
    file = _file(mutant, context)
    design, other = read_design(path), read_design(folder / f"{file}.aag")
    if context.name == "unit":
        return _judge_unit(design, other, folder / f"{file}.aig")
    doubled: list[int] = []
    for _ in range(ROUNDS):
        miter = Miter(design, other, doubled)
        if not miter.bad:
            return Judgement("equivalent", context.name)
        miter.write(folder / f"{file}.aig")
        found, cycles = _ask(file, context, folder)
        if found.verdict != "differs":
            return found
        wrong = miter.wrong(cycles)
        if wrong[-1] >= len(miter.differ):
            return found
        doubled += miter.registers(wrong)
    return Judgement("unknown", context.name)


def _judge_unit(design: Design, mutant: Design, path: Path) -> Judgement:
    graph, bad = claim(design, mutant)
    graph.write(path, [], [bad])
    said = _abc(f"read_aiger {path.name}; strash; iprove", path.parent, SECONDS["unit"])
    return Judgement("equivalent" if "UNSATISFIABLE" in said else "unknown", "unit")


def _ask(file: str, context: Context, folder: Path) -> tuple[Judgement, list[str]]:
    """Whether an output of an AIGER file can be one; inputs of each cycle until it is."""
    name, seconds = context.name, SECONDS[context.name]
    proof = f"scleanup; scorr; bmc3 -F {FRAMES[name]} -T {SEARCH[name]}; pdr -T {seconds}"
    for step in (QUICK, proof):
        script = f"read_aiger {file}.aig; strash; orpos; {step}; write_cex -a {file}.cex"
        said = _abc(script, folder, 3 * seconds + 20)
        if "Property proved" in said or "Networks are equivalent" in said:
            return Judgement("equivalent", name), []
        if found := re.search(r"asserted in frame (\d+)", said):
            lines = re.findall(r"^[01]+", (folder / f"{file}.cex").read_text(), re.MULTILINE)
            last = int(found[1])  # before them, a line of the latches where there are some
            return Judgement("differs", name, last), lines[-last - 1 :]
    frames = re.search(r"No output asserted in (\d+) frames", said)
    return Judgement("unknown", name, int(frames[1]) if frames else 0), []


def _abc(script: str, folder: Path, seconds: int) -> str:
    """Run ABC; return what it prints, nothing if it takes too long."""
    command = [ABC, "-c", script]
    try:
        run = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return ""
    return run.stdout + run.stderr
