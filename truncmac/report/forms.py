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
from .document import Document
from .page import page
from .tables import energy_tables, folding_cells, shape_cells, terminal_cells
from .text import about, remarks, title

__all__ = ["FORMATS", "terminal_tables"]

WORDS = ("layer", "bound", "core")  # columns that are none of numbers


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
    """For the terminal: totals, where the cycles go, each layer, energies, and remarks."""
    cells, lines = terminal_cells(document), remarks(document)
    tables = [
        new_table(titles, rows, words=WORDS, title=heading, collapse_padding=True)
        for heading, titles, rows in cells
    ]
    return [*tables, *lines]


FORMATS: Mapping[str, Callable[[Document], str]] = {
    "html": page,
    "json": as_json,
    "md": as_markdown,
    "csv": as_csv,
    "table": as_table,
}
