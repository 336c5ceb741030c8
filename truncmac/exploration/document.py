"""Puts what an exploration found into one document, which files, tables and the page show."""

from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.sim.explore.evaluation import Evaluator
from truncmac.sim.explore.folder import SCHEMA, ExplorationFolder, versions
from truncmac.sim.explore.found import Exploration
from truncmac.sim.explore.search import chosen_method
from truncmac.sim.explore.space import ARRAY_AXES

__all__ = ["SIZES", "Rows", "as_dictionary", "notes", "records", "with_commands"]

Rows = dict[str, npt.NDArray[Any]]
SIZES = ARRAY_AXES  # columns that say which array it is


def as_dictionary(folder: ExplorationFolder, found: Exploration) -> dict[str, Any]:
    """All that front.json holds."""
    spec = folder.evaluator.spec
    return {
        "schema": SCHEMA,
        "digest": folder.digest,
        "versions": versions(),
        "figures": _origin(folder.evaluator),
        "method": chosen_method(spec),
        "spec": spec.as_dictionary(),
        "space": len(spec.design_space),
        "max_reduction": folder.evaluator.max_reduction,
        "designs": found.designs,
        "rows": found.entries,
        "feasible": found.feasible,
        "unknown": found.unknown,
        "too_fast": found.too_fast,
        "notes": notes(folder.evaluator, found),
        "front": records(with_commands(folder.evaluator, found.fronts.table)),
    }


def _origin(evaluator: Evaluator) -> str | None:
    """The libraries from which energy and area come."""
    if evaluator.figures is None:
        return None
    shapes = evaluator.figures.shapes.values()
    names = "; ".join(sorted({model.library for model in shapes}))
    data = "; ".join(sorted({model.figures.data for model in shapes}))
    return f"{names}; the core's, without memories; measured on {data}"


def notes(evaluator: Evaluator, found: Exploration) -> list[str]:
    """Sentences on what is not known of the designs, and why some of them do not count."""
    figures, placed = evaluator.figures, evaluator.placed
    lines: list[str] = []
    if evaluator.spec.top == "npu":
        lines.append(
            "Cycles are those of the closed form, of one image from start to interrupt, and a "
            "memory that answers in the next cycle. --verify compiles designs, and counts them by "
            "the model that equals the RTL."
        )
    missing = evaluator.without_figures
    if figures is not None and missing:
        lines.append(
            f"{figures.library} has no figures of {'; '.join(missing)}: energy is unknown there. "
            "truncmac characterise makes figures."
        )
    if placed is not None:
        lines.append(
            f"{len(placed.results):,} arrays were placed and routed ({placed.folder}): what others "
            "take of an FPGA is unknown. truncmac fpga --designs places those of a front."
        )
    if found.unknown:
        lines.append(
            f"{found.unknown:,} entries do not count: they lack a value that an objective or a "
            "constraint needs."
        )
    if found.too_fast:
        lines.append(
            f"{found.too_fast:,} entries do not count: their clock_mhz is more than their fmax_mhz "
            "or fpga_mhz."
        )
    return lines


def with_commands(evaluator: Evaluator, rows: Rows) -> Rows:
    """The entries, with the command that builds each array."""
    if not rows:
        return rows
    commands = [evaluator.command(row) for row in records(rows)]
    return {**rows, "command": np.array(commands, dtype=str)}


def records(rows: Rows) -> list[dict[str, Any]]:
    """The entries one by one, as plain values; what is not a number is None."""
    columns = [
        [None if isinstance(v, float) and not np.isfinite(v) else v for v in column.tolist()]
        for column in rows.values()
    ]
    return [dict(zip(rows, values, strict=True)) for values in zip(*columns, strict=True)]
