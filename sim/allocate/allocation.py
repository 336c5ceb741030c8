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
from truncmac.golden.types import Codes, Labels

from .choices import Bits, Cost, Point, Score, best_choices

__all__ = ["Allocation", "Evaluator", "allocate"]


IMAGES_AT_ONCE = 64  # bounds the memory
TEMPERATURES = 2.0 ** np.linspace(-4, 6, 41)


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
        _check_budget(budget, self.points[0].cost)
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
    images: Codes
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
            (k,) = network.bit_widths
            starts = range(0, len(self.images), IMAGES_AT_ONCE)
            parts = [self.images[start : start + IMAGES_AT_ONCE] for start in starts]
            logits = np.concatenate([execute(network, part, k).logits for part in parts])
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
        If no layer can be chosen for, the network has no parameters for one of `widths`, or a
        budget is less than what the cheapest choice costs.
    """
    network = evaluator.network
    layers = [layer.name for layer in network.products if layer.bits is None]
    if not layers:
        raise ValueError(f"Network {network.name!r} must have a layer without a k of its own")
    for k in widths:
        layer_bits(network, k)  # raises where there are no parameters
    fixed = sum(cost(layer.name, layer.bits) for layer in network.products if layer.bits)
    cheapest = fixed + sum(min(cost(name, k) for k in widths) for name in layers)
    for budget in budgets:
        _check_budget(budget, cheapest)
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


def _point(
    bits: Bits, growths: Mapping[str, Mapping[int, float]], cost: Cost, fixed: float
) -> Point:
    price = fixed + sum(cost(name, k) for name, k in bits.items())
    return Point(bits, float(price), sum(growths[name][k] for name, k in bits.items()))


def _check_budget(budget: float, cheapest: float) -> None:
    if budget < cheapest:
        raise ValueError(f"Budget must be at least {cheapest:,.0f}, not {budget:,.0f}")


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
