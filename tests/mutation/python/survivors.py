"""The list of mutants that no test kills, what is known of each, and what no longer holds."""

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.python.operators import Mutant
from truncmac.golden.files import write_bytes

__all__ = ["SURVIVORS", "VERDICTS", "Survivor", "complaints", "read_survivors", "write_survivors"]

SURVIVORS = Path(__file__).with_name("survivors.toml")
HEAD = """\
# Mutants that no test kills, of those that are drawn, each with its verdict and reason. The program
# of these mutants holds this list; with --write it adds what is not listed.
"""
VERDICTS = {
    "equivalent": "no result can differ",
    "hole": "a result differs, and no test of the folder says so by an assertion",
}


@dataclass(frozen=True)
class Survivor:
    """One mutant of the list.

    Attributes
    ----------
    key : `Mutant.key`
    verdict : one of `VERDICTS`
    reason : why nothing differs, or why no test sees what does
    """

    key: str
    verdict: str
    reason: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            known = ", ".join(VERDICTS)
            raise ValueError(f"Verdict of {self.key} must be one of {known}, not {self.verdict!r}")
        if not self.reason.strip():
            raise ValueError(f"{self.key} must have a reason in {SURVIVORS.name}")


def read_survivors(path: Path = SURVIVORS) -> dict[str, Survivor]:
    """Survivors by their keys.

    Raises
    ------
    ValueError
        If a key is there twice, a verdict is none, or one has no reason.
    """
    listed: dict[str, Survivor] = {}
    for entry in tomllib.loads(path.read_text()).get("survivor", []):
        survivor = Survivor(**entry)
        if survivor.key in listed:
            raise ValueError(f"{survivor.key} must be in {path.name} once, not twice")
        listed[survivor.key] = survivor
    return listed


def write_survivors(survivors: Sequence[Survivor], path: Path = SURVIVORS) -> None:
    """Write the list, sorted by keys."""
    lines = [HEAD]
    for survivor in sorted(survivors, key=lambda some: some.key):
        lines.append("[[survivor]]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in vars(survivor).items()]
        lines.append("")
    write_bytes(path, "\n".join(lines).encode())


def complaints(
    mutants: Sequence[Mutant], alive: Collection[str], listed: Mapping[str, Survivor]
) -> list[str]:
    """A line for each mutant of which the list is wrong.

    Parameters
    ----------
    mutants : those that ran
    alive : keys of those that no assertion killed
    """
    lines = []
    for mutant in mutants:
        if mutant.key in alive and mutant.key not in listed:
            lines.append(f"{mutant.key}: lives, and is not listed: a hole in the tests")
        elif mutant.key not in alive and mutant.key in listed:
            lines.append(f"{mutant.key}: is listed, and a test kills it: take it off the list")
    return lines
