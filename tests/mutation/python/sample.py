"""Draws mutants, evenly over the files: `sample(1000, seed)`."""

import random
from collections.abc import Sequence

from tests.mutation.python.operators import Mutant, mutants_of
from tests.mutation.python.targets import GROUPS, ROOT, Group

__all__ = ["all_mutants", "sample"]


def all_mutants(groups: Sequence[Group] = tuple(GROUPS)) -> dict[str, list[Mutant]]:
    """Mutants of each file."""
    return {
        path: mutants_of(path, (ROOT / path).read_text(), strings=group.strings)
        for group in groups
        for path in group.sources
    }


def sample(count: int, seed: int, groups: Sequence[Group] = tuple(GROUPS)) -> list[Mutant]:
    """So many mutants, as many of each file as it has room for, in the order of the files."""
    noise = random.Random(seed)
    left = {path: noise.sample(some, len(some)) for path, some in all_mutants(groups).items()}
    drawn: list[Mutant] = []
    while len(drawn) < count and any(left.values()):
        for path in noise.sample(sorted(left), len(left)):
            if left[path] and len(drawn) < count:
                drawn.append(left[path].pop())
    return sorted(drawn, key=lambda mutant: (mutant.path, mutant.number))
