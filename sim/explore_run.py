"""Runs an exploration: chunks that are not there yet are evaluated and kept, fronts kept up."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .exploration import (
    Chunk,
    Cluster,
    Fronts,
    Result,
    chunks_of,
    evaluate,
    workers_worth,
)
from .explore_files import ExplorationFolder

__all__ = ["Executor", "Exploration", "Sample", "executor", "explore"]

Rows = dict[str, npt.NDArray[Any]]
Executor = Callable[[Iterable[Chunk]], Iterator[Result]]
SAMPLE = 4000  # rows of a plot beside its fronts


class Sample:
    """A uniform sample of feasible rows, the same whatever the order in which they come.

    Each row has a fixed pseudo-random number; those with the least ones are the sample.
    """

    def __init__(self, seed: int, size: int = SAMPLE) -> None:
        self.seed, self.size = np.uint64(seed), size
        self.keys = np.zeros(0, np.uint64)
        self.rows: Rows = {}

    def add(self, rows: Rows) -> None:
        """Take the rows of whole designs."""
        keys = self._keys(rows)[rows["feasible"]]
        new = {name: column[rows["feasible"]] for name, column in rows.items()}
        if self.rows:
            keys = np.concatenate([self.keys, keys])
            new = {name: np.concatenate([self.rows[name], new[name]]) for name in new}
        least = np.argsort(keys, kind="stable")[: self.size]
        self.keys, self.rows = keys[least], {name: column[least] for name, column in new.items()}

    def _keys(self, rows: Rows) -> npt.NDArray[np.uint64]:
        """Mixed by splitmix64 (Steele et al., 2014) of seed, point, and place in the design."""
        count = len(rows["point"])
        first = np.r_[True, rows["point"][1:] != rows["point"][:-1]] if count else np.zeros(0, bool)
        starts = np.maximum.accumulate(np.where(first, np.arange(count), 0))
        place = (np.arange(count) - starts).astype(np.uint64)
        with np.errstate(over="ignore"):
            x = rows["point"].astype(np.uint64) * np.uint64(1 << 10) + place
            x = (x + self.seed) * np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


@dataclass
class Exploration:
    """What was found.

    Attributes
    ----------
    designs, rows, feasible : how many were evaluated, and of the rows, how many may be built
    reused : chunks that were there already
    """

    fronts: Fronts
    sample: Sample
    designs: int = 0
    rows: int = 0
    feasible: int = 0
    reused: int = 0
    chunks: int = field(default=0)

    def add(self, result: Result) -> None:
        """Take a chunk."""
        self.fronts.add(result.rows)
        self.sample.add(result.rows)
        self.designs += len(np.unique(result.rows["point"]))
        self.rows += len(result.rows["point"])
        self.feasible += int(result.rows["feasible"].sum())
        self.chunks += 1


@contextmanager
def executor(
    folder: ExplorationFolder, scheduler: str | None, workers: int | None, cores: int
) -> Iterator[Executor]:
    """Evaluate on the cluster of `scheduler`, on `workers` processes, or in this one.

    Parameters
    ----------
    workers : 0: this process; None: one for each of `cores`, if that pays
    """
    evaluator = folder.evaluator
    if workers is None:
        workers = cores if cores > 1 and workers_worth(evaluator) else 0
    if scheduler is None and workers == 0:
        yield lambda chunks: evaluate(evaluator, chunks)
        return
    with Cluster.connect(scheduler, workers) as cluster:
        yield lambda chunks: cluster.evaluate(evaluator, chunks)


def explore(
    folder: ExplorationFolder,
    run: Executor,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exploration:
    """Evaluate every design of the space.

    Parameters
    ----------
    folder : begun
    on_progress : called with the designs done, and how many there are
    """
    spec = folder.evaluator.spec
    found = Exploration(Fronts(spec), Sample(spec.seed))
    done, total = 0, len(spec.designs)

    def take(result: Result) -> None:
        nonlocal done
        found.add(result)
        done += len(result.chunk.points)
        on_progress(done, total)

    def missing() -> Iterator[Chunk]:
        for index, points in enumerate(chunks_of(folder.evaluator)):
            chunk = Chunk(index, points)
            kept = folder.finished(chunk)
            if kept is None:
                yield chunk
            else:
                found.reused += 1
                take(kept)

    for result in run(missing()):
        folder.write(result)
        take(result)
    return found
