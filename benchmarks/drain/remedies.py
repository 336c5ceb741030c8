"""The ways to drain that are compared: what each is made of, and what of it is built."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from truncmac.hw.config import ArrayConfig

from .parts import Parts
from .ways import Way

__all__ = ["SERIAL_CYCLES", "Remedy", "remedies"]

AS_BUILT = "a row at once"
PAIRS = "two rows at once"
SERIAL_CYCLES = (2, 4)  # of a word in a serial requantiser


@dataclass(frozen=True)
class Remedy:
    """One way to drain.

    Attributes
    ----------
    name : what it is
    units : number of its output units
    config : the core that it starts from
    way : how it drains
    area : um2 of the core with it, from the areas of parts
    built : whether the core can be configured so; then its area is that of one netlist
    """

    name: str
    units: str
    config: ArrayConfig
    way: Way
    area: Callable[[Parts], float]
    built: bool = False


def remedies(array: ArrayConfig, counts: tuple[int, ...]) -> list[Remedy]:
    """Ways for an array with each of `counts` requantisers, or one for each column."""
    cores = {count: replace(array, requantisers=count) for count in counts}
    full = replace(array, requantisers=array.cols)
    return [
        *(
            Remedy(AS_BUILT, f"{count}", core, Way.of(core), lambda p: p.core, built=True)
            for count, core in cores.items()
        ),
        *(
            Remedy(
                PAIRS,
                f"2 x {count}",
                core,
                Way(core.share, rows_at_once=2),
                lambda p: p.core + _second_row(p),
            )
            for count, core in cores.items()
            if count < array.cols
        ),
        _built_pairs(array),
        *(
            Remedy(
                "queue of a tile",
                f"{count}",
                core,
                Way(core.share, queue=array.rows),
                lambda p: p.core + p.queue(array.rows),
            )
            for count, core in cores.items()
        ),
        *(_serial(full, cycles) for cycles in SERIAL_CYCLES),
        *(
            Remedy(
                "two copies of the sums",
                f"{count}",
                core,
                Way(core.share, copies=2),
                lambda p: p.core + p.copy,
            )
            for count, core in cores.items()
        ),
    ]


def _built_pairs(array: ArrayConfig) -> Remedy:
    core = replace(array, requantisers=2 * array.cols)
    return Remedy(PAIRS, f"2 x {array.cols}", core, Way.of(core), lambda p: p.core, built=True)


def _second_row(parts: Parts) -> float:
    """An edge and buffers more; the units of a column share its parameters, which are there."""
    return parts.edge + parts.buffers - parts.config.requantisers * parts.memory


def _serial(core: ArrayConfig, cycles: int) -> Remedy:
    def area(parts: Parts) -> float:
        change = parts.serial(cycles) - parts.requantiser
        return parts.core + core.requantisers * change + parts.queue(core.rows)

    name = f"queue of a tile, units of {cycles} cycles"
    return Remedy(name, f"{core.requantisers}", core, Way(cycles, queue=core.rows), area)
