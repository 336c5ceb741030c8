"""Reads Verilator's coverage.dat: plain text, a point a line."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.coverage.names import Names

__all__ = ["KINDS", "Point", "read_points"]

KINDS = ("line", "branch", "toggle", "expr")
LINE = re.compile(r"^C '(.*)' (\d+)$")


@dataclass(frozen=True)
class Point:
    """What is to be covered.

    Attributes
    ----------
    kind : one of `KINDS`
    module : of the Verilog, generated numbers cut off
    line : of the file; 0 for toggles, which are known by name
    name : of the signal that toggles, or what the branch or expression is; see `names.Names`
    text : the line's; empty for toggles
    """

    kind: str
    module: str
    line: int
    name: str
    text: str = ""


def read_points(paths: Iterable[Path], source: Path) -> Mapping[Point, int]:
    """Counts of the points of the Verilog in `source`, over all runs and instances of a module.

    Raises
    ------
    ValueError
        If a file is no coverage file.
    """
    names = Names(source.read_text())
    points: dict[str, Point] = {}
    counts: Counter[Point] = Counter()
    for path in paths:
        lines = path.read_text().splitlines()
        if not lines or not lines[0].startswith("# SystemC::Coverage"):
            raise ValueError(f"{path} is not a coverage file of Verilator")
        for line in lines[1:]:
            found = LINE.match(line)
            if found is None:
                raise ValueError(f"{path}: not a coverage point: {line[:80]!r}")
            key = found[1]
            if key not in points:
                fields = dict(part.split("\x02", 1) for part in key.split("\x01") if part)
                if Path(fields["f"]).name != source.name:
                    continue
                points[key] = _point(fields, names)
            counts[points[key]] += int(found[2])
    return counts


def _point(fields: Mapping[str, str], names: Names) -> Point:
    kind, _, module = fields["page"].removeprefix("v_").partition("/")
    module = names.module(module)
    if kind == "toggle":
        signal, _, edge = fields["o"].rpartition(":")
        return Point(kind, module, 0, f"{names.signal(module, signal)}:{edge}")
    line = int(fields["l"])
    name = names.expression(module, fields["o"])
    return Point(kind, module, line, name, names.expression(module, names.lines[line - 1]))
