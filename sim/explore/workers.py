"""Evaluates chunks of designs in this process or on a Dask cluster."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from truncmac.sim.jobs import DaskCluster

from .chunks import Chunk
from .evaluation import Evaluator
from .found import Exploration
from .tables import parquet_bytes

__all__ = ["Result", "evaluate", "evaluate_chunk", "evaluate_on", "workers_worth"]

WORTH_WORKERS_S = 60.0  # work of one core; with less, two workers were slower than none


@dataclass(frozen=True)
class Result:
    """What became of a chunk.

    Attributes
    ----------
    table : its table, as the content of a Parquet file
    found : what is found in it
    """

    chunk: Chunk
    table: bytes
    found: Exploration


def evaluate(evaluator: Evaluator, chunks: Iterable[Chunk]) -> Iterator[Result]:
    """Evaluate chunks in this process, in order."""
    for chunk in chunks:
        yield evaluate_chunk(evaluator, chunk)


def evaluate_on(
    cluster: DaskCluster, evaluator: Evaluator, chunks: Iterable[Chunk]
) -> Iterator[Result]:
    """Evaluate chunks on a cluster; results come in the order in which they are done."""
    return cluster.map(partial(evaluate_chunk, evaluator), chunks)


def evaluate_chunk(evaluator: Evaluator, chunk: Chunk) -> Result:
    """Evaluate a chunk, and sum up what is in it, so that little has to travel and to be merged."""
    table = evaluator.evaluate(chunk.array)
    return Result(chunk, parquet_bytes(table), Exploration.of(evaluator.spec, table))


def workers_worth(evaluator: Evaluator) -> bool:
    """Whether workers save more time than their start takes."""
    return evaluator.expected_s > WORTH_WORKERS_S
