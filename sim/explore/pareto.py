"""Pareto fronts: of many points at once, and kept up to date as points come."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Reals

__all__ = ["Front", "best", "dominated"]

AT_ONCE = 1 << 20  # comparisons: bounds the memory


def dominated(values: Reals, by: Reals) -> npt.NDArray[np.bool_]:
    """Which of `values` (n, d) are nowhere less than some one of `by` (m, d), and not equal to it.

    Less is better in every column.
    """
    found = np.zeros(len(values), bool)
    step = max(AT_ONCE // max(by.size, 1), 1)
    for start in range(0, len(values), step):
        part = values[start : start + step, None, :]
        beaten = (by <= part).all(axis=-1) & (by < part).any(axis=-1)
        found[start : start + step] = beaten.any(axis=-1)
    return found


def best(values: Reals) -> npt.NDArray[np.intp]:
    """Indices of the points of `values` (n, d) that none dominates, in lexicographic order.

    Of equal points the first one stands for all.
    """
    order = np.lexsort(values.T[::-1])
    points = values[order]
    fresh = np.ones(len(points), bool)
    fresh[1:] = (points[1:] != points[:-1]).any(axis=1)
    order, points = order[fresh], points[fresh]
    # A point is only dominated by one before it in this order
    place = 0
    while place < len(points):
        kept = (points < points[place]).any(axis=1)
        kept[: place + 1] = True
        order, points = order[kept], points[kept]
        place += 1
    return order


class Front:
    """The best of all points so far, whatever the order in which they come.

    Of points with equal objectives the one with the least number stays.

    Parameters
    ----------
    objectives : columns and +1, the less the better, or -1, the more
    """

    def __init__(self, objectives: Mapping[str, int]) -> None:
        self.objectives = objectives
        self.values: Reals = np.zeros((0, len(objectives)))
        self.rows: dict[str, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.values)

    def costs(self, rows: Mapping[str, npt.NDArray[Any]]) -> Reals:
        """The objectives of rows, (n, d), the less the better."""
        columns = [np.asarray(rows[name], float) * sign for name, sign in self.objectives.items()]
        return np.stack(columns, axis=1)

    def add(self, rows: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take rows, arrays by column: the objectives, and `point`, their number."""
        values = self.costs(rows)
        first = np.argsort(rows["point"], kind="stable")
        chosen = first[best(values[first])]
        chosen = chosen[~dominated(values[chosen], self.values)]
        if not len(chosen):
            return
        stays = ~dominated(self.values, values[chosen])
        old = {name: column[stays] for name, column in self.rows.items()}
        new = {name: np.asarray(column)[chosen] for name, column in rows.items()}
        merged = {
            name: np.concatenate([old[name], new[name]]) if old else new[name] for name in new
        }
        values = np.concatenate([self.values[stays], values[chosen]])
        order = self._sorted_once(values, merged["point"])
        self.values = values[order]
        self.rows = {name: column[order] for name, column in merged.items()}

    def _sorted_once(self, values: Reals, points: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Order by the objectives; of equal points only that with the least number."""
        order = np.lexsort((points, *values.T[::-1]))
        fresh = np.ones(len(order), bool)
        fresh[1:] = (values[order][1:] != values[order][:-1]).any(axis=1)
        return order[fresh]
