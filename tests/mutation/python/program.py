"""A run of mutants: what is asked for, what became of each, and what is wrong of the list."""

import argparse
import contextlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from tests.mutation.python.operators import Mutant
from tests.mutation.python.running import OUTCOMES, Outcome, Reach, judge, reach_of, ready
from tests.mutation.python.sample import all_mutants, sample
from tests.mutation.python.survivors import (
    SURVIVORS,
    Survivor,
    complaints,
    read_survivors,
    write_survivors,
)
from tests.mutation.python.targets import GROUPS, Group
from truncmac.golden.files import write_bytes

__all__ = ["Campaign", "chosen", "counted", "main", "options_of"]

LISTED = 1  # seed of the draw to which the list of survivors belongs
LEAST = 0.95  # of those that give another result, this share is killed
ENOUGH = 300  # mutants of which a share means something
# Each process has one thread of BLAS, and each run the same order of sets
SETTINGS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
KILLED, ALIVE = "assertion", "lives"  # the rest gives no result: any test that runs it ends
SHOWN = 25  # mutants after which a line says how many are done
JOURNALS = Path("build/mutants")
Found = Mapping[Mutant, Outcome]


@dataclass(frozen=True)
class Campaign:
    """Mutants that are drawn together, and have a list of survivors.

    Attributes
    ----------
    module : the program that runs it
    about : what it does
    groups : files and tests
    count : mutants of a draw
    survivors : file of the list
    """

    module: str = "tests.mutation.python"
    about: str = ""
    groups: Sequence[Group] = tuple(GROUPS)
    count: int = 1240
    survivors: Path = SURVIVORS


def main(campaign: Campaign) -> int:
    """Run and print; exit code 1 where the list is wrong, or too few are killed."""
    options = options_of(sys.argv[1:], campaign)
    if not SETTINGS.items() <= os.environ.items():  # what is imported reads it once
        os.execve(  # noqa: S606 (ourselves)
            sys.executable,
            [sys.executable, "-m", campaign.module, *sys.argv[1:]],
            os.environ | SETTINGS,
        )

    start = time.monotonic()
    mutants = chosen(campaign.groups, options)
    print(f"{len(mutants)} mutants drawn", flush=True)
    listed = read_survivors(campaign.survivors)
    own = ".own" if options.own else ""
    journal = JOURNALS / f"{campaign.module}.{options.draw}{own}.jsonl"
    found = run(campaign.groups, mutants, options, journal)
    alive = {mutant.key for mutant, outcome in found.items() if outcome.outcome == ALIVE}
    if options.write:
        more = [Survivor(key, "hole", "not looked at yet") for key in alive - set(listed)]
        write_survivors([*listed.values(), *more], campaign.survivors)
        listed = read_survivors(campaign.survivors)
    figures = counted(found, listed) | {"seconds": round(time.monotonic() - start)}
    print_figures(figures)
    lines = complaints(mutants, alive, listed)
    if options.draw != LISTED or options.count > campaign.count:  # and so has others
        lines = [line for line in lines if "is listed" in line]
    if len(mutants) >= ENOUGH and figures["share"] < LEAST:
        lines.append(f"{figures['share']:.1%} are killed, and {LEAST:.0%} must be")
    for line in lines:
        print(f"  {line}")
    if place := os.environ.get("VERIFY_JSON"):
        Path(place).write_text(json.dumps(figures | {"wrong": lines}, indent=1))
    return bool(lines)


def options_of(words: Sequence[str], campaign: Campaign) -> argparse.Namespace:
    """What the command line says."""
    names = ", ".join(group.name for group in campaign.groups)
    parser = argparse.ArgumentParser(
        prog=f"python -m {campaign.module}",
        description=campaign.about,
        fromfile_prefix_chars="@",
    )
    parser.add_argument(
        "--count", type=int, default=campaign.count, help="mutants to draw (%(default)s)"
    )
    parser.add_argument("--draw", type=int, default=LISTED, help="its seed (%(default)s)")
    parser.add_argument("--part", type=int, help="run so many of the mutants that are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the part (%(default)s)")
    parser.add_argument("--keys", nargs="+", help="run the mutants whose keys have such a text")
    parser.add_argument("--groups", nargs="+", help=f"of {names}")
    parser.add_argument("--workers", type=int, default=2, help="processes at once (%(default)s)")
    parser.add_argument("--own", action="store_true", help="run the tests of the same name alone")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was ended")
    parser.add_argument("--write", action="store_true", help="add survivors to the list as holes")
    return parser.parse_args(words)


def chosen(groups: Sequence[Group], options: argparse.Namespace) -> list[Mutant]:
    """The mutants of some groups that the options ask for."""
    ours = {
        path
        for group in groups
        if not options.groups or group.name in options.groups
        for path in group.sources
    }
    if options.keys is not None:
        every = [mutant for some in all_mutants(groups).values() for mutant in some]
        some = [mutant for mutant in every if any(text in mutant.key for text in options.keys)]
        return [mutant for mutant in some if mutant.path in ours]
    mutants = sample(options.count, options.draw, groups)
    mutants = [mutant for mutant in mutants if mutant.path in ours]
    if options.part is None:
        return mutants
    return random.Random(options.seed).sample(mutants, min(options.part, len(mutants)))


def run(
    groups: Sequence[Group], mutants: Sequence[Mutant], options: argparse.Namespace, journal: Path
) -> dict[Mutant, Outcome]:
    """Run all mutants, the groups one after the other, and print those that live.

    The journal has a line for each. A run that resumes takes from it what is known.
    """
    known = dict(_read(journal)) if options.resume else {}
    found = {mutant: known[mutant.key] for mutant in mutants if mutant.key in known}
    JOURNALS.mkdir(parents=True, exist_ok=True)
    with journal.open("w") as file:
        for key, outcome in known.items():
            _note(file, key, outcome)
        for group in groups:
            sources = set(group.sources)
            some = [m for m in mutants if m.path in sources and m not in found]
            if not some:
                continue
            start = time.monotonic()
            reach = _reach(group, options)
            print(f"{group.name}: {len(reach.seconds)} tests, {len(some)} mutants", flush=True)
            answers = judge(group, some, reach, workers=options.workers, own_only=options.own)
            for count, (mutant, outcome) in enumerate(answers, start=1):
                found[mutant] = outcome
                _note(file, mutant.key, outcome)
                if outcome.outcome == ALIVE:
                    print(f"  {outcome.outcome}, line {mutant.line}: {mutant.key}", flush=True)
                if count % SHOWN == 0:
                    print(f"  {count} done in {time.monotonic() - start:.0f} s", flush=True)
            print(f"  {time.monotonic() - start:.0f} s", flush=True)
    return found


def _reach(group: Group, options: argparse.Namespace) -> Reach:
    """What the tests run; a run that resumes has it from the one before."""
    path = JOURNALS / f"{group.name}.reach.json"
    if options.resume and path.exists():
        ready(group)
        return Reach(**json.loads(path.read_text()))
    reach = reach_of(group, options.workers)
    write_bytes(path, json.dumps(asdict(reach)).encode())
    return reach


def _note(file: TextIO, key: str, outcome: Outcome) -> None:
    print(json.dumps({"key": key, **asdict(outcome)}), file=file, flush=True)


def _read(journal: Path) -> Iterator[tuple[str, Outcome]]:
    """What a journal says of each mutant; its last line may be half of one."""
    for line in journal.read_text().splitlines() if journal.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            fields = json.loads(line)
            yield fields.pop("key"), Outcome(**fields)


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
