"""Choices of a bit-width for each layer, and those that are best for what they cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bits", "Choices", "Cost", "MeasuredPoint", "Point", "Score", "best_choices"]

Bits = Mapping[str, int]
Cost = Callable[[str, int], float]
Indices = npt.NDArray[np.intp]

MOST_CHOICES = 1 << 20


@dataclass(frozen=True)
class Score:
    """How well a network classifies the images.

    Attributes
    ----------
    accuracy : share of images whose class is right
    loss : mean cross-entropy in nats, at the temperature at which it is least
    """

    accuracy: float
    loss: float


@dataclass(frozen=True)
class Point:
    """One choice of bit-widths.

    Attributes
    ----------
    bits : k by layer name, for each layer that has none of its own
    cost : cost of the whole network
    growth : sum of the layers' sensitivities, a guess of how much the loss grows
    """

    bits: Bits
    cost: float
    growth: float

    @property
    def uniform(self) -> int | None:
        """The k of all layers, if they share one; else None."""
        widths = set(self.bits.values())
        return widths.pop() if len(widths) == 1 else None


@dataclass(frozen=True)
class MeasuredPoint(Point):
    """A choice of bit-widths that was measured."""

    score: Score


@dataclass(frozen=True, eq=False)
class Choices:
    """Every choice that no other beats in cost and summed growth, the cheapest first.

    Attributes
    ----------
    costs, growths : float64 arrays (n,); costs rise, growths fall
    steps : by layer, the widths to choose from, and for each partial choice two indices (m,): that
        of the partial choice which it continues, and that of its width
    """

    costs: npt.NDArray[np.float64]
    growths: npt.NDArray[np.float64]
    steps: Mapping[str, tuple[Sequence[int], Indices, Indices]]

    def point(self, index: int) -> Point:
        """The choice number `index`, followed back from the last layer."""
        bits, step = {}, index
        for name in reversed(list(self.steps)):
            widths, parents, picks = self.steps[name]
            bits[name] = widths[picks[step]]
            step = int(parents[step])
        ordered = {name: bits[name] for name in self.steps}
        return Point(ordered, float(self.costs[index]), float(self.growths[index]))

    def within(self, budget: float) -> Point:
        """The best choice for the budget, or the cheapest of all if even that is dearer."""
        return self.point(max(int(np.searchsorted(self.costs, budget, side="right")) - 1, 0))

    def spread(self, count: int) -> list[Point]:
        """The best choices for `count` budgets, evenly spread from the cheapest to the dearest."""
        return [self.within(cost) for cost in np.linspace(self.costs[0], self.costs[-1], count)]


def best_choices(
    growths: Mapping[str, Mapping[int, float]], cost: Cost, fixed: float = 0.0
) -> Choices:
    """Find the best choices of a k for each layer, exactly.

    Layers are added one by one. A partial choice is dropped if another costs no more and grows the
    loss no more: whatever layers are still to come, it cannot be among the best.

    Parameters
    ----------
    growths : growth of the loss by layer name and k
    cost : cost of a layer, by its name, at a k
    fixed : cost that every choice has besides

    Raises
    ------
    ValueError
        If a cost is negative or not finite.
    RuntimeError
        If there are more than a million of them, as with costs that are hardly ever equal.
    """
    costs, sums = np.array([float(fixed)]), np.zeros(1)
    steps: dict[str, tuple[Sequence[int], Indices, Indices]] = {}
    for name, growth in growths.items():
        widths = list(growth)
        extra = np.array([float(cost(name, k)) for k in widths])
        if not (np.isfinite(extra).all() and (extra >= 0).all()):
            raise ValueError(f"Costs of layer {name!r} must be finite and at least 0, not {extra}")
        all_costs = (costs[:, None] + extra).ravel()
        all_sums = (sums[:, None] + list(growth.values())).ravel()
        order = np.lexsort((all_sums, all_costs))
        lowest = np.minimum.accumulate(all_sums[order])
        kept = order[np.concatenate(([True], lowest[1:] < lowest[:-1]))]
        if len(kept) > MOST_CHOICES:
            raise RuntimeError(
                f"More than {MOST_CHOICES} choices are best for their cost up to layer {name!r}: "
                "round the costs"
            )
        costs, sums = all_costs[kept], all_sums[kept]
        steps[name] = (widths, kept // len(widths), kept % len(widths))
    return Choices(costs, sums, steps)
