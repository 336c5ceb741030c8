"""Evaluates chunks of designs in this process or on a Dask cluster."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .evaluation import Evaluator
from .exploration import Chunk, missing_package
from .explore_found import Exploration
from .explore_tables import parquet_bytes

__all__ = ["Cluster", "Result", "evaluate", "evaluate_chunk", "workers_worth"]

AHEAD = 3  # chunks that each worker has before it
LAYERS_PER_S = 300_000  # of one core, about: only chooses whether workers are started
CONNECT_S = 10  # to a scheduler
# Dask has glibc give freed memory back above 64 KiB, and with that it maps each array of more than
# 128 KiB anew: three quarters of the workers' time went into clearing pages. These keep it.
WORKER_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1),
    "MALLOC_TRIM_THRESHOLD_": 1 << 28,
    "MALLOC_MMAP_THRESHOLD_": 1 << 25,
}
WORTH_WORKERS_S = 60.0  # of one core; below, two workers were slower than none


@dataclass(frozen=True)
class Result:
    """What became of a chunk.

    Attributes
    ----------
    table : its rows, as a Parquet file
    found : in it
    """

    chunk: Chunk
    table: bytes
    found: Exploration


def evaluate(evaluator: Evaluator, chunks: Iterable[Chunk]) -> Iterator[Result]:
    """Evaluate chunks in this process, in order."""
    for chunk in chunks:
        yield evaluate_chunk(evaluator, chunk)


def evaluate_chunk(evaluator: Evaluator, chunk: Chunk) -> Result:
    """Evaluate a chunk, and sum up what is in it, so that little has to travel and to be merged."""
    rows = evaluator.rows(chunk.array)
    return Result(chunk, parquet_bytes(rows), Exploration.of(evaluator.spec, rows))


def workers_worth(evaluator: Evaluator) -> bool:
    """Whether starting workers takes less time than they save."""
    layers = sum(len(load.bits) * len(load.layers.rows) for load in evaluator.loads)
    return len(evaluator.spec.designs) * layers > WORTH_WORKERS_S * LAYERS_PER_S


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster at work: chunks go out as workers get free, results come as they are done."""

    client: Any
    workers: int

    @classmethod
    @contextmanager
    def connect(cls, scheduler: str | None, workers: int) -> "Iterator[Cluster]":
        """That at the address `scheduler`, or one of `workers` processes on this machine.

        Raises
        ------
        RuntimeError
            If the packages are missing, or nothing answers at the address: says what to do.
        """
        try:
            from dask import config
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as error:
            raise missing_package(error) from error
        if scheduler is not None:
            try:
                client = Client(scheduler, timeout=CONNECT_S)
            except (OSError, ValueError) as error:
                raise RuntimeError(
                    f"No Dask scheduler answers at {scheduler}: {error}. Start one with: "
                    "dask scheduler, and workers with: dask worker ADDRESS"
                ) from error
            with client:
                yield cls(client, max(len(client.scheduler_info(n_workers=-1)["workers"]), 1))
            return
        with (
            config.set({"distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT}),
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield cls(client, workers)

    def evaluate(self, evaluator: Evaluator, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """Evaluate chunks, a few ahead of the workers, in the order in which they get done.

        A chunk whose worker dies is given to another.
        """
        from distributed import as_completed

        waiting = iter(chunks)

        def submit(chunk: Chunk) -> Any:
            return self.client.submit(evaluate_chunk, evaluator, chunk, pure=False, retries=2)

        started = [submit(chunk) for chunk in islice(waiting, self.workers * AHEAD)]
        done = as_completed(started)
        for future in done:
            result: Result = future.result()
            future.release()
            for chunk in waiting:
                done.add(submit(chunk))
                break
            yield result
