"""The table of the TruncQuant paper: training with and without truncation in mind.

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


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a network is trained, and how its weights are quantised when it is deployed.

    Attributes
    ----------
    name : as tables and plots call it
    trained, deployed : how weights are quantised, see `Scheme`
    calibrated : the batch-norm statistics of all bit-widths are taken anew for deployment
    """

    name: str
    trained: Scheme
    deployed: Scheme
    calibrated: bool = False


SCENARIOS = (
    Scenario(name="Quant -> Quant", trained="dorefa", deployed="dorefa"),
    Scenario(name="Quant -> Trunc", trained="dorefa", deployed="dorefa_truncated"),
    Scenario(
        name="Quant -> Trunc, calibrated",
        trained="dorefa",
        deployed="dorefa_truncated",
        calibrated=True,
    ),
    Scenario(name="TruncQuant -> Trunc", trained="truncquant", deployed="truncquant"),
)


@dataclass(frozen=True)
class Study:
    """Accuracies, in 0..1, by the scenario's name: real (seeds, 8), a column for each k in 1..8.

    `trained` are the bit-widths that were trained.
    """

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
    """Train a network with both schemes and each seed, and deploy it in every scenario.

    Bit-widths that were not trained get calibrated batch-norm statistics, with the scheme of
    training.

    Parameters
    ----------
    network : a name in `NETWORKS`
    results : takes each finished run, under its scheme's name; a run that it has already is not
        run again
    processes : this process and the others; None: this one alone
    on_epoch : called with the scheme, the seed, and how many epochs are done
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
    """The accuracies at k = 1..8 in each scenario that is trained with this scheme."""
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
    """Draw accuracy against k, with bars for the deviation over the seeds."""
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
