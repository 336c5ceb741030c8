"""The report of an exploration: one HTML page that needs no network."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.sim.extras import extra_needed

__all__ = ["page", "plot_library"]

TEMPLATE = Path(__file__).with_name("page.html")
MOST_LINES = 200  # of the table of the front


def page(found: Mapping[str, Any], sample: Mapping[str, npt.NDArray[Any]]) -> str:
    """The page.

    Parameters
    ----------
    found : what is in front.json
    sample : feasible entries to show beside the fronts, with their commands
    """
    data = {
        "found": {key: value for key, value in found.items() if key != "front"},
        "front": _columns(found["front"]),
        "sample": {name: _plain(column) for name, column in sample.items()},
    }
    parts = {
        "summary": _summary(found),
        "table": _table(found["front"]),
        "library": plot_library(),
        # A script element obeys "</", "<!--" and "<script" wherever they stand in it
        "data": json.dumps(data).replace("<", "\\u003c"),
    }
    text = TEMPLATE.read_text()
    for name, part in parts.items():
        text = text.replace(f"<!--{name}-->", part, 1)
    return text


def plot_library() -> str:
    """The plots' JavaScript.

    Raises
    ------
    RuntimeError
        If the package that has it is missing.
    """
    with extra_needed("Exploring", "explore"):
        from plotly.offline import get_plotlyjs
    return str(get_plotlyjs())


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _plain(column: npt.NDArray[Any]) -> list[Any]:
    if column.dtype.kind != "f":
        return column.tolist()
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in column.tolist()]


def _summary(found: Mapping[str, Any]) -> str:
    spec = found["spec"]
    varied = {name: values for name, values in spec["space"].items() if len(values) > 1}
    entries = {
        "Workloads": ", ".join(spec["workloads"]),
        "Bit-widths": ", ".join(map(str, spec["bits"])),
        "Objectives": ", ".join(spec["objectives"]),
        "Constraints": ", ".join(
            f"{name} {json.dumps(bound)}" for name, bound in spec["constraints"].items()
        )
        or "none",
        "Space": f"{found['space']:,} designs of "
        + ", ".join(f"{name} ({len(values)})" for name, values in varied.items()),
        "Evaluated": f"{found['designs']:,} designs, {found['rows']:,} entries, "
        f"{found['feasible']:,} meet the constraints ({found['method']}, seed {spec['seed']})",
        "Notes": " ".join(found["notes"]),
        "Figures": found["figures"] or "",
        "Versions": ", ".join(f"{name} {number}" for name, number in found["versions"].items()),
        "Spec": found["digest"],
    }
    return "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in entries.items() if text
    )


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "<p>No design meets the constraints.</p>"
    hidden = {"fits", "feasible"}
    names = [name for name in rows[0] if name not in hidden]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(row[name]))}</td>" for name in names) + "</tr>"
        for row in rows[:MOST_LINES]
    )
    more = f"<p>{MOST_LINES} of {len(rows)}; all are in front.csv.</p>"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return table + (more if len(rows) > MOST_LINES else "")


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
