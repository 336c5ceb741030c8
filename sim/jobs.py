"""Runs jobs on a Dask cluster, of this machine or of many: models, place and route."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from .extras import extra_needed

__all__ = ["DaskCluster"]

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 3  # jobs that wait at each worker
CONNECT_S = 10  # seconds that a scheduler has to answer
# Dask makes glibc give freed memory back above 64 KiB, so that each array of more than 128 KiB is
# mapped anew: three quarters of the workers' time went into clearing pages. These keep the memory.
WORKER_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1),
    "MALLOC_TRIM_THRESHOLD_": 1 << 28,
    "MALLOC_MMAP_THRESHOLD_": 1 << 25,
}


@dataclass(frozen=True)
class DaskCluster:
    """A Dask cluster at work.

    Attributes
    ----------
    client : the Dask client
    workers : number of workers when it was connected
    """

    client: Any
    workers: int

    @classmethod
    @contextmanager
    def connect(cls, scheduler: str | None, workers: int) -> "Iterator[DaskCluster]":
        """Connect to the cluster of `scheduler`, or start one of `workers` processes here.

        Parameters
        ----------
        scheduler : address of a Dask scheduler, or None
        workers : number of processes on this machine, if there is no scheduler

        Raises
        ------
        RuntimeError
            If the packages are missing, or nothing answers at the address: says what to do.
        """
        with extra_needed("Running on workers", "explore"):
            from dask import config
            from distributed import Client, LocalCluster
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
                n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            yield cls(client, workers)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Apply `function` to each item; results come in the order in which they are done.

        A few items wait at each worker. What a worker had when it died is given to another.
        """
        from distributed import as_completed

        waiting = iter(items)

        def submit(item: T) -> Any:
            return self.client.submit(function, item, pure=False, retries=2)

        done = as_completed([submit(item) for item in islice(waiting, self.workers * AHEAD)])
        for future in done:
            result: R = future.result()
            future.release()
            for item in waiting:
                done.add(submit(item))
                break
            yield result
