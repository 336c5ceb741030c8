"""Changes to a recipe, which are chosen on held-out training images and judged on test images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from truncmac.golden.types import Reals

from .checkpoint import new_model
from .images import Split, hold_out
from .layers import bit_widths
from .processes import Processes
from .recipes import Recipe
from .results import Results
from .training import Trainer, accuracy_at, calibrate

__all__ = ["BASELINE", "HELD_OUT", "TRIALS", "Trials"]

HELD_OUT = 0.2  # share of the training images
TOLERANCE = 0.005  # share of images that a change may cost at a bit-width other than the lowest
JUDGED = 1000  # first seed of the runs that are judged, so that none of them led to the choice
BASELINE = "none"

# What each change sets in the recipe; none changes the cost of inference
TRIALS: Mapping[str, Mapping[str, Any]] = {
    BASELINE: {},
    "centred": {"centred": True},
    "labels": {"teacher": "labels"},
    "every width": {"widths": tuple(range(8, 0, -1))},
    "half the rate": {"learning_rate": 2e-3},
    "1 bit only": {"widths": (1,)},
}


@dataclass(frozen=True)
class Trials:
    """Runs of one network and data set under changed recipes.

    Attributes
    ----------
    network : a name in `NETWORKS`
    split : all images; only `judge` looks at the test images
    recipe : what is changed
    results : takes each finished run; a run that it has already is not run again
    changes : the changes to try, by name; `BASELINE` is one of them
    processes : this process and the others; None: this one alone
    on_epoch : called with a run's name, its seed, and how many of its epochs are done
    """

    network: str
    split: Split
    recipe: Recipe
    results: Results
    changes: Mapping[str, Mapping[str, Any]]
    processes: Processes | None = None
    on_epoch: Callable[[str, int, int], None] = lambda name, seed, epoch: None

    def try_out(self, seeds: Sequence[int]) -> None:
        """Train with each change on a part of the training images, and measure on the rest.

        The seed also chooses the images that are held out, which are the same for every change.
        """
        for seed in seeds:
            part = hold_out(self.split, HELD_OUT, seed)
            for name in self.changes:
                self._run(name, name, seed, part)

    def judge(self, name: str, seeds: Sequence[int], kind: str = "calibrated") -> Reals:
        """Train with a change on all training images, and measure on the test images.

        Returns
        -------
        shares as of `shares`; the runs have seeds of their own
        """
        own = [JUDGED + seed for seed in seeds]
        for seed in own:
            self._run(_judged(name), name, seed, self.split)
        return self.shares(_judged(name), own, kind)

    def shares(self, name: str, seeds: Sequence[int], kind: str = "calibrated") -> Reals:
        """The shares of images that are classified right, real (seeds, recipe.widths).

        Parameters
        ----------
        kind : "trained", with the batch-norm statistics of training; or "calibrated"
        """
        return np.array([self.results.runs[name, seed][kind] for seed in seeds])

    def best(self, seeds: Sequence[int]) -> str:
        """The change that is best at the lowest bit-width, in the mean over the seeds.

        Changes that lose more than `TOLERANCE` at another bit-width are left out.
        """
        lowest = self.recipe.widths.index(min(self.recipe.widths))
        others = [i for i in range(len(self.recipe.widths)) if i != lowest]
        means = {name: self.shares(name, seeds).mean(axis=0) for name in self.changes}
        floor = means[BASELINE][others] - TOLERANCE
        able = {name: mean for name, mean in means.items() if (mean[others] >= floor).all()}
        return max(able, key=lambda name: float(able[name][lowest]))

    def _run(self, name: str, change: str, seed: int, split: Split) -> None:
        """Train on `split` and measure on its test images, unless the results have the run."""
        recipe = replace(self.recipe, seed=seed, **self.changes[change])
        if (name, seed) in self.results.runs:
            self.on_epoch(name, seed, recipe.epochs)
            return
        model = new_model(self.network, split.shape, recipe)
        trainer = Trainer(model, split, recipe, self.processes)
        for _ in range(recipe.epochs):
            trainer.train_epoch()
            self.on_epoch(name, seed, trainer.epoch)
        widths = self.recipe.widths
        calibrate(model, sorted(set(widths) - set(bit_widths(model))), split.train)
        found = {"trained": [accuracy_at(model, split.test, bits) for bits in widths]}
        calibrate(model, widths, split.train)
        found["calibrated"] = [accuracy_at(model, split.test, bits) for bits in widths]
        self.results.add(name, seed, found)


def _judged(name: str) -> str:
    return f"{name}, judged"
