"""Tables of the report as text: heading, titles and cells, the same in every form."""

from collections.abc import Mapping, Sequence

from truncmac.sim.energy.efficiency import ENERGY_PARTS

from .columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of
from .document import Document
from .text import title

__all__ = ["PART_TEXTS", "energy_tables", "folding_cells", "shape_cells", "terminal_cells"]

Cells = tuple[str, list[str], list[list[str]]]

PART_TEXTS: Mapping[str, str] = {
    "multiply_add": "the PEs' products and their sum",
    "registers": "operands' registers and their skew",
    "accumulate": "shift-and-add and accumulators",
    "drain": "shadow registers",
    "edges": "row sums, truncation, requantisers, control",
    "clock": "clock pins, nets and gates; no clock tree",
    "leakage": "of the core's cells, at the platform's clock",
    "sram": "scratchpads, as the schedule reads and writes them",
    "dram": "accesses of the DRAM, published figures",
}
TITLES = {"multiply_add": "mul-add", "accumulate": "accum."}
TERMINAL_TOTALS = {  # titles that are short enough for a terminal
    "k": "k",
    "cycles": "cycles",
    "utilisation": "used",
    "macs_per_s": "GMAC/s",
    "images_per_s": "images/s",
    "speedup": "speed-up",
    "possible_speedup": "possible",
    "dram_bytes": "DRAM kB",
    "energy_pj": "uJ",
}


def terminal_cells(document: Document) -> list[Cells]:
    """The tables for the terminal: totals, where the cycles go, each layer, and energies."""
    found = [
        _totals(document),
        _losses(document),
        _layer_cells(document, "cycles", ("rows", "reduction", "columns")),
        _layer_cells(document, "utilisation", ()),
    ]
    if document["folding"]:
        found.append(("Images on idle rows: utilisation", *folding_cells(document)))
    return found + energy_tables(document)


def _totals(document: Document) -> Cells:
    totals = document["totals"]
    columns = [c for c in columns_of(TOTAL_COLUMNS, totals) if c.key in TERMINAL_TOTALS]
    titles = [TERMINAL_TOTALS[column.key] for column in columns]
    return title(document), titles, [[column.show(row) for column in columns] for row in totals]


def _losses(document: Document) -> Cells:
    """The share of the cycles that each reason has."""
    lost = [c for c in TOTAL_COLUMNS if c.key.startswith(("lost_", "ideal_c"))]
    rows = [
        [f"{row['k']}", *(f"{row[column.key] / row['cycles']:.1%}" for column in lost)]
        for row in document["totals"]
    ]
    return "Where the cycles go", ["k", *(column.title for column in lost)], rows


def _layer_cells(document: Document, key: str, sizes: Sequence[str]) -> Cells:
    """A line for each layer, with a figure of it at each k beside each other."""
    columns = {column.key: column for column in LAYER_COLUMNS}
    bits, count = document["bits"], document["workload"]["layers"]
    titles = ["layer", *(columns[size].title for size in sizes), *(f"k = {k}" for k in bits)]
    rows = []
    for index in range(count):
        at_k = document["layers"][index::count]
        cells = [columns[name].show(at_k[0]) for name in ("layer", *sizes)]
        rows.append([*cells, *(columns[key].show(row) for row in at_k)])
    return f"Layers: {columns[key].title}", titles, rows


def shape_cells(document: Document) -> tuple[list[str], list[list[str]]]:
    """Titles and cells of the table of shapes."""
    bits = document["bits"]
    titles = ["rows", "columns", "requantisers", *(f"cycles k={k}" for k in bits)]
    here = (document["array"]["rows"], document["array"]["cols"])
    rows = []
    for shape in document["shapes"]:
        mark = " (this)" if (shape["rows"], shape["cols"]) == here else ""
        cells = [f"{shape['rows']}{mark}", f"{shape['cols']}", f"{shape['requantisers']}"]
        rows.append([*cells, *(f"{shape['cycles'][str(k)]:,}" for k in bits)])
    return titles, rows


def folding_cells(document: Document) -> tuple[list[str], list[list[str]]]:
    """Titles and cells of the table of images on idle rows, at the largest and smallest k."""
    bits = document["bits"]
    ends = sorted({max(bits), min(bits)}, reverse=True)
    titles = ["layer", "images"]
    titles += [f"{what} k={k}" for k in ends for what in ("alone", "folded", "gain")]
    rows = []
    for layer in document["folding"]:
        cells = [layer["layer"], f"{layer['images']}"]
        for k in map(str, ends):
            gain = layer["folded"][k] / layer["alone"][k]
            cells += [f"{layer['alone'][k]:.1%}", f"{layer['folded'][k]:.1%}", f"{gain:.2f}x"]
        rows.append([*cells, f"{layer['columns_fill']:.1%}"])
    return [*titles, "columns filled"], rows


def energy_tables(document: Document) -> list[Cells]:
    """Heading, titles and rows of each table; none without energies."""
    about = document.get("energy", {})
    if not about.get("by_k"):
        return []
    return [_energies(about), _efficiency(about), _parts(about), _beside(about)]


def _energies(about: Document) -> Cells:
    titles = ["k", "core", "zero delay", "glitches", "wires x0", "wires x2", "SRAM", "DRAM"]
    titles += ["all", "uJ an image"]
    rows = []
    for own in about["by_k"]:
        values = [own["core_pj"], own["core_zero_delay_pj"]]
        shown = [_pj(value, own) for value in values]
        shown.append(f"{own['core_pj'] / own['core_zero_delay_pj']:.2f}x")
        rest = [own["core_wires_pj"]["0.0"], own["core_wires_pj"]["2.0"]]
        rest += [own["pj"]["sram"], own["pj"]["dram"], own["total_pj"]]
        shown += [_pj(value, own) for value in rest]
        rows.append([f"{own['k']}", *shown, f"{own['pj_per_inference'] / 1e6:,.3f}"])
    return ("Energy, pJ/MAC", titles, rows)


def _pj(value: float, own: Document) -> str:
    return f"{value / own['macs']:.3f}"


def _efficiency(about: Document) -> Cells:
    areas = about["area_mm2"]
    titles = ["k", "TOPS", "TOPS/W core", "TOPS/W all", "TOPS/mm2 core", "TOPS/mm2 all"]
    rows = []
    for own in about["by_k"]:
        keys = ("tops", "tops_per_w_core", "tops_per_w", "tops_per_mm2_core", "tops_per_mm2")
        rows.append([f"{own['k']}", *(_number(own[key]) for key in keys)])
    sram = "unknown" if areas["sram"] is None else f"{areas['sram']:.3f}"
    heading = f"Efficiency; {areas['core']:.3f} mm2 of core, {sram} of scratchpads"
    return (heading, titles, rows)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _parts(about: Document) -> Cells:
    titles = ["k", *(TITLES.get(name, name) for name in ENERGY_PARTS)]
    rows = [
        [f"{own['k']}", *(_pj(own["pj"][part], own) for part in ENERGY_PARTS)]
        for own in about["by_k"]
    ]
    return ("Where the energy goes, pJ/MAC", titles, rows)


def _beside(about: Document) -> Cells:
    titles = ["core", "lanes, planes", "PEs", "mm2", "MHz", "k", "core pJ/MAC", "all pJ/MAC"]
    titles += ["TOPS/W core"]
    rows = []
    for entry in about["beside"]:
        for index, own in enumerate(entry["by_k"]):
            named = [
                *(entry["name"], f"{entry['lanes']}, {entry['planes']}"),
                *(f"{entry['rows']} x {entry['cols']}", f"{entry['area_mm2']['core']:.3f}"),
                f"{entry['clock_hz'] / 1e6:.0f}",
            ]
            figures = [f"{own['core_pj_per_mac']:.3f}", f"{own['total_pj_per_mac']:.3f}"]
            shown = named if index == 0 else [""] * len(named)
            rows.append([*shown, f"{own['k']}", *figures, f"{own['tops_per_w_core']:.4g}"])
    return ("Beside other cores of the same 8-bit throughput", titles, rows)
