"""Operations that repeat, band after band, so that what repeats is counted once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .actions import Action

__all__ = ["Block", "blocks_of"]

LONGEST = 24  # operations of a block


@dataclass(frozen=True)
class Block:
    """Operations that come several times, one after the other, with other addresses only."""

    actions: range
    times: int


def blocks_of(actions: Sequence[Action]) -> Iterator[Block]:
    """All actions in order, by their numbers; those of a block are those of its first time."""
    kinds = [_kind(action) for action in actions]
    known: dict[object, int] = {}
    numbers = [known.setdefault(kind, len(known)) for kind in kinds]
    begin = 0
    while begin < len(numbers):
        length, times = max(
            ((size, _times(numbers, begin, size)) for size in range(1, LONGEST + 1)),
            key=lambda found: (found[0] * found[1] if found[1] > 1 else 1, -found[0]),
        )
        length = length if times > 1 else 1
        yield Block(range(begin, begin + length), times)
        begin += length * times


def _times(numbers: Sequence[int], begin: int, size: int) -> int:
    """How often the next `size` numbers come, one time after the other."""
    first, times = numbers[begin : begin + size], 1
    while numbers[begin + times * size : begin + (times + 1) * size] == first:
        times += 1
    return times


def _kind(action: Action) -> object:
    """What an operation's cycles depend on."""
    places = [
        (name, place.tile_x, place.phase_x, place.phase_y)
        for name, place in sorted(action.places.items())
    ]
    step = replace(action.step, name="", layer=None)
    name = None if action.step.layer is None else action.step.name
    flags = action.values.get("wait", 0), action.values.get("beside", 0)
    return step, name, tuple(places), flags
