"""The report's pictures: SVG to stand in a page, in the page's colours and fonts.

Matplotlib draws with colours that stand for names; they become CSS variables, so that one
picture serves light and dark.
"""

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from truncmac.integers import ceil_div
from truncmac.sim.energy.efficiency import ENERGY_PARTS
from truncmac.sim.schedule.analysis import TRAFFIC
from truncmac.sim.schedule.losses import REASONS

from .document import Document

__all__ = ["COLOURS", "pictures"]

# CSS variables by what they colour; `report.html` gives each its value in light and in dark
PARTS = ("ideal", *REASONS)
ENERGIES = tuple(f"e_{part}" for part in ENERGY_PARTS)
COLOURS = ("ink", "faint", *PARTS, *TRAFFIC, *(f"k{k}" for k in range(1, 9)), *ENERGIES)
_STAND_INS = {name: f"#0f{index:02x}f0" for index, name in enumerate(COLOURS)}
MARKERS = dict(zip(range(1, 9), "PvX^*Dso", strict=True))
PER_CENT = "% of the peak at k"
WIDTH = 12.0  # inches
MOST_NAMES = 60  # of layers along an axis

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.color": _STAND_INS["ink"],
    "text.parse_math": False,
    "axes.labelcolor": _STAND_INS["ink"],
    "axes.edgecolor": _STAND_INS["faint"],
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": _STAND_INS["ink"],
    "ytick.color": _STAND_INS["ink"],
    "grid.color": _STAND_INS["faint"],
    "grid.alpha": 0.5,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 10,
}


def pictures(document: Document) -> dict[str, str]:
    """SVG by name: throughput, utilisation, speedup, losses, roofline, and layers_k for each k.

    With energies also energy.
    """
    totals = document["totals"]
    drawn = {
        "throughput": _svg("throughput", 4.2, 3.0, lambda figure: _throughput(figure, document)),
        "utilisation": _svg(
            "utilisation", 4.2, 3.0, lambda f: _bars(f, document, "utilisation", 0.01, PER_CENT)
        ),
        "speedup": _svg("speedup", 4.2, 3.0, lambda figure: _speedup(figure, totals)),
        "losses": _svg(
            "losses", WIDTH, 0.8 + 0.38 * len(totals), lambda figure: _losses(figure, totals)
        ),
        "roofline": _svg("roofline", WIDTH, 5.2, lambda figure: _roofline(figure, document)),
    }
    drawn |= _layers(document)
    if totals[0]["energy_pj"] is not None:
        drawn["energy"] = _svg(
            "energy", 4.2, 3.0, lambda figure: _bars(figure, document, "energy_pj", 1e6, "uJ")
        )
    if document.get("energy", {}).get("by_k"):
        height = 1.2 + 0.3 * sum(len(entry["by_k"]) for entry in document["energy"]["beside"])
        drawn["energy_parts"] = _svg(
            "energy_parts", WIDTH, height, lambda figure: _energy_parts(figure, document)
        )
    return drawn


def _svg(name: str, width: float, height: float, draw: Callable[[Figure], None]) -> str:
    """A picture in our style, as a part of a page."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        return _as_part(figure, name)


def _as_part(figure: Figure, name: str) -> str:
    """Only what a page needs, with its colours and fonts, and no identifier that nothing uses.

    The name makes identifiers differ from those of other pictures.
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", "system-ui").replace("\n", "")
    for name, colour in _STAND_INS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def _bars(
    figure: Figure,
    document: Document,
    key: str,
    unit: float,
    label: str,
    peaks: Sequence[float] = (),
) -> None:
    """A bar for each k, with its value above it, and above its peak."""
    bits = document["bits"]
    axes = figure.subplots()
    values = [row[key] / unit for row in document["totals"]]
    tops = [max(pair) for pair in zip(values, peaks or values, strict=True)]
    axes.bar(range(len(bits)), values, color=[_STAND_INS[f"k{k}"] for k in bits], width=0.7)
    for place, (value, top) in enumerate(zip(values, tops, strict=True)):
        axes.annotate(
            *(_short(value), (place, top), (0, 3)),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=10 if len(bits) <= 4 else 8,
        )
    axes.set_ylim(0, max(tops) * (1.15 if peaks else 1.1))
    axes.set_xticks(range(len(bits)), [f"{k}" for k in bits])
    axes.set_xlabel("bits of a weight, k")
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(label)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(_plain)
    axes.grid(axis="y")


def _throughput(figure: Figure, document: Document) -> None:
    """Bars, and the peak of the array at the layers' own k."""
    clock = document["platform"]["clock_hz"]
    peaks = [clock * row["macs"] / row["ideal_cycles"] / 1e9 for row in document["totals"]]
    _bars(figure, document, "macs_per_s", 1e9, "GMAC/s", peaks)
    (axes,) = figure.axes
    starts = [place - 0.42 for place in range(len(peaks))]
    ends = [start + 0.84 for start in starts]
    axes.hlines(peaks, starts, ends, color=_STAND_INS["ink"], linewidth=1.5, label="peak")
    axes.legend(loc="upper left" if peaks[0] <= peaks[-1] else "upper right")


def _short(value: float) -> str:
    """Three digits, as many before the point as there are."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 4)}f}"


def _speedup(figure: Figure, totals: Sequence[Mapping[str, Any]]) -> None:
    """Against k = 8: as it is, as the layers' own k allow, and if they had none."""
    rows = sorted(totals, key=lambda row: -row["k"])
    places = range(len(rows))
    axes = figure.subplots()
    lines: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (
            "ideal_speedup",
            "if all layers were at k",
            {"linestyle": ":", "color": _STAND_INS["ink"]},
        ),
        (
            "possible_speedup",
            "possible with their own k",
            {"linestyle": "--", "color": _STAND_INS["ink"]},
        ),
        ("speedup", "reached", {"marker": "o", "color": _STAND_INS["ideal"], "linewidth": 2}),
    )
    for key, label, style in lines:
        axes.plot(places, [row[key] for row in rows], label=label, **style)
    axes.set_xticks(places, [f"{row['k']}" for row in rows])
    axes.set_xlabel("bits of a weight, k")
    axes.set_ylim(0)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylabel("times as fast as at k = 8")
    axes.grid(axis="y")
    axes.legend(loc="upper left")


def _losses(figure: Figure, totals: Sequence[Mapping[str, Any]]) -> None:
    """A bar for each k of the share of the cycles that each reason has."""
    axes = figure.subplots()
    left = [0.0] * len(totals)
    for part in PARTS:
        values = [100 * row[_key(part)] / row["cycles"] for row in totals]
        axes.barh(range(len(totals)), values, 0.72, left=left, color=_STAND_INS[part])
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_yticks(range(len(totals)), [f"k = {row['k']}" for row in totals])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the cycles")
    axes.grid(axis="x")


def _energy_parts(figure: Figure, document: Document) -> None:
    """A bar for each core and k of the energy of a MAC, by part."""
    cores = [entry for entry in document["energy"]["beside"] if entry["by_k"]]
    bars = [(entry, own) for entry in cores for own in entry["by_k"]]
    places, at = [], 0.0
    for index, (entry, _) in enumerate(bars):
        at += 0.5 if index and entry is not bars[index - 1][0] else 0.0
        places.append(at + index)
    axes = figure.subplots()
    left = [0.0] * len(bars)
    for part in ENERGY_PARTS:
        values = [own["pj"][part] / own["macs"] for _, own in bars]
        axes.barh(places, values, 0.72, left=left, color=_STAND_INS[f"e_{part}"])
        left = [a + b for a, b in zip(left, values, strict=True)]
    names = [f"{e['name']} ({e['lanes']}, {e['planes']}), k = {own['k']}" for e, own in bars]
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02 * max(left))
    axes.set_xlabel("pJ/MAC")
    axes.grid(axis="x")


def _key(part: str) -> str:
    return "ideal_cycles" if part == "ideal" else f"lost_{part}"


def _layers(document: Document) -> dict[str, str]:
    """Cycles by reason, and traffic by kind, of each layer; a picture for each k.

    All have one height and one layout, so that they compare.
    """
    count, rows = document["workload"]["layers"], document["layers"]
    drawn = {}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        units = [
            _prepare(axes, max(row[key] for row in rows), *label)
            for axes, key, label in (
                (upper, "cycles", ("", " cycles")),
                (lower, "dram_bytes", ("DRAM ", "B")),
            )
        ]
        step = ceil_div(count, MOST_NAMES)
        names = [_clipped(row["layer"]) for row in rows[:count:step]]
        lower.set_xticks(range(0, count, step), names, rotation=90, fontsize=9)
        lower.set_xlim(-0.6, count - 0.4)
        for at, k in enumerate(document["bits"]):
            mine = rows[at * count : (at + 1) * count]
            bars = [
                *_stack(upper, mine, {part: _key(part) for part in PARTS}, units[0]),
                *_stack(lower, mine, {kind: kind for kind in TRAFFIC}, units[1]),
            ]
            drawn[f"layers_{k}"] = _as_part(figure, f"layers_{k}")
            figure.set_layout_engine("none")  # as it is from here on
            for bar in bars:
                bar.remove()
    return drawn


def _prepare(axes: Axes, highest: float, before: str, what: str) -> float:
    """Set an axis for values up to the highest; the unit, in which it is at most a thousand."""
    units = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
    unit, prefix = next(pair for pair in units if highest >= pair[0] or pair[0] == 1)
    axes.set_ylim(0, 1.05 * highest / unit)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylabel(f"{before}{prefix}{what}".strip())
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    return unit


def _clipped(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"


def _stack(
    axes: Axes, rows: Sequence[Mapping[str, Any]], parts: Mapping[str, str], unit: float
) -> list[PathPatch]:
    """Stacked bars, all of one colour a single outline: many layers stay a small picture."""
    bottoms, drawn = [0.0] * len(rows), []
    for name, key in parts.items():
        tops = [low + row[key] / unit for low, row in zip(bottoms, rows, strict=True)]
        bars = [
            Outline([(x - 0.4, a), (x + 0.4, a), (x + 0.4, b), (x - 0.4, b), (x - 0.4, a)])
            for x, (a, b) in enumerate(zip(bottoms, tops, strict=True))
            if b > a
        ]
        if bars:
            outline = Outline.make_compound_path(*bars)
            patch = PathPatch(outline, facecolor=_STAND_INS[name], linewidth=0)
            axes.add_patch(patch)
            drawn.append(patch)
        bottoms = tops
    return drawn


def _roofline(figure: Figure, document: Document) -> None:
    """What each layer reaches, against its MACs for a byte of DRAM traffic; a roof for each k."""
    points = {(row["layer"], row["layer_k"]): row for row in document["layers"]}
    ks = sorted({k for _, k in points}, reverse=True)
    bandwidth = document["platform"]["dram_bytes_per_s"]
    clock = document["platform"]["clock_hz"]
    roofs = {k: bandwidth * row["ridge"] for (_, k), row in points.items()}
    xs = [row["intensity"] for row in points.values()]
    ridges = [roof / bandwidth for roof in roofs.values()]
    low, high = min(*xs, *ridges) / 2, max(*xs, *ridges) * 2
    axes = figure.subplots()
    for k in ks:
        colour, roof = _STAND_INS[f"k{k}"], roofs[k] / 1e9
        ridge = roofs[k] / bandwidth
        axes.plot([ridge, high], [roof, roof], color=colour, linewidth=1.5)
        mine = [row for (_, own), row in points.items() if own == k]
        axes.plot(
            [row["intensity"] for row in mine],
            [row["macs_per_s"] / 1e9 for row in mine],
            MARKERS[k],
            color=colour,
            markersize=6,
            label=f"k = {k}",
        )
    top = max(roofs.values())
    slope = [low, top / bandwidth]
    axes.plot(
        slope,
        [x * bandwidth / 1e9 for x in slope],
        color=_STAND_INS["ink"],
        linewidth=1,
        label=f"DRAM, {bandwidth / 1e9:g} GB/s",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    reached = [row["macs_per_s"] / 1e9 for row in points.values()]
    axes.set_ylim(min(reached) / 2, top / 1e9 * 2)
    for axis in (axes.xaxis, axes.yaxis):
        _decades(axis)
    axes.set_xlabel("MACs for each byte of DRAM traffic")
    axes.set_ylabel(f"GMAC/s at {clock / 1e6:g} MHz")
    axes.grid()
    figure.legend(loc="outside right upper")


def _decades(axis: Any) -> None:
    """Ticks at powers of ten, and between them if there are few; written as plain numbers."""
    low, high = axis.get_view_interval()
    steps = (1,) if high / low > 1e3 else (1, 3) if high / low > 30 else (1, 2, 5)
    ticks = [
        step * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for step in steps
    ]
    shown = [tick for tick in ticks if low <= tick <= high]
    axis.set_major_locator(FixedLocator(shown))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(_plain)


def _plain(value: float, place: float) -> str:
    return f"{value:,.10g}"
