"""Draws mutants, evenly over the files: `sample(1240, seed)`."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from tests.mutation.python.operators import Mutant, mutants_of
from tests.mutation.python.targets import GROUPS, ROOT, Group

__all__ = ["all_mutants", "drawn_from", "sample"]


def all_mutants(groups: Sequence[Group] = tuple(GROUPS)) -> dict[str, list[Mutant]]:
    """Mutants of each file."""
    return {
        path: _mutants_of(path, strings=group.strings, hardware=group.hardware)
        for group in groups
        for path in group.sources
    }


@cache
def _mutants_of(path: str, **kinds: bool) -> list[Mutant]:
    return mutants_of(path, (ROOT / path).read_text(), **kinds)


def sample(count: int, seed: int, groups: Sequence[Group] = tuple(GROUPS)) -> list[Mutant]:
    """So many mutants, as many of each file as it has room for, in the order of the files."""
    return drawn_from(all_mutants(groups), count, seed)


def drawn_from(mutants: Mapping[str, Sequence[Mutant]], count: int, seed: int) -> list[Mutant]:
    """So many of the mutants of each file.

    The seed and a mutant's key alone decide how early it is drawn in its file, so that a change of
    one file leaves what is drawn of the others, up to one mutant of each.
    """
    left = {
        path: sorted(some, key=lambda mutant: _place(seed, mutant.key), reverse=True)
        for path, some in mutants.items()
    }
    order = sorted(left, key=lambda path: _place(seed, path))
    drawn: list[Mutant] = []
    while len(drawn) < count and any(left.values()):
        for path in order:
            if left[path] and len(drawn) < count:
                drawn.append(left[path].pop())
    return sorted(drawn, key=lambda mutant: (mutant.path, mutant.number))


def _place(seed: int, text: str) -> bytes:
    """A place in a draw that looks random, and is the same on every machine."""
    return hashlib.sha256(f"{seed} {text}".encode()).digest()
