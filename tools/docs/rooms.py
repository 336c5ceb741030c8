"""The tables of CONTRIBUTING: folders in the order of their imports, and the rooms of tests."""

import ast

from tests.layout.test_imports import ORDER
from tests.layout.test_places import WHOLE

from .run import ROOT

__all__ = ["room_table", "whole_rooms"]


def room_table():
    """A row for each folder of sources, lowest first, with the first sentence that it says."""
    lines = ["| floor | folder | what lives there |", "|---|---|---|"]
    for floor, rooms in enumerate(ORDER, 1):
        lines += [f"| {floor} | `{room}/` | {_purpose(room)} |" for room in rooms]
    return "\n".join(lines) + "\n"


def _purpose(room):
    """First sentence of the docstring of a folder's `__init__`."""
    text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
    first = text.split("\n\n")[0].replace("\n", " ")
    return first.split(". ")[0].rstrip(".").replace("|", "\\|")


def whole_rooms():
    """A row for each room of tests of the whole."""
    lines = ["| tests of the whole | of what |", "|---|---|"]
    lines += [f"| `tests/{room}/` | {what} |" for room, what in WHOLE.items()]
    return "\n".join(lines) + "\n"
