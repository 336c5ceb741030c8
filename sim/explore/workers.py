"""Evaluates chunks of designs in this process or on a Dask cluster."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from truncmac.sim.jobs import Cluster

from .chunks import Chunk
from .evaluation import Evaluator
from .found import Exploration
from .tables import parquet_bytes

__all__ = ["Result", "evaluate", "evaluate_chunk", "evaluate_on", "workers_worth"]

LAYERS_PER_S = 300_000  # of one core, about: only chooses whether workers are started
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


def evaluate_on(
    cluster: Cluster, evaluator: Evaluator, chunks: Iterable[Chunk]
) -> Iterator[Result]:
    """Evaluate chunks on a cluster, in the order in which they get done."""
    return cluster.map(partial(evaluate_chunk, evaluator), chunks)


def evaluate_chunk(evaluator: Evaluator, chunk: Chunk) -> Result:
    """Evaluate a chunk, and sum up what is in it, so that little has to travel and to be merged."""
    rows = evaluator.rows(chunk.array)
    return Result(chunk, parquet_bytes(rows), Exploration.of(evaluator.spec, rows))


def workers_worth(evaluator: Evaluator) -> bool:
    """Whether starting workers takes less time than they save."""
    layers = sum(len(load.bits) * len(load.layers.rows) for load in evaluator.loads)
    return len(evaluator.spec.designs) * layers > WORTH_WORKERS_S * LAYERS_PER_S
