"""Table of docs/howto/explore.md: predictions for sizes that were not characterised."""

from pathlib import Path

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.model import read

HELD_OUT = (
    Path(__file__).parents[2] / "docs" / "data" / "held_out"
)  # what truncmac characterise wrote


def prediction_table():
    """Errors of area, and the largest of energy, without glitches."""
    rows = [
        "| library | lanes, planes | from | predicted for | synthesised, mm2 | area | network | "
        "worst layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for path in sorted(HELD_OUT.glob("*/*.json")):
        figures = read(path)
        data = figures.data
        known = ", ".join(_name(size) for size in _sizes(data, held_out=False))
        for size in _sizes(data, held_out=True):
            shape = (data["lanes"], data["planes"])
            config = ArrayConfig(
                size["rows"], size["cols"], *shape, requantisers=size["requantisers"]
            )
            area = sum(figures.area(config).values()) / size["area_um2"] - 1
            network, layer = (_worst(data, kind, size) for kind in ("networks", "layers"))
            rows.append(
                f"| {data['provenance']['library']['label']} | {shape[0]}, {shape[1]} | {known} "
                f"| {_name(size)} | {size['area_um2'] / 1e6:.3f} | {area:+.1%} "
                f"| {network['network']} at k = {network['k']}, {network['error']:+.1%} "
                f"| {layer['layer']} at k = {layer['k']}, {layer['error']:+.1%} |"
            )
    return "\n".join(rows) + "\n"


def _sizes(data, *, held_out):
    """The smallest first."""
    chosen = [size for size in data["sizes"] if size["held_out"] == held_out]
    return sorted(chosen, key=lambda size: size["rows"] * size["cols"])


def _worst(data, kind, size):
    name = f"{size['rows']}x{size['cols']}"
    return max(
        (e for e in data["errors"][kind] if e["size"] == name), key=lambda e: abs(e["error"])
    )


def _name(size):
    return f"{size['rows']} x {size['cols']}"
