"""Tables of an exploration for the terminal: its fronts, and one point."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from truncmac.sim.explore.spec import Spec
from truncmac.terminal import new_table

from .document import SIZES, Rows, records

__all__ = ["front_table", "point_table"]

MOST_LINES = 40  # of a front on screen


def front_table(spec: Spec, workload: str, k: int, rows: Rows) -> Table:
    """A line for each design of a front; no workload and k = 0 stand for all of them."""
    whole = "worst of all workloads" if spec.front == "worst" else "all workloads"
    varied = [name for name, values in spec.space.items() if len(values) > 1]
    names = dict.fromkeys(
        [
            "point",
            *(["workload"] if not workload else []),
            *SIZES,
            *varied,
            *(["bits"] if not k else []),
            *spec.objectives,
            *spec.constraints,
        ]
    )
    table = new_table(
        names, title=f"Pareto front of {workload or whole}{f' at k = {k}' if k else ''}"
    )
    if not rows:
        table.caption = "No design meets the constraints"
        return table
    for row in records({name: rows[name][:MOST_LINES] for name in names}):
        table.add_row(*map(_text, row.values()))
    count = len(rows["point"])
    if count > MOST_LINES:
        table.caption = f"{MOST_LINES} of {count}; all are in front.csv"
    return table


def point_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each workload and k of a point."""
    names = ("workload", "bits", "cycles", "latency_ms", "images_per_s", "utilisation")
    rows = ([_text(row[name]) for name in names] for row in found)
    return new_table(names, rows, title=f"Point {found[0]['point']}")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
