"""A k for each layer: the best accuracy for what it costs.

Each layer's sensitivity is measured by itself: how much the loss grows when it alone is truncated.
The sums of these growths rank all choices; which are best for their cost is found exactly. The
best ones are then measured as they are, and only what was measured is reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from truncmac.golden import (
    Network,
    Recalibration,
    accuracy,
    execute,
    layer_bits,
    shapes,
    with_layer_bits,
)

__all__ = ["Allocation", "Choices", "Evaluator", "Point", "Score", "allocate", "best_choices"]

Bits = Mapping[str, int]
Cost = Callable[[str, int], float]
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.integer]
Indices = npt.NDArray[np.intp]

IMAGES_AT_ONCE = 256  # bounds the memory
TEMPERATURES = 2.0 ** np.linspace(-4, 6, 41)
MOST_CHOICES = 1 << 20


@dataclass(frozen=True)
class Score:
    """What a network made of the images.

    Attributes
    ----------
    accuracy : share of images whose class is right
    loss : mean cross-entropy, in nats, at the temperature where it is least
    """

    accuracy: float
    loss: float


@dataclass(frozen=True)
class Point:
    """One choice of bit-widths.

    Attributes
    ----------
    bits : k by layer name, of each layer that has none of its own
    cost : of the whole network
    growth : sum of the layers' sensitivities: what the loss should grow by, at most a guess
    score : as measured
    """

    bits: Bits
    cost: float
    growth: float
    score: Score | None = None

    @property
    def uniform(self) -> int | None:
        """The k of all layers, if they share one."""
        widths = set(self.bits.values())
        return widths.pop() if len(widths) == 1 else None


@dataclass(frozen=True)
class Allocation:
    """What `allocate` found.

    Attributes
    ----------
    points : all that were measured, cheapest first
    sensitivities : Score by layer name and k, that layer alone at k, all others at the largest
    """

    points: Sequence[Point]
    sensitivities: Mapping[str, Mapping[int, Score]]

    @property
    def front(self) -> list[Point]:
        """Points that no cheaper one matches in measured accuracy, cheapest first."""
        found: list[Point] = []
        for point in self.points:
            if not found or _accuracy(point) > _accuracy(found[-1]):
                found.append(point)
        return found

    def best(self, budget: float) -> Point:
        """The most accurate point that costs at most `budget`.

        Raises
        ------
        ValueError
            If every point costs more: tells what the cheapest costs.
        """
        cheapest = self.points[0].cost
        if budget < cheapest:
            raise ValueError(f"Budget must be at least {cheapest:,.0f}, not {budget:,.0f}")
        return [point for point in self.front if point.cost <= budget][-1]


@dataclass
class Evaluator:
    """Measures choices of bit-widths on images; nothing is measured twice.

    Attributes
    ----------
    network : exported for several bit-widths
    images, labels : uint8 codes (B, C, H, W) and integers (B,), to measure on
    recalibration : moves the biases of mixed networks, or None: they stay
    """

    network: Network
    images: Images
    labels: Labels
    recalibration: Recalibration | None = None
    _scores: dict[tuple[tuple[str, int], ...], Score] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count, classes = len(self.images), int(np.prod(_output(self.network)))
        labels = self.labels
        if count == 0 or labels.shape != (count,):
            raise ValueError(f"Labels must be one for each of {count} images, not {labels.shape}")
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"Labels must be in 0..{classes - 1}, not {labels.min()}..{labels.max()}"
            )

    def at(self, bits: Bits) -> Network:
        """The network of fixed bit-widths that is measured for `bits`.

        Where all layers share one k it is the network at that k, whose layers with a k of their
        own have parameters for it too.
        """
        widths = set(bits.values())
        if len(widths) == 1:
            return with_layer_bits(self.network, widths.pop())
        if self.recalibration is not None:
            return self.recalibration.at(bits)
        return with_layer_bits(self.network, bits)

    def score(self, bits: Bits) -> Score:
        """Measure `bits`."""
        key = tuple(sorted(bits.items()))
        if key not in self._scores:
            network = self.at(bits)
            logits = np.concatenate(
                [
                    execute(network, self.images[start : start + IMAGES_AT_ONCE], k).logits
                    for k in network.bit_widths
                    for start in range(0, len(self.images), IMAGES_AT_ONCE)
                ]
            )
            self._scores[key] = Score(accuracy(logits, self.labels), _loss(logits, self.labels))
        return self._scores[key]


def allocate(
    evaluator: Evaluator,
    cost: Cost,
    *,
    widths: Sequence[int],
    points: int = 24,
    budgets: Sequence[float] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Allocation:
    """Choose a k for each layer of the evaluator's network that has none of its own.

    Parameters
    ----------
    cost : of a layer, by name, at a k; those of the layers add up
    widths : k to choose from, the largest being what layers are truncated from
    points : choices to measure, spread over the range of costs; those of one k come on top
    budgets : costs for which the choice that should be best is measured too
    on_progress : called with the measurements done, and how many there are

    Raises
    ------
    ValueError
        If no layer can be chosen for, or the network has no parameters for one of `widths`.
    """
    network = evaluator.network
    layers = [layer.name for layer in network.products if layer.bits is None]
    if not layers:
        raise ValueError(f"Network {network.name!r} must have a layer without a k of its own")
    for k in widths:
        layer_bits(network, k)  # raises where there are no parameters
    fixed = sum(cost(layer.name, layer.bits) for layer in network.products if layer.bits)
    total = len(layers) * (len(widths) - 1) + 1 + points + len(budgets) + len(widths)
    done = 0

    def score(bits: Bits) -> Score:
        nonlocal done
        result = evaluator.score(bits)
        done += 1
        on_progress(done, total)
        return result

    full = dict.fromkeys(layers, max(widths))
    sensitivities = {
        name: {k: score(full | {name: k}) for k in widths if k != full[name]} for name in layers
    }
    least = score(full)
    growths = {
        name: {k: scores[k].loss - least.loss if k in scores else 0.0 for k in widths}
        for name, scores in sensitivities.items()
    }
    choices = best_choices(growths, cost, fixed)
    chosen = choices.spread(points) + [choices.within(budget) for budget in budgets]
    chosen += [_point(dict.fromkeys(layers, k), growths, cost, fixed) for k in widths]
    unique = {tuple(point.bits.items()): point for point in chosen}.values()
    measured = [replace(point, score=score(point.bits)) for point in unique]
    on_progress(total, total)
    ranked = sorted(measured, key=lambda p: (p.cost, -_accuracy(p), p.growth, *p.bits.values()))
    return Allocation(ranked, {name: dict(scores) for name, scores in sensitivities.items()})


@dataclass(frozen=True, eq=False)
class Choices:
    """Every choice that no other beats in cost and summed growth, cheapest first.

    Attributes
    ----------
    costs, growths : float64 arrays (n,); costs rise, growths fall
    steps : by layer, the widths to choose from, and for each partial choice the index (m,) of
        the one that it continues, and of its width
    """

    costs: npt.NDArray[np.float64]
    growths: npt.NDArray[np.float64]
    steps: Mapping[str, tuple[Sequence[int], Indices, Indices]]

    def point(self, index: int) -> Point:
        """The choice `index`, followed back from the last layer."""
        bits, step = {}, index
        for name in reversed(list(self.steps)):
            widths, parents, picks = self.steps[name]
            bits[name] = widths[picks[step]]
            step = int(parents[step])
        ordered = {name: bits[name] for name in self.steps}
        return Point(ordered, float(self.costs[index]), float(self.growths[index]))

    def within(self, budget: float) -> Point:
        """The best choice for the budget; or the cheapest of all, if that is dearer."""
        return self.point(max(int(np.searchsorted(self.costs, budget, side="right")) - 1, 0))

    def spread(self, count: int) -> list[Point]:
        """The best choices for `count` budgets, evenly from the cheapest to the dearest."""
        return [self.within(cost) for cost in np.linspace(self.costs[0], self.costs[-1], count)]


def best_choices(
    growths: Mapping[str, Mapping[int, float]], cost: Cost, fixed: float = 0.0
) -> Choices:
    """The best choices of a k for each layer, exactly.

    Layers are added one by one. A partial choice that costs no less than another and grows no
    less is dropped: whatever the layers to come, it cannot be among the best.

    Parameters
    ----------
    growths : of the loss, by layer name and k
    fixed : cost that comes on top

    Raises
    ------
    ValueError
        If a cost is negative or not finite.
    RuntimeError
        If there are more than a million, for costs that hardly ever agree.
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


def _point(
    bits: Bits, growths: Mapping[str, Mapping[int, float]], cost: Cost, fixed: float
) -> Point:
    price = fixed + sum(cost(name, k) for name, k in bits.items())
    return Point(bits, float(price), sum(growths[name][k] for name, k in bits.items()))


def _output(network: Network) -> tuple[int, ...]:
    return shapes(network)[network.layers[-1].name]


def _accuracy(point: Point) -> float:
    assert point.score is not None  # noqa: S101 (all points were measured)
    return point.score.accuracy


def _loss(logits: npt.NDArray[np.int64], labels: Labels) -> float:
    """Mean cross-entropy at the best of many temperatures, for logits have no unit."""
    values = logits.reshape(len(logits), -1).astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    values /= max(float(values.std()), 1.0)
    right = values[np.arange(len(values)), labels]
    losses = [
        float(np.mean(np.log(np.exp(t * values).sum(axis=1)) - t * right)) for t in TEMPERATURES
    ]
    return min(losses)
