"""Explores a space in chunks: evaluated here or on a cluster, kept as they come, never twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from .cost_figures import Figures, known_figures
from .evaluation import Evaluator
from .explore_loads import loads_of
from .explore_spec import COLUMNS, NEEDS_FIGURES, Spec
from .pareto import Front

__all__ = [
    "Chunk",
    "Cluster",
    "Fronts",
    "Result",
    "chunks_of",
    "evaluate",
    "evaluator_of",
    "group_rows",
    "missing_package",
    "workers_worth",
]

Integers = npt.NDArray[np.int64]
Rows = dict[str, npt.NDArray[Any]]
CHUNKS = 64  # about so many, for progress and for equal shares
LEAST_ROWS, MOST_ROWS = 1 << 10, 1 << 17  # of a chunk: worth its file; bounds the memory
AHEAD = 3  # chunks that each worker has before it
LAYERS_PER_S = 300_000  # of one core, about: only chooses whether workers are started
CONNECT_S = 10  # to a scheduler
WORTH_WORKERS_S = 60.0  # of one core; below, two workers were slower than none


def evaluator_of(
    spec: Spec,
    figures: Figures | None = None,
    on_progress: Callable[[str], None] = lambda what: None,
) -> Evaluator:
    """What evaluates the designs of `spec`.

    Parameters
    ----------
    figures : of energy and area; by default those that the package has

    Raises
    ------
    ValueError
        If a workload cannot be had, or a column needs figures that there are not.
    """
    figures = figures or known_figures()
    missing = sorted(spec.columns & set(NEEDS_FIGURES))
    if missing and figures is None:
        raise ValueError(
            f"{missing[0]} needs figures of energy and area, which this version does not have. "
            "Use pes, peak_macs, buffer_kib or dram_bytes in its place"
        )
    loads = loads_of(spec, on_progress)
    longest = max(int(load.layers.reduction.max()) for load in loads)
    return Evaluator(spec, loads, longest, figures)


@dataclass(frozen=True)
class Chunk:
    """Designs that are evaluated together: a range of the space, or some points of it."""

    index: int
    points: Integers | range

    @property
    def array(self) -> Integers:
        """Numbers of the designs."""
        return np.array(self.points, np.int64)


def chunks_of(evaluator: Evaluator) -> list[range]:
    """The whole space, cut into ranges of designs: always the same for a spec."""
    count, each = len(evaluator.spec.designs), evaluator.rows_of_design
    least, most = (max(rows // each, 1) for rows in (LEAST_ROWS, MOST_ROWS))
    size = int(np.clip(-(-count // CHUNKS), least, most))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


class Fronts:
    """A Pareto front for each group of rows: a workload and k, a workload, or all.

    Attributes
    ----------
    groups : Front by (workload, k), with 0 for every k and "" for every workload
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.objectives = {name: COLUMNS[name] for name in spec.objectives}
        self.groups: dict[tuple[str, int], Front] = {}

    def add(self, rows: Rows) -> None:
        """Take the rows of whole designs."""
        for key, part in group_rows(self.spec, rows):
            front = self.groups.setdefault(key, Front(self.objectives))
            kept = part["feasible"]
            front.add({name: column[kept] for name, column in part.items()})

    @property
    def rows(self) -> Rows:
        """All fronts, one after the other, each by its objectives, the best of the first first."""
        parts = [front.rows for front in self.groups.values() if len(front)]
        if not parts:
            return {}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def group_rows(spec: Spec, rows: Rows) -> Iterator[tuple[tuple[str, int], Rows]]:
    """Rows of whole designs by what they compete in, see `Fronts`."""
    if spec.front == "worst":
        yield ("", 0), worst(rows, {name: COLUMNS[name] for name in spec.objectives})
        return
    workloads = rows["workload"]
    for workload in dict.fromkeys(workloads.tolist()):
        own = workloads == workload
        widths = dict.fromkeys(rows["bits"][own].tolist()) if spec.front == "each" else [0]
        for k in widths:
            some = own & (rows["bits"] == k) if k else own
            yield (workload, k), {name: column[some] for name, column in rows.items()}


def worst(rows: Rows, objectives: Mapping[str, int]) -> Rows:
    """A row for each design: of each objective the worst of all its rows, all feasible or none.

    Other columns are those of the design's row that is worst in the first objective.
    """
    if not len(rows["point"]):
        return rows
    _, first, counts = np.unique(rows["point"], return_index=True, return_counts=True)
    each = int(counts[0])  # rows of a design lie together, all designs have as many
    order = (np.sort(first)[:, None] + np.arange(each)).astype(np.intp)
    lead = next(iter(objectives))
    place = np.argmax(np.nan_to_num(rows[lead][order] * objectives[lead], nan=np.inf), axis=1)
    chosen = order[np.arange(len(order)), place]
    result = {name: column[chosen] for name, column in rows.items()}
    for name, sign in objectives.items():
        result[name] = sign * (sign * rows[name][order]).max(axis=1)
    for name in ("feasible", "fits"):
        result[name] = rows[name][order].all(axis=1)
    return result


@dataclass(frozen=True)
class Result:
    """What became of a chunk.

    Attributes
    ----------
    rows : of all its designs
    """

    chunk: Chunk
    rows: Rows


def evaluate(evaluator: Evaluator, chunks: Iterable[Chunk]) -> Iterator[Result]:
    """Evaluate chunks in this process, in order."""
    for chunk in chunks:
        yield Result(chunk, evaluator.rows(chunk.array))


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
            return self.client.submit(_rows, evaluator, chunk, pure=False, retries=2)

        started = [submit(chunk) for chunk in islice(waiting, self.workers * AHEAD)]
        done = as_completed(started)
        for future in done:
            result: Result = future.result()
            future.release()
            for chunk in waiting:
                done.add(submit(chunk))
                break
            yield result


def _rows(evaluator: Evaluator, chunk: Chunk) -> Result:
    return Result(chunk, evaluator.rows(chunk.array))


def missing_package(error: ModuleNotFoundError) -> RuntimeError:
    """A message that says what to install."""
    return RuntimeError(
        f"Exploring needs the package {error.name}. Install it with: pip install "
        "'truncmac[explore]'"
    )
