"""Runs an exploration: evaluates and keeps the chunks that are not there yet, and merges all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from truncmac.sim.jobs import DaskCluster

from .chunks import Chunk, chunks_of
from .folder import ExplorationFolder
from .found import Exploration
from .workers import Result, evaluate, evaluate_on, workers_worth

__all__ = ["Executor", "executor", "explore_all"]

Executor = Callable[[Iterable[Chunk]], Iterator[Result]]


@contextmanager
def executor(
    folder: ExplorationFolder, scheduler: str | None, workers: int | None, cores: int
) -> Iterator[Executor]:
    """Evaluate on the cluster of `scheduler`, on `workers` processes, or in this process.

    Parameters
    ----------
    scheduler : address of a Dask scheduler, or None
    workers : number of processes; 0: this process; None: one for each of `cores`, if that pays
    """
    evaluator = folder.evaluator
    if workers is None:
        workers = cores if cores > 1 and workers_worth(evaluator) else 0
    if scheduler is None and workers == 0:
        yield lambda chunks: evaluate(evaluator, chunks)
        return
    with DaskCluster.connect(scheduler, workers) as cluster:
        yield lambda chunks: evaluate_on(cluster, evaluator, chunks)


def explore_all(
    folder: ExplorationFolder,
    run: Executor,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exploration:
    """Evaluate every design of the space.

    Parameters
    ----------
    folder : where chunks are kept; it was begun
    run : evaluates chunks, see `executor`
    on_progress : called with the number of designs that are done, and that of all
    """
    spec = folder.evaluator.spec
    found = Exploration.of(spec)
    done, total = 0, len(spec.design_space)

    def take(chunk: Chunk, more: Exploration) -> None:
        nonlocal done
        found.merge(more)
        done += len(chunk.points)
        on_progress(done, total)

    def missing() -> Iterator[Chunk]:
        for index, points in enumerate(chunks_of(folder.evaluator)):
            chunk = Chunk(index, points)
            kept = folder.finished(chunk)
            if kept is None:
                yield chunk
            else:
                found.reused += 1
                take(chunk, Exploration.of(spec, kept))

    for result in run(missing()):
        folder.write(result)
        take(result.chunk, result.found)
    return found
