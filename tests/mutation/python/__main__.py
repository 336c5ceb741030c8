"""Runs the tests on mutants of the Python: `python -m tests.mutation.python`.

`--part 60 --seed 7` runs so many of them, drawn by the seed. `--keys TEXT` runs all mutants whose
keys have such a text in them, drawn or not, and `--keys @FILE` those of the lines of a file.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.mutation.python.operators import Mutant
from tests.mutation.python.running import OUTCOMES, Outcome, judge, reach_of
from tests.mutation.python.sample import all_mutants, sample
from tests.mutation.python.survivors import (
    Survivor,
    complaints,
    read_survivors,
    write_survivors,
)
from tests.mutation.python.targets import GROUPS, Group, group_of

COUNT = 1240  # mutants of a draw
LISTED = 1  # seed of the draw to which the list of survivors belongs
LEAST = 0.95  # of those that give another result, this share is killed
ENOUGH = 300  # mutants of which a share means something
# Each process has one thread of BLAS, and each run the same order of sets
SETTINGS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
KILLED, ALIVE = "assertion", "lives"  # the rest gives no result: any test that runs it ends
Found = Mapping[Mutant, Outcome]


def main() -> int:
    """Run and print; exit code 1 where the list is wrong, or too few are killed."""
    options = options_of(sys.argv[1:])
    if not SETTINGS.items() <= os.environ.items():  # what is imported reads it once
        os.execve(  # noqa: S606 (ourselves)
            sys.executable,
            [sys.executable, "-m", "tests.mutation.python", *sys.argv[1:]],
            os.environ | SETTINGS,
        )

    start = time.monotonic()
    groups = [group for group in GROUPS if not options.groups or group.name in options.groups]
    mutants = chosen(groups, options)
    print(f"{len(mutants)} mutants drawn", flush=True)
    listed = read_survivors()
    found = run(mutants, options.workers)
    alive = {mutant.key for mutant, outcome in found.items() if outcome.outcome == ALIVE}
    if options.write:
        more = [Survivor(key, "hole", "not looked at yet") for key in alive - set(listed)]
        write_survivors([*listed.values(), *more])
        listed = read_survivors()
    figures = counted(found, listed) | {"seconds": round(time.monotonic() - start)}
    print_figures(figures)
    lines = complaints(mutants, alive, listed)
    if options.draw != LISTED or options.count > COUNT:  # and so has others
        lines = [line for line in lines if "is listed" in line]
    if len(mutants) >= ENOUGH and figures["share"] < LEAST:
        lines.append(f"{figures['share']:.1%} are killed, and {LEAST:.0%} must be")
    for line in lines:
        print(f"  {line}")
    if place := os.environ.get("VERIFY_JSON"):
        Path(place).write_text(json.dumps(figures | {"wrong": lines}, indent=1))
    return bool(lines)


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, fromfile_prefix_chars="@")
    parser.add_argument("--count", type=int, default=COUNT, help="mutants to draw (%(default)s)")
    parser.add_argument("--draw", type=int, default=LISTED, help="its seed (%(default)s)")
    parser.add_argument("--part", type=int, help="run so many of the mutants that are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the part (%(default)s)")
    parser.add_argument("--keys", nargs="+", help="run the mutants whose keys have such a text")
    parser.add_argument("--groups", nargs="+", help=f"of {', '.join(g.name for g in GROUPS)}")
    parser.add_argument("--workers", type=int, default=2, help="processes at once (%(default)s)")
    parser.add_argument("--write", action="store_true", help="add survivors to the list as holes")
    return parser.parse_args(words)


def chosen(groups: Sequence[Group], options: argparse.Namespace) -> list[Mutant]:
    """The mutants of some groups that the options ask for."""
    if options.keys is not None:
        every = [mutant for some in all_mutants(groups).values() for mutant in some]
        return [mutant for mutant in every if any(text in mutant.key for text in options.keys)]
    mutants = sample(options.count, options.draw)
    mutants = [mutant for mutant in mutants if group_of(mutant.path) in groups]
    if options.part is None:
        return mutants
    return random.Random(options.seed).sample(mutants, min(options.part, len(mutants)))


def run(mutants: Sequence[Mutant], workers: int) -> dict[Mutant, Outcome]:
    """Run all mutants, the groups one after the other, and print those that live."""
    found: dict[Mutant, Outcome] = {}
    for group in GROUPS:
        some = [mutant for mutant in mutants if group_of(mutant.path) == group]
        if some:
            start = time.monotonic()
            reach = reach_of(group)
            print(f"{group.name}: {len(reach.seconds)} tests, {len(some)} mutants", flush=True)
            for mutant, outcome in judge(group, some, reach, workers=workers):
                found[mutant] = outcome
                if outcome.outcome == ALIVE:
                    print(f"  {outcome.outcome}, line {mutant.line}: {mutant.key}", flush=True)
            print(f"  {time.monotonic() - start:.0f} s", flush=True)
    return found


def counted(found: Found, listed: Mapping[str, Survivor]) -> dict[str, Any]:
    """Figures of a run: mutants by outcome and by file, and the share that is killed.

    The share is of the mutants that give another result: those that a test's assertion killed, and
    those that live and are not listed as equivalent.
    """
    outcomes = Counter(outcome.outcome for outcome in found.values())
    equivalent = sum(
        mutant.key in listed and listed[mutant.key].verdict == "equivalent"
        for mutant, outcome in found.items()
        if outcome.outcome == ALIVE
    )
    killed, alive = outcomes[KILLED], outcomes[ALIVE] - equivalent
    files = {
        path: [_count(found, path, name) for name in (KILLED, ALIVE)]
        for path in sorted({mutant.path for mutant in found})
    }
    return {
        "mutants": len(found),
        "outcomes": {name: outcomes[name] for name in OUTCOMES},
        "equivalent": equivalent,
        "share": killed / max(killed + alive, 1),
        "files": files,
    }


def _count(found: Found, path: str, name: str) -> int:
    return sum(mutant.path == path and outcome.outcome == name for mutant, outcome in found.items())


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print them."""
    print(f"{figures['mutants']} mutants in {figures['seconds']} s:")
    for name, meaning in OUTCOMES.items():
        print(f"  {figures['outcomes'][name]:5} {name}: {meaning}")
    print(f"  {figures['equivalent']:5} of those that live are equivalent")
    print(f"{figures['share']:.1%} of those that give another result are killed; by file:")
    for path, (killed, alive) in figures["files"].items():
        print(f"  {killed:4} killed, {alive:3} alive: {path}")


if __name__ == "__main__":
    sys.exit(main())
