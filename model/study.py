"""The paper's table: training with and without truncation in mind, deployed by truncation.

Source: TruncQuant, arXiv 2506.11431, its comparison on CIFAR-10.
"""

import copy
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from truncmac.golden.files import write_bytes
from truncmac.golden.types import Reals

from .checkpoint import new_model
from .images import Split
from .layers import set_scheme
from .processes import Processes
from .quantisers import Scheme
from .recipes import Recipe
from .results import Accuracies, Results, spread
from .training import Trainer, accuracy_at, calibrate

__all__ = ["SCENARIOS", "Study", "plot", "study"]

WIDTHS = tuple(range(1, 9))


@dataclass(frozen=True)
class Scenario:
    """How a network is trained, and how its weights are quantised when it is deployed.

    Attributes
    ----------
    calibrated : the batch-norm statistics of all widths are taken anew as it is deployed
    """

    name: str
    trained: Scheme
    deployed: Scheme
    calibrated: bool = False


SCENARIOS = (
    Scenario("Quant -> Quant", "dorefa", "dorefa"),
    Scenario("Quant -> Trunc", "dorefa", "dorefa_truncated"),
    Scenario("Quant -> Trunc, calibrated", "dorefa", "dorefa_truncated", calibrated=True),
    Scenario("TruncQuant -> Trunc", "truncquant", "truncquant"),
)


@dataclass(frozen=True)
class Study:
    """Accuracies by scenario's name: arrays (seeds, 8), the columns k = 1..8."""

    dataset: str
    network: str
    trained: tuple[int, ...]
    accuracies: Mapping[str, Reals]


def study(
    network: str,
    split: Split,
    recipe: Recipe,
    seeds: Sequence[int],
    results: Results,
    processes: Processes | None = None,
    on_epoch: Callable[[str, int, int], None] = lambda scheme, seed, epoch: None,
) -> Study:
    """Train the network under both schemes with each seed; deploy it under the settings.

    Widths that were not trained get calibrated batch-norm statistics, under the scheme of
    training.

    Parameters
    ----------
    results : takes each finished run, named by its scheme; runs that it has are not run again
    on_epoch : called with the scheme, the seed, and the number of epochs done
    """
    for seed in seeds:
        for scheme in dict.fromkeys(scenario.trained for scenario in SCENARIOS):
            if (scheme, seed) in results.runs:
                on_epoch(scheme, seed, recipe.epochs)
                continue
            mine = replace(recipe, seed=seed, scheme=scheme)
            trainer = Trainer(new_model(network, split.shape, mine), split, mine, processes)
            for epoch in range(mine.epochs):
                trainer.train_epoch()
                on_epoch(scheme, seed, epoch + 1)
            calibrate(trainer.model, sorted(set(WIDTHS) - set(mine.widths)), split.train)
            results.add(scheme, seed, _deployed(trainer.model, split, scheme))
    found = {
        scenario.name: np.array(
            [results.runs[scenario.trained, seed][scenario.name] for seed in seeds]
        )
        for scenario in SCENARIOS
    }
    return Study(split.name, network, tuple(sorted(recipe.widths)), found)


def _deployed(model: nn.Module, split: Split, trained: Scheme) -> Accuracies:
    """Accuracies at k = 1..8 under each scenario that is `trained` so."""
    found = {}
    for scenario in SCENARIOS:
        if scenario.trained == trained:
            mine = copy.deepcopy(model)
            set_scheme(mine, scenario.deployed)
            if scenario.calibrated:
                calibrate(mine, WIDTHS, split.train)
            found[scenario.name] = [accuracy_at(mine, split.test, bits) for bits in WIDTHS]
    return found


def plot(result: Study, path: Path) -> None:
    """Draw accuracy against k, with the deviation over the seeds as bars."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, values), marker in zip(result.accuracies.items(), "sov^", strict=True):
        mean, deviation = spread(values)
        axes.errorbar(WIDTHS, mean, deviation, label=name, marker=marker, capsize=3)
    axes.set_xlabel("k: bits of the weights")
    axes.set_ylabel("test accuracy (%)")
    axes.set_title(f"{result.network} on {result.dataset}, {len(values)} seeds")
    axes.grid(alpha=0.3)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:] or "svg")
    write_bytes(path, picture.getvalue())
