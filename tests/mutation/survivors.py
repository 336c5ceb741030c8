"""The list of mutants that no run kills, with what is known of each; and what no longer holds."""

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.contexts import CONTEXTS
from tests.mutation.mutants import Mutant
from truncmac.golden.files import write_bytes

__all__ = ["SURVIVORS", "Survivor", "complaints", "read_survivors", "write_survivors"]

SURVIVORS = Path(__file__).with_name("survivors.toml")
HEAD = (
    "# Mutants that no run kills: `python -m tests.mutation` holds this list, --write writes it.\n"
)


@dataclass(frozen=True)
class Survivor:
    """One mutant of the list.

    Attributes
    ----------
    key : `Mutant.key`
    verdict : "equivalent" (proven for ever) or "unknown"
    context : the part of the core in which it is proven or was searched; one of `CONTEXTS`
    frames : cycles from reset without a difference, of one that is unknown
    reason : why nothing can differ, of one that is unknown: an argument, and no proof
    """

    key: str
    verdict: str
    context: str
    frames: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in ("equivalent", "unknown"):
            raise ValueError(
                f"Verdict of {self.key} must be equivalent or unknown, not {self.verdict!r}"
            )
        if self.context not in CONTEXTS:
            known = ", ".join(CONTEXTS)
            raise ValueError(f"Context of {self.key} must be one of {known}, not {self.context!r}")
        if self.verdict == "unknown" and not self.reason.strip():
            raise ValueError(f"{self.key} is unknown and must have a reason in {SURVIVORS.name}")


def read_survivors(path: Path = SURVIVORS) -> dict[str, Survivor]:
    """Survivors by their keys.

    Raises
    ------
    ValueError
        If a key is there twice, a verdict or context is none, or an unknown one has no reason.
    """
    listed: dict[str, Survivor] = {}
    for entry in tomllib.loads(path.read_text())["survivor"]:
        survivor = Survivor(**entry)
        if survivor.key in listed:
            raise ValueError(f"{survivor.key} must be in {path.name} once, not twice")
        listed[survivor.key] = survivor
    return listed


def write_survivors(survivors: Sequence[Survivor], path: Path = SURVIVORS) -> None:
    """Write the list, sorted by keys."""
    lines = [HEAD]
    for survivor in sorted(survivors, key=lambda some: some.key):
        fields = {name: value for name, value in vars(survivor).items() if value}
        lines.append("[[survivor]]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
        lines.append("")
    write_bytes(path, "\n".join(lines).encode())


def complaints(
    mutants: Sequence[Mutant],
    alive: Collection[str],
    listed: Mapping[str, Survivor],
    proven: Mapping[str, bool],
    *,
    whole: bool = True,
) -> list[str]:
    """A line for each mutant of which the list is wrong.

    Parameters
    ----------
    mutants : those that ran
    alive : keys of those that no run killed
    listed : the list
    proven : by key, whether a proof that was made again holds
    whole : `mutants` are all to which the list belongs
    """
    lines = []
    for mutant in mutants:
        key = mutant.key
        if key in alive and key not in listed:
            lines.append(f"{key}: lives, and is not listed: a hole in the runs, or a new mutant")
        elif key not in alive and key in listed:
            lines.append(f"{key}: is listed, and a run kills it: it changes what the core does")
        elif not proven.get(key, True):
            lines.append(f"{key}: is listed as equivalent, and its proof fails")
    if whole:
        keys = {mutant.key for mutant in mutants}
        lines += [f"{key}: is listed, and no mutant any more" for key in listed if key not in keys]
    return lines
