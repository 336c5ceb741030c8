"""Searches a space that is too large to evaluate: Optuna proposes generations of designs.

A search is replayed, not stored: its sampler is seeded, so it proposes the same designs again,
and designs that were kept are not evaluated again.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from truncmac.golden.types import Reals
from truncmac.sim.extras import extra_needed

from .chunks import Chunk
from .evaluation import Evaluator
from .folder import ExplorationFolder
from .found import Exploration
from .fronts import Group, split_groups
from .run import Executor
from .spec import COLUMNS, SearchMethod, Spec
from .tables import Table, read_parquet

__all__ = ["METHOD_LIMIT", "chosen_method", "search"]

METHOD_LIMIT = 100_000  # designs; a larger space is searched unless a method is given
POPULATION = 32  # designs that are proposed for each group in a generation
STALE = 20  # generations without a new design after which the search has converged


def chosen_method(spec: Spec) -> SearchMethod:
    """The method of the spec, or the one that suits the size of its space."""
    if spec.method is not None:
        return spec.method
    small = len(spec.design_space) <= METHOD_LIMIT
    return "exhaustive" if small or spec.front == "all" else "nsga2"


def search(
    folder: ExplorationFolder,
    run: Executor,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exploration:
    """Evaluate `spec.trials` designs, which a study of each group proposes.

    A design of sizes for which there is no array counts as evaluated. All entries of a design
    count for all fronts, whichever group the design was proposed for.

    Parameters
    ----------
    folder : where chunks are kept; it was begun
    run : evaluates chunks, see `executor`
    on_progress : called with the number of designs that are done, and that of all
    """
    spec = folder.evaluator.spec
    found = Exploration.of(spec)
    known = _Known(spec)
    studies = [
        _Study(folder.evaluator, group, known, (spec.seed + index) % (1 << 32))
        for index, group in enumerate(_groups(folder.evaluator))
    ]
    most = min(spec.trials, len(spec.design_space))
    generation = stale = 0
    while len(known.points) < most and stale < STALE:
        proposed = {point for study in studies for point in study.ask()}
        new = sorted(proposed - known.points)[: most - len(known.points)]
        stale = 0 if new else stale + 1
        if new:
            table = _table(folder, run, found, Chunk(generation, np.array(new)))
            known.add(new, table)
            generation += 1
        for study in studies:
            study.tell()
        on_progress(len(known.points), most)
    return found


def _table(folder: ExplorationFolder, run: Executor, found: Exploration, chunk: Chunk) -> Table:
    """The table of a chunk, kept or evaluated; it is taken into what was found."""
    kept = folder.finished(chunk)
    if kept is not None:
        found.reused += 1
        found.merge(Exploration.of(folder.evaluator.spec, kept))
        return kept
    (result,) = run([chunk])
    folder.write(result)
    found.merge(result.found)
    return read_parquet(result.table)


class _Known:
    """What was evaluated so far.

    Attributes
    ----------
    points : numbers of the designs
    scores : objectives and violation by group, point, and k (0 where the study does not choose k)
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.points: set[int] = set()
        self.scores: dict[tuple[Group, int, int], tuple[list[float], float]] = {}

    def add(self, points: list[int], found: Table) -> None:
        """Take the table of some designs."""
        self.points.update(points)
        for group, part in split_groups(self.spec, found):
            free = part["bits"] if self.spec.front == "workload" else np.zeros(len(part["bits"]))
            values = np.stack([part[name] for name in self.spec.objectives], axis=1)
            violations = _violations(self.spec, part)
            keys = zip(part["point"].tolist(), free.astype(int).tolist(), strict=True)
            for index, (point, bits) in enumerate(keys):
                if part["fits"][index]:
                    self.scores[group, point, bits] = (
                        values[index].tolist(),
                        float(violations[index]),
                    )


def _violations(spec: Spec, table: Table) -> Reals:
    """How far entries are from keeping the constraints, relative to each bound; 0: they do."""
    total = np.where(table["feasible"], 0.0, 1e-9)  # another entry of the design may break them
    for name, bound in spec.constraints.items():
        for limit, sign in ((bound.min, 1), (bound.max, -1)):
            if np.isfinite(limit):
                total = total + np.maximum(sign * (limit - table[name]), 0) / max(abs(limit), 1e-9)
    return total


def _groups(evaluator: Evaluator) -> Iterator[Group]:
    kind = evaluator.spec.front
    if kind == "worst":
        yield "", 0
        return
    for load in evaluator.loads:
        for k in load.bits if kind == "each" else [0]:
            yield load.name, k


class _Study:
    """Proposes designs for one group: an index into the values of each axis, and a k if it is free.

    The k is free, and the study chooses it, if the front is of a workload over its k.
    """

    def __init__(self, evaluator: Evaluator, group: Group, known: _Known, seed: int) -> None:
        optuna = _optuna()
        spec = evaluator.spec
        self.group, self.known, self.space = group, known, spec.design_space
        integer = optuna.distributions.IntDistribution
        self.distributions = {
            name: integer(0, len(values) - 1) for name, values in self.space.axes.items()
        }
        self.free: tuple[int, ...] = ()
        if spec.front == "workload":
            self.free = next(load.bits for load in evaluator.loads if load.name == group[0])
            self.distributions["bits"] = integer(0, len(self.free) - 1)
        directions = ["minimize" if COLUMNS[name] > 0 else "maximize" for name in spec.objectives]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constraints are an experimental feature
            samplers = optuna.samplers
            sampler = (
                samplers.NSGAIISampler(
                    population_size=POPULATION, seed=seed, constraints_func=_constraint
                )
                if chosen_method(spec) == "nsga2"
                else samplers.TPESampler(seed=seed, constraints_func=_constraint)
            )
        self.study = optuna.create_study(directions=directions, sampler=sampler)
        self.asked: list[tuple[Any, int, int]] = []

    def ask(self) -> list[int]:
        """Numbers of the next generation's designs; some may have been proposed before."""
        self.asked = [self._ask() for _ in range(POPULATION)]
        return [point for _, point, _ in self.asked]

    def _ask(self) -> tuple[Any, int, int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self.study.ask(self.distributions)
        point = self.space.point([trial.params[name] for name in self.space.axes])
        return trial, point, self.free[trial.params["bits"]] if self.free else 0

    def tell(self) -> None:
        """Tell the study what became of its designs; those that were not evaluated failed."""
        failed = _optuna().trial.TrialState.FAIL
        for trial, point, bits in self.asked:
            score = self.known.scores.get((self.group, point, bits))
            if score is None:
                self.study.tell(trial, state=failed)
                continue
            values, violation = score
            trial.set_user_attr("violation", violation)
            self.study.tell(trial, values)


def _constraint(trial: Any) -> tuple[float]:
    attributes: Mapping[str, float] = trial.user_attrs
    return (attributes.get("violation", 1.0),)


def _optuna() -> Any:
    with extra_needed("Exploring", "explore"):
        import optuna
    optuna.logging.set_verbosity(logging.WARNING)
    return optuna
