"""Gives each buffer its words of a group while it is needed.

An operation's input is in another group than what it writes and adds, so that no bank is read and
written, or read twice, for one beat. What is added may lie where the result goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from truncmac.golden import Machine

__all__ = ["Buffer", "Key", "NoPlaceError", "Spot", "place_buffers", "too_many"]

Key = tuple[str, int, int]  # map; segment that it is a band of, -1: it is whole; which of two
Spot = tuple[int, int]  # group and base
MOST_TRIES = 20_000  # places that are tried before the buffers are said not to fit


@dataclass(frozen=True)
class Buffer:
    """Words of every bank of a group that a map, or a band of one, needs for a time.

    Attributes
    ----------
    key : whose it is
    words : of a bank
    first, last : the time, both included
    apart : those that must be in other groups
    replaces : the one in whose place it may be, though that is needed until `first`
    shuns : those that are better in other groups
    """

    key: Key
    words: int
    first: int
    last: int
    apart: frozenset[Key]
    replaces: Key | None = None
    shuns: frozenset[Key] = frozenset()


class NoPlaceError(ValueError):
    """Buffers do not fit; `buffer` is the first for which no place was found."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(f"{buffer.key[0]!r} has no place")
        self.buffer = buffer


def place_buffers(
    buffers: Sequence[Buffer], machine: Machine, *, tries: int = MOST_TRIES
) -> dict[Key, Spot]:
    """Group and base of each buffer.

    Parameters
    ----------
    buffers : in the order in which they are needed
    tries : places that are tried at most

    Raises
    ------
    NoPlaceError
        If the buffers that are needed at once do not fit.
    """
    known = {buffer.key: buffer for buffer in buffers}
    placed: dict[Key, Spot] = {}
    choices: list[Iterator[Spot]] = []
    deepest = 0
    while len(placed) < len(buffers):
        buffer = buffers[len(placed)]
        if len(choices) == len(placed):
            choices.append(_choices(buffer, placed, known, machine))
        choice = next(choices[-1], None)
        tries -= 1
        if choice is not None:
            placed[buffer.key] = choice
            continue
        deepest = max(deepest, len(placed))
        choices.pop()
        if not placed or tries < 0:
            raise NoPlaceError(buffers[deepest])
        placed.popitem()
    return placed


def too_many(buffers: Sequence[Buffer], machine: Machine) -> bool:
    """Whether buffers that are needed at once have more words than there are.

    Then no place need be tried. One that lies where another did counts as nothing.
    """
    room = machine.groups * machine.depth
    own = [buffer for buffer in buffers if buffer.replaces is None]
    return any(
        sum(other.words for other in own if other.first <= buffer.first <= other.last) > room
        for buffer in own
    )


def _choices(
    buffer: Buffer, placed: Mapping[Key, Spot], known: Mapping[Key, Buffer], machine: Machine
) -> Iterator[Spot]:
    """Places that a buffer can have beside those that are placed, the best first."""
    forbidden = {placed[other][0] for other in buffer.apart if other in placed}
    replaced = buffer.replaces
    if replaced is not None and placed[replaced][0] not in forbidden:
        yield placed[replaced]
    crowded = [placed[other][0] for other in buffer.shuns if other in placed]
    taken: dict[int, list[Spot]] = {group: [] for group in range(machine.groups)}
    for other, (group, base) in placed.items():
        if known[other].last >= buffer.first:
            taken[group].append((base, base + known[other].words))
    found = []
    for group in set(taken) - forbidden:
        base = 0
        for first, end in sorted(taken[group]):
            if first - base >= buffer.words:
                break
            base = max(base, end)
        if base + buffer.words <= machine.depth:
            found.append((crowded.count(group), len(taken[group]), group, base))
    yield from ((group, base) for *_, group, base in sorted(found))
