"""The points that are counted at once: arrays' sizes, products, counters, and where a job starts.

Each is a set of NumPy arrays that broadcast against each other, one element a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm
from truncmac.golden.types import Integers
from truncmac.hw.config import ArrayConfig
from truncmac.hw.requantiser import parameters_layout
from truncmac.integers import ceil_div

__all__ = ["LONG_AGO", "CounterValues", "Products", "Sizes", "Start"]

LONG_AGO = -(1 << 40)  # cycles: before anything that matters to a job


@dataclass(frozen=True)
class Sizes:
    """Sizes of hardware arrays: int64 arrays that broadcast with the points."""

    rows: Integers
    cols: Integers
    lanes: Integers
    planes: Integers
    departures: Integers  # times that rows of a tile leave the array
    share: Integers
    depth: Integers  # clusters from top to bottom
    passage: Integers  # cycles that a row of sums takes to pass the output units
    parameter_bytes: Integers  # bytes of a column's requantisation parameters

    @classmethod
    def of(cls, configs: ArrayConfig | Sequence[ArrayConfig]) -> "Sizes":
        """Return the sizes of one array (shape ()) or of several (shape (n,))."""
        if isinstance(configs, ArrayConfig):
            return cls(*map(np.array, _sizes(configs)))
        return cls(*map(np.array, zip(*map(_sizes, configs), strict=True)))

    @property
    def weight_bytes(self) -> Integers:
        """Bytes of a word of weights, which holds a chunk of each lane of each column."""
        return ceil_div(self.cols * self.lanes * self.planes, 8)

    @property
    def interval(self) -> Integers:
        """The fewest cycles between the ends of two tiles."""
        return self.departures * self.share


@lru_cache(maxsize=1 << 16)  # an exploration meets the same arrays again, with other memories
def _sizes(config: ArrayConfig) -> tuple[int, ...]:
    parameters = ceil_div(parameters_layout(config).size, 8)
    timing = config.departures, config.share, config.depth, config.passage
    return config.rows, config.cols, config.lanes, config.planes, *timing, parameters


@dataclass(frozen=True)
class Products:
    """Matrix products of M x K by K x N at k bits, as arrays that broadcast with the sizes.

    Attributes
    ----------
    rows, reduction, columns : int64, M, K and N
    bits : int64, k
    fresh : bool, whether outputs are requantised, so that each column tile takes a set of
        parameters
    """

    rows: Integers
    reduction: Integers
    columns: Integers
    bits: Integers
    fresh: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, gemms: Sequence[Gemm]) -> "Products":
        """Return the products of `gemms`, as arrays (n,)."""
        names = ("rows", "reduction", "columns", "bits")
        sizes = {name: np.array([getattr(gemm, name) for gemm in gemms]) for name in names}
        return cls(**sizes, fresh=np.array([gemm.requant is not None for gemm in gemms]))


@dataclass(frozen=True)
class CounterValues:
    """Values of the core's counters, int64 arrays; `hw.counters.COUNTERS` says what each counts."""

    cycles: Integers
    busy: Integers
    chunks: Integers
    beats: Integers
    tiles: Integers
    stalled_activations: Integers
    stalled_weights: Integers
    stalled_parameters: Integers
    stalled_drain: Integers
    stalled_output: Integers

    def arrays(self) -> dict[str, Integers]:
        """Return the counters by name, all broadcast to one shape."""
        values = (getattr(self, field.name) for field in fields(self))
        names = (field.name for field in fields(self))
        return dict(zip(names, np.broadcast_arrays(*values), strict=True))

    def rows(self) -> list[dict[str, int]]:
        """Return the counters of each point by name; the points must have shape (n,)."""
        columns = {name: array.tolist() for name, array in self.arrays().items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@dataclass(frozen=True)
class Start:
    """State left by the job before. Times are cycles relative to this job's first active cycle.

    Attributes
    ----------
    end : when the last tile's last chunk entered the array
    beat : when that tile's last activations entered
    loaded : when the last parameter of the sets loaded so far came
    freed : from when on there is room for another set of parameters
    unused : whether no set of parameters has been claimed yet
    """

    end: Integers
    beat: Integers
    loaded: Integers
    freed: Integers
    unused: npt.NDArray[np.bool_]

    @classmethod
    def at_reset(cls, parameters: npt.ArrayLike = 1) -> "Start":
        """The first tile is taken in the first cycle after reset; all streams are ready then."""
        before = np.array(LONG_AGO)
        return cls(before, before, -1 - np.asarray(parameters), before, np.array(True))

    @classmethod
    def warm(cls) -> "Start":
        """Another job ran before, and this job's first set of parameters is loaded already."""
        before = np.array(LONG_AGO)
        return cls(before, before, before, before, np.array(False))
