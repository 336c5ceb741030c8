"""Reads Verilator's coverage.dat: plain text, a point a line."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    name : of the signal that toggles, or what the branch or expression is
    """

    kind: str
    module: str
    line: int
    name: str


def read_points(paths: Iterable[Path], source: str) -> Mapping[Point, int]:
    """Counts of the points of the file `source`, over all runs and all instances of a module.

    Raises
    ------
    ValueError
        If a file is no coverage file.
    """
    counts: Counter[Point] = Counter()
    for path in paths:
        lines = path.read_text().splitlines()
        if not lines or not lines[0].startswith("# SystemC::Coverage"):
            raise ValueError(f"{path} is not a coverage file of Verilator")
        for line in lines[1:]:
            found = LINE.match(line)
            if found is None:
                raise ValueError(f"{path}: not a coverage point: {line[:80]!r}")
            fields = dict(part.split("\x02", 1) for part in found[1].split("\x01") if part)
            if Path(fields["f"]).name == source:
                counts[_point(fields)] += int(found[2])
    return counts


def _point(fields: Mapping[str, str]) -> Point:
    kind, _, module = fields["page"].removeprefix("v_").partition("/")
    module = re.sub(r"__024\d+|\$\d+", "", module).replace("__02E", ".").replace("__DOT__", ".")
    if kind == "toggle":
        return Point(kind, module, 0, fields["o"])
    return Point(kind, module, int(fields["l"]), fields["o"])
