"""What was covered, as a page of the documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tests.coverage.constants import constant_bits, shared_modules
from tests.coverage.measure import CONFIG, FOLDER, source
from tests.coverage.npu import CONFIG as NPU
from tests.coverage.points import KINDS, Point
from tests.coverage.waivers import Review, Waiver, review

__all__ = ["Situations", "Top", "document", "measured"]

Situations = Mapping[str, Mapping[tuple, int]]  # by group and point, how often it was met

INTRODUCTION = f"""\
# Coverage

`python -m tests.coverage` measures what the benches cover, under Verilator, and writes this page.
The core is given products, stalls, bad commands and resets, and the AXI top the benches of
`tests/verilog/axi_bench.py` and `tests/coverage/axi_bench.py`. All results are compared with
golden, and all counters with the model of the cycles.

The NPU runs programs of random networks beside memories of several latencies and pauses, programs
with wrong bytes, and a program that is stopped, started again, reset, or answered with errors. Its
bytes are the reference's, or it ends with the fault with which the reference refuses the program;
its counters are the model's. Only its own modules are measured: the core is the first top.
It is not closed yet. What is left are registers that the harness does not read or write, some banks
in which a LOAD meets others, and the upper bits of addresses, sizes and counters, which short
programs do not reach. The run fails if less is covered than before.

Core and AXI top have an array of {CONFIG.rows} x {CONFIG.cols} PEs in clusters of \
{CONFIG.cluster_rows} x {CONFIG.cluster_cols}, with {CONFIG.lanes} lanes, {CONFIG.planes} planes,
{CONFIG.requantisers} requantisers and reductions up to {CONFIG.max_reduction}. A point counts as
covered if a run covers it in any instance of its module. The bench sets counters of 32 bits, and
the numbers of a job's tiles, near the ends of their ranges, because to count that far would take
days.
The NPU has {NPU.array.rows} x {NPU.array.cols} PEs of {NPU.array.lanes} lanes and \
{NPU.array.planes} planes, {NPU.array.requantisers} requantisers,
a bus of {NPU.bus_width} bits and {NPU.groups} groups of banks of {NPU.depth} words.

## Code
"""
WAIVERS = """\
## Waivers

`tests/coverage/waivers.toml` lists the points that cannot be covered, which are waived.
`python -m tests.coverage` fails if one of them is covered after all, or if a line of the list
matches no point. For a point that is "proven" it proves with Yosys and ABC, by induction, that the
signal never changes, whatever the inputs do and whatever products and other modules give. For the
others the reason in the table is the argument.
"""


@dataclass(frozen=True)
class Top:
    """Coverage of one top.

    Attributes
    ----------
    name : of the top
    counts : of its points
    review : of the waivers
    unproven : points that are waived as constant, but could not be proven to be so
    least : by kind the share of the points that are not waived that must be covered; 1 where a
        kind is not named
    """

    name: str
    counts: Mapping[Point, int]
    review: Review
    unproven: Sequence[Point]
    least: Mapping[str, float] = field(default_factory=dict)

    def missing(self) -> list[Point]:
        """Points that are neither covered nor waived."""
        return [
            point
            for point, count in self.counts.items()
            if not count and point not in self.review.waived
        ]

    def short(self) -> list[tuple[str, float, float]]:
        """Kinds of which less is covered than must be: the share, and what it must be."""
        shares = {
            kind: n["covered"] / (n["points"] - n["waived"]) for kind, n in self.shares().items()
        }
        return [
            (kind, shares[kind], least)
            for kind, least in self.least.items()
            if shares[kind] < least
        ]

    def shares(self) -> dict[str, dict[str, int]]:
        """Points, points covered and points waived, of each kind."""
        found = {}
        for kind in KINDS:
            points = [point for point in self.counts if point.kind == kind]
            found[kind] = {
                "points": len(points),
                "covered": sum(self.counts[point] > 0 for point in points),
                "waived": sum(point in self.review.waived for point in points),
            }
        return found


def measured(
    name: str,
    counts: Mapping[Point, int],
    waivers: Sequence[Waiver],
    least: Mapping[str, float] | None = None,
) -> Top:
    """Hold a top's points against the waivers, and prove those that are to be proven."""
    found = review(counts, waivers)
    text = "\n".join(source(name))
    signals = {(module, signal) for module, signal, _ in found.constants}
    constant = constant_bits(text, shared_modules(text), signals, FOLDER / name / "constants")
    unproven = [point for bit, point in found.constants.items() if bit not in constant]
    return Top(name, counts, found, unproven, least or {})


def document(
    tops: Sequence[Top], waivers: Sequence[Waiver], situations: Sequence[Situations]
) -> str:
    """The page of the documents, with what was measured."""
    lines = [
        INTRODUCTION,
        "| top | kind | points | covered | waived | covered of the rest |",
        "|---|---|---|---|---|---|",
    ]
    for top in tops:
        for kind, share in top.shares().items():
            rest = share["points"] - share["waived"]
            cells = [top.name, kind, *map(str, share.values())]
            lines.append(f"| {' | '.join(cells)} | {100 * share['covered'] / rest:.2f} % |")
    lines += [
        "",
        WAIVERS,
        "| points | lines of the list | of | proven | why |",
        "|---|---|---|---|---|",
    ]
    for (reason, proof), group in groupby(waivers, lambda waiver: (waiver.reason, waiver.proof)):
        lines.append(_waiver_row(reason, proof, list(group), tops))
    lines += ["", "## Situations", "", "| of | situation | points | met | mean a point |"]
    lines.append("|---|---|---|---|---|")
    for top, groups in zip(("core", "NPU"), situations, strict=True):
        for name, points in groups.items():
            met = sum(count > 0 for count in points.values())
            mean = sum(points.values()) / len(points)
            lines.append(f"| {top} | {name} | {len(points)} | {met} | {mean:.1f} |")
    return "\n".join(lines) + "\n"


def _waiver_row(reason: str, proof: str, group: Sequence[Waiver], tops: Sequence[Top]) -> str:
    ours = set(map(id, group))
    count = sum(id(waiver) in ours for top in tops for waiver in top.review.waived.values())
    kinds = ", ".join(dict.fromkeys(waiver.kind for waiver in group))
    proven = "yes" if proof == "constant" else "no"
    return f"| {count} | {len(group)} | {kinds} | {proven} | {reason} |"
