import csv
import io
import re

import pytest

from truncmac.report.columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of
from truncmac.report.document import as_dictionary
from truncmac.report.forms import FORMATS
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.workloads.shapes import LayerShape, Workload

HOSTILE = "[bold]<script>alert(1)</script>|$x^{2$ &amp; \u2603"


def test_the_csv_parses_back_to_the_same_numbers(document):
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](document))))
    for scope, key in (("layer", "layers"), ("total", "totals")):
        mine = [line for line in lines if line["scope"] == scope]
        for line, row in zip(mine, document[key], strict=True):
            for name, value in row.items():
                text = line[name]
                assert text == "" if value is None else type(value)(text) == value, name


def test_the_markdown_parses_back_to_the_same_numbers(document):
    text = FORMATS["md"](document)
    for heading, columns, rows in (
        ("Totals", TOTAL_COLUMNS, document["totals"]),
        ("Layers", LAYER_COLUMNS, document["layers"]),
    ):
        part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0].strip().split("\n")
        cells = [
            [cell.strip().replace("\\", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in part
        ]
        shown = columns_of(columns, rows)
        assert cells[0] == [column.title for column in shown]
        for line, row in zip(cells[2:], rows, strict=True):
            for cell, column in zip(line, shown, strict=True):
                if not column.form:
                    assert cell == row[column.key]
                    continue
                percent = cell.endswith("%")
                number = float(cell.replace(",", "").rstrip("%")) / (100 if percent else 1)
                digits = len(cell.rstrip("%").partition(".")[2]) + 2 * percent
                shown_value = row[column.key] / column.unit
                assert number == pytest.approx(shown_value, abs=0.51 * 10.0**-digits)


def test_names_stay_text_in_every_form(run):
    layers = (LayerShape(HOSTILE, 9, 8, 7), LayerShape("plain", 9, 7, 7))
    found = as_dictionary(analyse(Workload(HOSTILE, layers), PLATFORMS["edge"], [8]))
    page = FORMATS["html"](found)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 2
    markdown = FORMATS["md"](found)
    assert "<script>" not in markdown.replace("\\<", "")
    layers_part = markdown.split("\n## Layers\n")[1].split("\n## ")[0]
    (row,) = (line for line in layers_part.split("\n") if "alert" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == len(columns_of(LAYER_COLUMNS, found["layers"])) + 1
    assert HOSTILE[:20] in FORMATS["table"](found)
