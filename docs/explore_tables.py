"""Tables of docs/explore.md, from the figures that come with the package."""

from copy import deepcopy
from pathlib import Path

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy import Characterisation, available, load, read
from truncmac.sim.events import PLACES

HELD_OUT = Path(__file__).parent / "held_out"  # what truncmac characterise wrote


def prediction_tables():
    """Errors of area and energy of arrays of sizes that the figures do not come from."""
    return f"{areas()}\n{energies()}"


def areas():
    """Areas of larger arrays from figures of smaller ones alone, against their synthesis."""
    rows = [
        "| library | lanes, planes | from | predicted for | mm2 | synthesised, mm2 | error |",
        "|---|---|---|---|---|---|---|",
    ]
    for library, lanes, planes in available():
        figures = load(lanes, planes, library)
        known, *others = sorted(figures.data["sizes"], key=lambda s: s["rows"] * s["cols"])
        rows += _areas(library, _from_one_size(figures, known), [known], others)
    for library, figures in _held_out():
        rows += _areas(library, figures, *_sizes(figures))
    return "\n".join(rows) + "\n"


def _areas(library, figures, known, others):
    names = ", ".join(map(_name, known))
    for size in others:
        predicted = sum(figures.area(_config(figures, size)).values())
        yield (
            f"| {library} | {figures.data['lanes']}, {figures.data['planes']} "
            f"| {names} | {_name(size)} | {predicted / 1e6:.3f} "
            f"| {size['area_um2'] / 1e6:.3f} | {predicted / size['area_um2'] - 1:+.1%} |"
        )


def _sizes(figures):
    """Sizes that the figures come from, and those that were held out; the smallest first."""
    sizes = sorted(figures.data["sizes"], key=lambda size: size["rows"] * size["cols"])
    return [s for s in sizes if not s["held_out"]], [s for s in sizes if s["held_out"]]


def _from_one_size(figures, size):
    """The figures as they would be if only this size had been synthesised."""
    data = deepcopy(figures.data)
    config = _config(figures, size)
    for name, area in size["area_um2_by_place"].items():
        extent = PLACES[name].size(config)
        data["places"][name]["area_um2"] = area / extent if extent else 0.0
    return Characterisation(data)


def _config(figures, size):
    shape = (figures.data["lanes"], figures.data["planes"])
    return ArrayConfig(size["rows"], size["cols"], *shape, requantisers=size["requantisers"])


def _name(size):
    return f"{size['rows']} x {size['cols']}"


def energies():
    """Each network's energy on an array of a size that was held out, against its netlist's."""
    rows = [
        "| library | lanes, planes | from | predicted for | network | k | pJ/MAC | error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for library, figures in _held_out():
        data = figures.data
        known, held = _sizes(figures)
        fitted = ", ".join(map(_name, known))
        names = {f"{size['rows']}x{size['cols']}": _name(size) for size in held}
        rows += [
            f"| {library} | {data['lanes']}, {data['planes']} | {fitted} | {names[found['size']]} "
            f"| {found['network']} | {found['k']} | {found['pj_per_mac']:.2f} "
            f"| {found['error']:+.1%} |"
            for found in data["errors"]["networks"]
            if found["size"] in names
        ]
    return "\n".join(rows) + "\n"


def _held_out():
    """Libraries and figures whose larger sizes were only predicted; a folder for each size."""
    for path in sorted(HELD_OUT.glob("*/*.json")):
        yield path.stem.rsplit("_", 2)[0], read(path)
