"""Decides what a mutant that no run saw does: nothing, or something that the runs should see."""

import re
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.yosys import ABC

from .contexts import Context, Tree, contexts, observer, submodules
from .mutants import Mutant, yosys

__all__ = ["Judgement", "judge", "prove"]

SECONDS = {"module": 20, "submodules": 60, "core": 60, "whole": 120}  # of a search, of a proof
FRAMES = {"module": 20, "submodules": 20, "core": 40, "whole": 100}  # of a search
BATCH = 12  # mutants for which Yosys is started once

PART = "flatten; memory_map; expose -evert {top}/c:*; opt_expr; opt_clean; techmap; opt_expr"
GATES = "opt_clean; dffunmap; setundef -zero; aigmap; opt_clean"


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
        list(pool.map(partial(_write_miters, folder), batches))
        return list(pool.map(partial(_judge, folder), pairs))


def _miter(mutant: Mutant, context: Context) -> str:
    return f"miter_{mutant.number}_{context.name}"


def _write_miters(folder: Path, batch: tuple[Context, Sequence[Mutant], Tree]) -> None:
    """Write an AIGER file for each mutant: both parts, with an output where they differ."""
    context, mutants, tree = batch
    part = f"{PART.format(top=context.top)}; {GATES}"
    script = ["read_rtlil core.il", "read_verilog observed.v", f"proc {context.top}"]
    script += [f"blackbox {module}" for module in tree if module not in context.inside]
    script += [f"hierarchy -top {context.top}; design -save base"]
    script += [f"{part}; rename {context.top} gold; design -stash gold"]
    for mutant in mutants:
        script += [f"design -load base; mutate {mutant.options}; {part}"]
        script += [f"rename {context.top} gate; design -copy-from gold -as gold gold"]
        script += ["miter -equiv -flatten gold gate miter; hierarchy -top miter"]
        script += [f"techmap; opt_expr; {GATES}; write_aiger -zinit {_miter(mutant, context)}.aig"]
    name = f"{_miter(mutants[0], context)}.ys"
    (folder / name).write_text("\n".join(script) + "\n")
    yosys(f"script {name}", folder)


def _judge(folder: Path, pair: Pair) -> Judgement:
    """Search for a difference first, since the proof of a false claim takes longest."""
    mutant, context = pair
    name, seconds = context.name, SECONDS[context.name]
    read = f"read_aiger {_miter(mutant, context)}.aig; strash"
    search = _abc(f"{read}; bmc3 -F {FRAMES[name]} -T {seconds}", folder, 2 * seconds)
    if found := re.search(r"asserted in frame (\d+)", search):
        return Judgement("differs", name, int(found[1]))
    prove = _abc(f"{read}; scorr; scorr -F 2; pdr -T {seconds}", folder, 3 * seconds)
    if "Property proved" in prove or "Networks are equivalent" in prove:
        return Judgement("equivalent", name)
    if found := re.search(r"asserted in frame (\d+)", prove):
        return Judgement("differs", name, int(found[1]))
    frames = re.search(r"No output asserted in (\d+) frames", search)
    return Judgement("unknown", name, int(frames[1]) if frames else 0)


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
