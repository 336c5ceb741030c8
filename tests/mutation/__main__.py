"""Runs the mutants and holds the list of survivors: `python -m tests.mutation [--write]`.

`--part 150 --seed 7` runs so many of them, drawn by the seed.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.mutation.campaign import simulate
from tests.mutation.contexts import CONTEXTS
from tests.mutation.equivalence import judge, prove
from tests.mutation.mutants import COUNT, SEED, Mutant, list_mutants
from tests.mutation.survivors import (
    SURVIVORS,
    Survivor,
    complaints,
    read_survivors,
    write_survivors,
)


def main() -> int:
    """Run and print; exit code 1 where a mutant differs and no run saw it, or the list is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="judge survivors and list them anew")
    parser.add_argument("--part", type=int, help="run so many of the mutants, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("build/mutation"))
    options = parser.parse_args()

    start = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - start:6.0f} s  {line}", flush=True)

    mutants = list_mutants(COUNT, SEED, options.folder)
    whole = options.part is None
    if not whole:
        if options.write:
            parser.error("--write lists all survivors, so it must not have --part")
        mutants = random.Random(options.seed).sample(mutants, min(options.part, len(mutants)))
    report(f"{len(mutants)} mutants drawn")
    alive = simulate(mutants, options.folder, report=report)
    minutes = (time.monotonic() - start) / 60
    if options.write:
        lines = _write(mutants, alive, options.folder, report)
    else:
        lines = _check(mutants, alive, options.folder, report, whole=whole)
    for line in lines:
        print(f"  {line}")
    print(
        f"{len(mutants)} mutants, {len(mutants) - len(alive)} killed by simulation, {len(alive)} "
        f"live, {len(lines)} faults; {len(mutants) / minutes:.0f} mutants a minute"
    )
    return bool(lines)


def _write(
    mutants: Sequence[Mutant],
    alive: Sequence[Mutant],
    folder: Path,
    report: Callable[[str], None],
) -> list[str]:
    """Judge all survivors and write the list; a line for each that is a hole in the runs."""
    before = read_survivors() if SURVIVORS.exists() else {}
    holes, survivors = [], []
    for mutant, found in zip(alive, judge(alive, folder, report=report), strict=True):
        if found.verdict == "differs":
            holes.append(f"{mutant.key}: differs in cycle {found.frames}, and no run sees it")
            continue
        old = before.get(mutant.key)
        unknown = found.verdict == "unknown"
        reason = (old.reason if old else "") or "not settled"
        survivors.append(
            Survivor(
                mutant.key, found.verdict, found.context, found.frames, reason if unknown else ""
            )
        )
    write_survivors(survivors)
    _print_verdicts(survivors)
    return holes


def _check(
    mutants: Sequence[Mutant],
    alive: Sequence[Mutant],
    folder: Path,
    report: Callable[[str], None],
    *,
    whole: bool,
) -> list[str]:
    """Make the proofs of the list again; a line for each mutant of which it is wrong."""
    listed = read_survivors()
    again = [
        mutant
        for mutant in alive
        if mutant.key in listed and listed[mutant.key].verdict == "equivalent"
    ]
    report(f"{len(again)} proofs to be made again")
    holds = prove(again, [listed[mutant.key].context for mutant in again], folder)
    report("proofs made")
    _print_verdicts(list(listed.values()))
    proven = dict(zip((mutant.key for mutant in again), holds, strict=True))
    return complaints(mutants, {m.key for m in alive}, listed, proven, whole=whole)


def _print_verdicts(survivors: Sequence[Survivor]) -> None:
    counts = Counter(some.context for some in survivors if some.verdict == "equivalent")
    for name, meaning in CONTEXTS.items():
        print(f"  {counts[name]} equivalent, proven in: {meaning}")
    unknown = [some for some in survivors if some.verdict == "unknown"]
    print(f"  {len(unknown)} unknown: no difference within the search, and no proof")
    for some in unknown:
        print(f"    {some.key} ({some.context}, {some.frames} cycles): {some.reason}")


if __name__ == "__main__":
    sys.exit(main())
