"""Pareto fronts: of many points at once, or kept up to date as points come."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers, Reals

from .tables import Table

__all__ = ["Front", "best", "dominated"]

AT_ONCE = 1 << 20  # comparisons at once, which bounds the memory


def dominated(values: Reals, by: Reals) -> npt.NDArray[np.bool_]:
    """Which points of `values` (n, d) some point of `by` (m, d) dominates.

    A point dominates another if it is nowhere greater and somewhere less: less is better.
    """
    found = np.zeros(len(values), bool)
    step = max(AT_ONCE // max(by.size, 1), 1)
    for start in range(0, len(values), step):
        part = values[start : start + step, None, :]
        beaten = (by <= part).all(axis=-1) & (by < part).any(axis=-1)
        found[start : start + step] = beaten.any(axis=-1)
    return found


def best(values: Reals) -> npt.NDArray[np.intp]:
    """Indices of the points of `values` (n, d) that no other dominates, in lexicographic order.

    Of equal points only the first is returned.
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
    """The best of all points so far, which does not depend on the order in which they come.

    Of points with equal objectives the one with the least number stays.

    Parameters
    ----------
    objectives : by column +1, less is better, or -1, more is better

    Attributes
    ----------
    values : the objectives of the points of the front, (n, d), each so that less is better
    table : all columns of the points of the front
    """

    def __init__(self, objectives: Mapping[str, int]) -> None:
        self.objectives = objectives
        self.values: Reals = np.zeros((0, len(objectives)))
        self.table: Table = {}

    def __len__(self) -> int:
        return len(self.values)

    def costs(self, table: Table) -> Reals:
        """The objectives of a table, (n, d), each so that less is better."""
        columns = [np.asarray(table[name], float) * sign for name, sign in self.objectives.items()]
        return np.stack(columns, axis=1)

    def add(self, table: Table) -> None:
        """Take a table's points: it has the objectives, and `point`, the number of each."""
        values = self.costs(table)
        first = np.argsort(table["point"], kind="stable")
        chosen = first[best(values[first])]
        chosen = chosen[~dominated(values[chosen], self.values)]
        if not len(chosen):
            return
        stays = ~dominated(self.values, values[chosen])
        old = {name: column[stays] for name, column in self.table.items()}
        new = {name: np.asarray(column)[chosen] for name, column in table.items()}
        merged = {
            name: np.concatenate([old[name], new[name]]) if old else new[name] for name in new
        }
        values = np.concatenate([self.values[stays], values[chosen]])
        order = self._sorted_once(values, merged["point"])
        self.values = values[order]
        self.table = {name: column[order] for name, column in merged.items()}

    def _sorted_once(self, values: Reals, points: Integers) -> npt.NDArray[np.intp]:
        """Indices that sort by the objectives; of equal points only that of the least number."""
        order = np.lexsort((points, *values.T[::-1]))
        fresh = np.ones(len(order), bool)
        fresh[1:] = (values[order][1:] != values[order][:-1]).any(axis=1)
        return order[fresh]
