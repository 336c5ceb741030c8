"""Gives each map its words of a group while it is needed.

An operation's input is in another group than what it writes and adds, so that no bank is read and
written, or read twice, for one beat. What is added may lie where the result goes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from truncmac.golden import Machine, MapPlace

from .layouts import Layout
from .steps import Step, Steps

__all__ = ["place_maps"]

MOST_TRIES = 20_000  # places that are tried before a network is refused


@dataclass(frozen=True)
class _Life:
    """Steps, by number, in which a map is written and last read, and its words of a bank."""

    first: int
    last: int
    words: int


def place_maps(
    steps: Steps, layouts: Mapping[str, Layout], machine: Machine
) -> dict[str, MapPlace]:
    """Where each map lies, by name.

    Raises
    ------
    ValueError
        If the maps that are needed at once do not fit: names a step, with the words that its maps
        need and those that there are.
    """
    lives = _lives(steps, layouts, machine)
    apart = _apart(steps)
    in_place = _in_place(steps, layouts, lives)
    names = list(steps.maps)
    placed: dict[str, tuple[int, int]] = {}  # group and base
    choices: list[Iterator[tuple[int, int]]] = []
    tries = deepest = 0
    while len(placed) < len(names):
        name = names[len(placed)]
        if len(choices) == len(placed):
            choices.append(_choices(name, placed, lives, apart, in_place, machine))
        choice = next(choices[-1], None)
        tries += 1
        if choice is not None:
            placed[name] = choice
            continue
        deepest = max(deepest, len(placed))
        choices.pop()
        if not placed or tries > MOST_TRIES:
            raise ValueError(_refusal(steps, names[deepest], lives, machine))
        placed.popitem()
    return {
        name: MapPlace.packed(
            steps.maps[name],
            machine,
            group=group,
            base=base,
            tile_x=layouts[name].tile_x,
            phases=layouts[name].phases,
        )
        for name, (group, base) in placed.items()
    }


def _lives(steps: Steps, layouts: Mapping[str, Layout], machine: Machine) -> dict[str, _Life]:
    first, last = {}, {}
    for number, step in enumerate(steps.steps):
        if step.target is not None:
            first[step.target] = last[step.target] = number
        for name in step.reads:
            last[name] = number
    return {
        name: _Life(first[name], last[name], _words(shape, layouts[name], machine))
        for name, shape in steps.maps.items()
    }


def _words(shape: tuple[int, ...], layout: Layout, machine: Machine) -> int:
    place = MapPlace.packed(
        shape, machine, group=0, base=0, tile_x=layout.tile_x, phases=layout.phases
    )
    return place.words(shape, machine)


def _apart(steps: Steps) -> dict[str, set[str]]:
    """For each map, the maps that must be in other groups."""
    apart: dict[str, set[str]] = {name: set() for name in steps.maps}
    for step in steps.steps:
        for other in (step.target, step.residual):
            if step.source is not None and other is not None and other != step.source:
                apart[step.source].add(other)
                apart[other].add(step.source)
    return apart


def _in_place(
    steps: Steps, layouts: Mapping[str, Layout], lives: Mapping[str, _Life]
) -> dict[str, str]:
    """For each map the residual that it may replace: it has the same layout and no later reader."""
    return {
        step.target: step.residual
        for number, step in enumerate(steps.steps)
        if step.target is not None
        and step.residual is not None
        and lives[step.residual].last == number
        and layouts[step.residual] == layouts[step.target]
    }


def _choices(
    name: str,
    placed: Mapping[str, tuple[int, int]],
    lives: Mapping[str, _Life],
    apart: Mapping[str, set[str]],
    in_place: Mapping[str, str],
    machine: Machine,
) -> Iterator[tuple[int, int]]:
    """Groups and bases that a map can have beside those that are placed, the best first."""
    life, replaced = lives[name], in_place.get(name)
    forbidden = {placed[other][0] for other in apart[name] if other in placed}
    if replaced is not None and placed[replaced][0] not in forbidden:
        yield placed[replaced]
    found = []
    for group in set(range(machine.groups)) - forbidden:
        taken = sorted(
            (base, base + lives[other].words)
            for other, (where, base) in placed.items()
            if where == group and lives[other].last >= life.first
        )
        base = 0
        for first, end in taken:
            if first - base >= life.words:
                break
            base = max(base, end)
        if base + life.words <= machine.depth:
            found.append((len(taken), group, base))
    yield from ((group, base) for _, group, base in sorted(found))


def _refusal(steps: Steps, name: str, lives: Mapping[str, _Life], machine: Machine) -> str:
    step: Step = next(step for step in steps.steps if step.target == name)
    maps = {name: lives[name].words for name in (*step.reads, name)}
    needs = ", ".join(f"{words} for {other!r}" for other, words in maps.items())
    return (
        f"Layer {step.name!r} does not fit the activation memory of {machine.groups} groups of "
        f"{machine.depth} words: its maps need {needs}, beside those that later layers read. "
        "Build the NPU with a larger --depth or more --groups"
    )
