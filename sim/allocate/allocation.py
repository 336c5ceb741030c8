"""Finds a k for each layer: the best accuracy for what it costs.

The sensitivity of each layer is measured alone: how much the loss grows when only this layer is
truncated. The sums of these growths rank all choices, and the choices that are best for their cost
are found exactly. The best ones are then measured themselves; only measurements are reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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

from .choices import Bits, Cost, MeasuredPoint, Point, Score, best_choices

__all__ = ["Allocation", "Scorer", "find_allocation"]


IMAGES_AT_ONCE = 64  # which bounds the memory
TEMPERATURES = 2.0 ** np.linspace(-4, 6, 41)


@dataclass(frozen=True)
class Allocation:
    """What `find_allocation` found.

    Attributes
    ----------
    points : all choices that were measured, the cheapest first
    sensitivities : Score by layer name and k: this layer alone at k, all others at the largest k
    """

    points: Sequence[MeasuredPoint]
    sensitivities: Mapping[str, Mapping[int, Score]]

    @property
    def front(self) -> list[MeasuredPoint]:
        """The choices that are more accurate than all cheaper ones, the cheapest first."""
        found: list[MeasuredPoint] = []
        for point in self.points:
            if not found or point.score.accuracy > found[-1].score.accuracy:
                found.append(point)
        return found

    def best(self, budget: float) -> MeasuredPoint:
        """The most accurate choice that costs at most `budget`.

        Raises
        ------
        ValueError
            If every choice costs more: tells what the cheapest costs.
        """
        _check_budget(budget, self.points[0].cost)
        return [point for point in self.front if point.cost <= budget][-1]


@dataclass
class Scorer:
    """Measures choices of bit-widths on images; no choice is measured twice.

    Attributes
    ----------
    network : a network that was exported for several bit-widths
    images, labels : what is measured on: uint8 codes (B, C, H, W) and integers (B,)
    recalibration : moves the biases of networks of several k; None: the biases stay
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

        Where all layers share one k, it is the network at that k; its layers with a k of their own
        have parameters for it too.
        """
        widths = set(bits.values())
        if len(widths) == 1:
            return with_layer_bits(self.network, widths.pop())
        if self.recalibration is not None:
            return self.recalibration.at(bits)
        return with_layer_bits(self.network, bits)

    def score(self, bits: Bits) -> Score:
        """Accuracy and loss at `bits`, measured once."""
        key = tuple(sorted(bits.items()))
        if key not in self._scores:
            network = self.at(bits)
            (k,) = network.bit_widths
            starts = range(0, len(self.images), IMAGES_AT_ONCE)
            parts = [self.images[start : start + IMAGES_AT_ONCE] for start in starts]
            logits = np.concatenate([execute(network, part, k).logits for part in parts])
            self._scores[key] = Score(accuracy(logits, self.labels), _loss(logits, self.labels))
        return self._scores[key]


def find_allocation(
    scorer: Scorer,
    cost: Cost,
    *,
    widths: Sequence[int],
    points: int = 24,
    budgets: Sequence[float] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Allocation:
    """Choose a k for each layer of the scorer's network that has none of its own.

    Parameters
    ----------
    cost : cost of a layer, by its name, at a k; the costs of all layers add up
    widths : the k to choose from; the largest is the one that layers are truncated from
    points : number of choices to measure, spread over the range of costs; the choices of one k for
        all layers are measured besides
    budgets : costs for each of which the choice that should be best is measured too
    on_progress : called with the number of measurements that are done, and that of all

    Raises
    ------
    ValueError
        If every layer has a k of its own, the network has no parameters for one of `widths`, or a
        budget is less than what the cheapest choice costs.
    """
    layers = _free_layers(scorer.network, widths)
    products = scorer.network.products
    fixed = sum(cost(layer.name, layer.bits) for layer in products if layer.bits)
    cheapest = fixed + sum(min(cost(name, k) for k in widths) for name in layers)
    for budget in budgets:
        _check_budget(budget, cheapest)
    total = len(layers) * (len(widths) - 1) + 1 + points + len(budgets) + len(widths)
    done = 0

    def score(bits: Bits) -> Score:
        nonlocal done
        result = scorer.score(bits)
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
    chosen += [_uniform_point(k, growths, cost, fixed) for k in widths]
    unique = {tuple(point.bits.items()): point for point in chosen}.values()
    measured = [MeasuredPoint(p.bits, p.cost, p.growth, score(p.bits)) for p in unique]
    on_progress(total, total)
    ranked = sorted(measured, key=lambda p: (p.cost, -p.score.accuracy, p.growth, *p.bits.values()))
    return Allocation(ranked, sensitivities)


def _free_layers(network: Network, widths: Sequence[int]) -> list[str]:
    """Names of the layers that have no k of their own."""
    layers = [layer.name for layer in network.products if layer.bits is None]
    if not layers:
        raise ValueError(f"Network {network.name!r} must have a layer without a k of its own")
    for k in widths:
        layer_bits(network, k)  # raises where there are no parameters
    return layers


def _uniform_point(
    k: int, growths: Mapping[str, Mapping[int, float]], cost: Cost, fixed: float
) -> Point:
    """The choice of one k for all layers."""
    price = fixed + sum(cost(name, k) for name in growths)
    growth = sum(of_layer[k] for of_layer in growths.values())
    return Point(dict.fromkeys(growths, k), float(price), growth)


def _check_budget(budget: float, cheapest: float) -> None:
    if budget < cheapest:
        raise ValueError(f"Budget must be at least {cheapest:,.0f}, not {budget:,.0f}")


def _output(network: Network) -> tuple[int, ...]:
    return shapes(network)[network.layers[-1].name]


def _loss(logits: npt.NDArray[np.int64], labels: Labels) -> float:
    """Mean cross-entropy in nats at the best of many temperatures, because logits have no unit."""
    values = logits.reshape(len(logits), -1).astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    values /= max(float(values.std()), 1.0)
    right = values[np.arange(len(values)), labels]
    losses = [
        float(np.mean(np.log(np.exp(t * values).sum(axis=1)) - t * right)) for t in TEMPERATURES
    ]
    return min(losses)
