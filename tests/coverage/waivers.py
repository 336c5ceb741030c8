"""Points that need not be covered, each with its reason: waivers.toml, reviewed by hand."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .points import KINDS, Point

__all__ = ["Waiver", "read_waivers", "waived"]

FILE = Path(__file__).parent / "waivers.toml"


@dataclass(frozen=True)
class Waiver:
    """Points of some kinds in some modules, by name or by the text of their line.

    Attributes
    ----------
    reason : why they are not covered
    kinds : of `KINDS`
    module, name, text : patterns that the whole of each must match; text is the Verilog's line
    """

    reason: str
    kinds: Sequence[str]
    module: str = ".*"
    name: str = ".*"
    text: str = ".*"

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(f"Waiver of {self.module} {self.name} must have a reason")
        if unknown := set(self.kinds) - set(KINDS):
            raise ValueError(f"Kinds of a waiver must be of {', '.join(KINDS)}, not {unknown}")

    def covers(self, point: Point, text: str) -> bool:
        """Whether this point is waived; `text` is the line that it stands in."""
        return point.kind in self.kinds and all(
            re.fullmatch(pattern, value.strip())
            for pattern, value in (
                (self.module, point.module),
                (self.name, point.name),
                (self.text, text),
            )
        )


def read_waivers(path: Path = FILE) -> list[Waiver]:
    """All waivers.

    Raises
    ------
    ValueError
        If one has no reason.
    """
    return [Waiver(**entry) for entry in tomllib.loads(path.read_text())["waiver"]]


def waived(
    counts: Mapping[Point, int], waivers: Sequence[Waiver], source: Sequence[str]
) -> tuple[dict[Point, Waiver], list[Waiver]]:
    """Uncovered points and the waivers that they have; and waivers that no point needs."""
    found: dict[Point, Waiver] = {}
    for point, count in counts.items():
        if count:
            continue
        text = source[point.line - 1] if point.line else ""
        for waiver in waivers:
            if waiver.covers(point, text):
                found[point] = waiver
                break
    return found, [waiver for waiver in waivers if waiver not in found.values()]
