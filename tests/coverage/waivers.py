"""Points that cannot be covered, each with its reason: waivers.toml, reviewed by hand."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.coverage.constants import Bit
from tests.coverage.points import KINDS, Point

__all__ = ["Review", "Waiver", "read_waivers", "review"]

FILE = Path(__file__).parent / "waivers.toml"
PROOFS = ("constant", "argument")
TOGGLE = re.compile(r"(.*?)(?:\[(\d+)\])?:(0->1|1->0)", re.DOTALL)
TERM = re.compile(r"\((.+?)(?:\[(\d+)\])?==[01]\) => [01]")


@dataclass(frozen=True)
class Waiver:
    """Points of a kind in some modules.

    In `module`, `name` and `text`, a star stands for any characters, and # for the number that
    Amaranth appends to some names: `drain#` is `drain` and `drain$56`.

    Attributes
    ----------
    reason : why they cannot be covered
    proof : "constant" if a tool is to find that the signal never changes, or "argument"
    kind : one of `KINDS`
    module : of the Verilog
    name : of the signal that toggles, without its index; or what the branch or expression is
    text : of the Verilog's line, where it is no toggle
    bits : indices, such as "0-2 5", or none for all
    edge : "0->1" or "1->0", or none for both
    """

    reason: str
    proof: str
    kind: str
    module: str
    name: str = "*"
    text: str = "*"
    bits: str = ""
    edge: str = ""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(f"Waiver of {self.module} {self.name} must have a reason")
        for what, value, known in (("Kind", self.kind, KINDS), ("Proof", self.proof, PROOFS)):
            if value not in known:
                raise ValueError(f"{what} of a waiver must be of {', '.join(known)}, not {value}")

    def covers(self, point: Point) -> bool:
        """Whether this point is waived."""
        if point.kind != self.kind or not _match(self.module, point.module):
            return False
        if point.kind != "toggle":
            return _match(self.name, point.name) and _match(self.text, point.text)
        name, index, edge = _toggle(point)
        return (
            _match(self.name, name)
            and (not self.bits or index in self._indices)
            and self.edge in ("", edge)
        )

    @cached_property
    def _indices(self) -> Set[int]:
        ranges = (part.partition("-") for part in self.bits.split())
        return {index for low, _, high in ranges for index in range(int(low), int(high or low) + 1)}


@dataclass(frozen=True)
class Review:
    """What a top's points say of the waivers.

    Attributes
    ----------
    waived : points that are not covered, and why not
    refuted : points that are covered, though a waiver says that they cannot be
    constants : bits, and the points that are waived because the bit never changes
    """

    waived: Mapping[Point, Waiver]
    refuted: Sequence[tuple[Point, Waiver]]

    @property
    def constants(self) -> Mapping[Bit, Point]:
        """Bits that must be constant, each with a point that is waived for that."""
        return {
            bit: point
            for point, waiver in self.waived.items()
            if waiver.proof == "constant"
            for bit in _bits(point)
        }


def read_waivers(path: Path = FILE) -> list[Waiver]:
    """All waivers: one for each line below a reason.

    Raises
    ------
    ValueError
        If one has no reason, or is of an unknown kind.
    """
    return [
        Waiver(**{"reason": entry["reason"], "proof": entry["proof"], "kind": kind} | item)
        for entry in tomllib.loads(path.read_text())["waiver"]
        for kind in KINDS
        for item in entry.get(kind, ())
    ]


def review(counts: Mapping[Point, int], waivers: Iterable[Waiver]) -> Review:
    """Hold the points of a top against the waivers."""
    waivers = list(waivers)
    waived, refuted = {}, []
    for point, count in counts.items():
        for waiver in waivers:
            if waiver.covers(point):
                if count:
                    refuted.append((point, waiver))
                else:
                    waived[point] = waiver
                break
    return Review(waived, refuted)


def _match(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\#", r"(?:\$\d+)?")
    return re.fullmatch(expression, text.strip(), re.DOTALL) is not None


def _toggle(point: Point) -> tuple[str, int, str]:
    found = TOGGLE.fullmatch(point.name)
    if found is None:
        raise ValueError(f"{point.name!r} is no toggle")
    return found[1], int(found[2] or 0), found[3]


def _bits(point: Point) -> Iterator[Bit]:
    """The bit that a toggle, or an expression of a single term, is about."""
    if point.kind == "toggle":
        name, index, _ = _toggle(point)
        yield point.module, name, index
    elif found := TERM.fullmatch(point.name):
        yield point.module, found[1], int(found[2] or 0)
    else:
        raise ValueError(f"Waiver of {point.name!r} cannot be proven: it is not of one bit")
