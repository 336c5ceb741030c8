"""Pareto fronts of an exploration: one for each group of entries that compete."""

from collections.abc import Iterator, Mapping

import numpy as np

from .pareto import Front
from .spec import COLUMNS, Spec
from .tables import Table

__all__ = ["Fronts", "Group", "split_groups", "worst_of_designs"]

Group = tuple[str, int]  # workload and k; "" stands for all workloads, 0 for all k


class Fronts:
    """A Pareto front for each group of entries, see `Spec.front`.

    Attributes
    ----------
    groups : Front by group
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.objectives = {name: COLUMNS[name] for name in spec.objectives}
        self.groups: dict[Group, Front] = {}

    def add(self, table: Table) -> None:
        """Take all entries of some designs."""
        for group, part in split_groups(self.spec, table):
            front = self.groups.setdefault(group, Front(self.objectives))
            kept = part["feasible"]
            front.add({name: column[kept] for name, column in part.items()})

    def merge(self, other: "Fronts") -> None:
        """Take the fronts of other designs."""
        for group, front in other.groups.items():
            own = self.groups.setdefault(group, Front(self.objectives))
            if len(front):
                own.add(front.table)

    @property
    def table(self) -> Table:
        """All fronts, one after the other; each is sorted by its objectives, the best first."""
        parts = [front.table for front in self.groups.values() if len(front)]
        if not parts:
            return {}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def split_groups(spec: Spec, table: Table) -> Iterator[tuple[Group, Table]]:
    """Split all entries of some designs into the groups that compete, see `Spec.front`."""
    if spec.front == "worst":
        yield ("", 0), worst_of_designs(table, {name: COLUMNS[name] for name in spec.objectives})
        return
    if spec.front == "all":
        yield ("", 0), table
        return
    workloads = table["workload"]
    for workload in dict.fromkeys(workloads.tolist()):
        own = workloads == workload
        widths = dict.fromkeys(table["bits"][own].tolist()) if spec.front == "each" else [0]
        for k in widths:
            some = own & (table["bits"] == k) if k else own
            yield (workload, k), {name: column[some] for name, column in table.items()}


def worst_of_designs(table: Table, objectives: Mapping[str, int]) -> Table:
    """One entry for each design: its worst value of each objective, over all its entries.

    It is feasible, and fits, if all entries of the design are and do. The other columns are
    those of the design's entry that is worst in the first objective.

    Parameters
    ----------
    table : all entries of some designs, those of a design one after the other
    objectives : +1 or -1 by column, see `COLUMNS`
    """
    if not len(table["point"]):
        return table
    _, first, counts = np.unique(table["point"], return_index=True, return_counts=True)
    each = int(counts[0])  # all designs have as many entries
    order = (np.sort(first)[:, None] + np.arange(each)).astype(np.intp)
    lead = next(iter(objectives))
    place = np.argmax(np.nan_to_num(table[lead][order] * objectives[lead], nan=np.inf), axis=1)
    chosen = order[np.arange(len(order)), place]
    result = {name: column[chosen] for name, column in table.items()}
    for name, sign in objectives.items():
        result[name] = sign * (sign * table[name][order]).max(axis=1)
    for name in ("feasible", "fits"):
        result[name] = table[name][order].all(axis=1)
    return result
