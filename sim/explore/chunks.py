"""The chunks of an exploration: designs that are evaluated together and kept in one file."""

from dataclasses import dataclass

import numpy as np

from truncmac.golden.types import Integers
from truncmac.integers import ceil_div

from .evaluation import Evaluator

__all__ = ["Chunk", "chunks_of"]

CHUNKS = 64  # aimed at: enough to show progress, and to share the work equally
# Bounds on a chunk: the fewest entries that are worth a file, and the most that memory allows
LEAST_ENTRIES, MOST_ENTRIES = 1 << 10, 1 << 17


@dataclass(frozen=True)
class Chunk:
    """Designs that are evaluated together.

    Attributes
    ----------
    index : number of the chunk
    points : numbers of its designs: a range of the space, or those that a search proposed
    """

    index: int
    points: Integers | range

    @property
    def array(self) -> Integers:
        """Numbers of the designs, as an array."""
        return np.array(self.points, np.int64)


def chunks_of(evaluator: Evaluator) -> list[range]:
    """The whole space, cut into ranges of designs; a spec is always cut in the same way."""
    count, each = len(evaluator.spec.design_space), evaluator.entries_per_design
    least, most = (max(entries // each, 1) for entries in (LEAST_ENTRIES, MOST_ENTRIES))
    size = int(np.clip(ceil_div(count, CHUNKS), least, most))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
