"""The forms in which a report is written: a page, JSON, Markdown, CSV or the terminal's tables."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table

from truncmac.golden.text import csv_safe, visible
from truncmac.terminal import Terminal, new_table

from .columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of
from .page import page
from .tables import energy_tables, folding_cells, shape_cells
from .text import about, remarks, title

__all__ = ["FORMATS", "terminal_tables"]

Document = Mapping[str, Any]
WORDS = ("layer", "bound", "core")  # columns that are none of numbers
TERMINAL_TOTALS = {
    "k": "k",
    "cycles": "cycles",
    "utilisation": "used",
    "macs_per_s": "GMAC/s",
    "images_per_s": "images/s",
    "speedup": "speed-up",
    "possible_speedup": "possible",
    "dram_bytes": "DRAM kB",
    "energy_pj": "uJ",
}


def as_json(document: Document) -> str:
    """The figures as JSON."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def as_csv(document: Document) -> str:
    """A line for each layer and each k, then one for the total of each k: whole figures."""
    text = io.StringIO()
    keys = list(dict.fromkeys(["scope", *document["layers"][0], *document["totals"][0]]))
    writer = csv.DictWriter(text, keys, lineterminator="\n")
    writer.writeheader()
    for scope, rows in (("layer", document["layers"]), ("total", document["totals"])):
        writer.writerows({"scope": scope} | _safe(row) for row in rows)
    return text.getvalue()


def _safe(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: csv_safe(cell) if isinstance(cell, str) else cell for key, cell in row.items()}


def as_markdown(document: Document) -> str:
    """Tables as people read them."""
    parts = [f"# {_escaped(title(document))}", "\n".join(f"- {line}" for line in about(document))]
    for heading, columns, rows in (
        ("Totals", TOTAL_COLUMNS, document["totals"]),
        ("Layers", LAYER_COLUMNS, document["layers"]),
    ):
        shown = columns_of(columns, rows)
        cells = [[column.show(row) for column in shown] for row in rows]
        parts += [f"## {heading}", _markdown([c.title for c in shown], cells)]
    for heading, titles, rows in energy_tables(document):
        parts += [f"## {_escaped(heading)}", _markdown(titles, rows)]
    parts += ["## Beside others", *remarks(document)]
    parts += [_markdown(*shape_cells(document))]
    if document["folding"]:
        parts += ["## Images on idle rows", _markdown(*folding_cells(document))]
    return "\n\n".join(parts) + "\n"


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _escaped(text: str) -> str:
    """A line of Markdown that shows as it is."""
    return re.sub(r"([|\\`*_<&\[])", r"\\\1", visible(" ".join(text.split())))


def as_table(document: Document) -> str:
    """The terminal's tables as plain text."""
    text = io.StringIO()
    plain = Terminal(file=text, width=Terminal().width)
    plain.print(*terminal_tables(document), sep="\n")
    return text.getvalue()


def terminal_tables(document: Document) -> list[Table | str]:
    """For the terminal: totals, where the cycles go, and each layer's cycles."""
    totals = document["totals"]
    columns = [c for c in columns_of(TOTAL_COLUMNS, totals) if c.key in TERMINAL_TOTALS]
    cells = [[column.show(row) for column in columns] for row in totals]
    shown = [_table([TERMINAL_TOTALS[c.key] for c in columns], cells, title(document))]
    lost = [c for c in TOTAL_COLUMNS if c.key.startswith(("lost_", "ideal_c"))]
    cells = [
        [f"{row['k']}", *(f"{row[column.key] / row['cycles']:.1%}" for column in lost)]
        for row in totals
    ]
    shown.append(_table(["k", *(c.title for c in lost)], cells, "Where the cycles go"))
    shown.append(_layer_table(document, "cycles", ("rows", "reduction", "columns")))
    shown.append(_layer_table(document, "utilisation", ()))
    if document["folding"]:
        shown.append(_table(*folding_cells(document), "Images on idle rows: utilisation"))
    shown += [_table(titles, rows, heading) for heading, titles, rows in energy_tables(document)]
    return [*shown, *remarks(document)]


def _layer_table(document: Document, key: str, sizes: Sequence[str]) -> Table:
    """A line for each layer, with a figure of it at each k beside each other."""
    columns = {column.key: column for column in LAYER_COLUMNS}
    bits, count = document["bits"], document["workload"]["layers"]
    titles = ["layer", *(columns[size].title for size in sizes), *(f"k = {k}" for k in bits)]
    rows = []
    for index in range(count):
        at_k = document["layers"][index::count]
        cells = [columns[name].show(at_k[0]) for name in ("layer", *sizes)]
        rows.append([*cells, *(columns[key].show(row) for row in at_k)])
    return _table(titles, rows, f"Layers: {columns[key].title}")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], heading: str) -> Table:
    return new_table(titles, rows, words=WORDS, title=heading, collapse_padding=True)


FORMATS: Mapping[str, Callable[[Document], str]] = {
    "html": page,
    "json": as_json,
    "md": as_markdown,
    "csv": as_csv,
    "table": as_table,
}
