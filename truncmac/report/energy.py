"""What the report shows of energy: tables, sentences, and names of the parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from truncmac.sim.energy.summary import ENERGY_PARTS

__all__ = ["PART_TEXTS", "energy_remarks", "energy_tables"]

Document = Mapping[str, Any]
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


def energy_tables(document: Document) -> list[Cells]:
    """Heading, titles and rows of each table; none without energies."""
    about = document.get("energy", {})
    if not about.get("by_k"):
        return []
    return [_totals(about), _efficiency(about), _parts(about), _beside(about)]


def _totals(about: Document) -> Cells:
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


def energy_remarks(document: Document) -> list[str]:
    """Where the energies come from and what is not in them, or why there are none."""
    about = document.get("energy", {"library": None, "why": ""})
    if about["library"] is None:
        return [f"No energies: {about['why']}."] if about["why"] else []
    lines = [
        f"Energy is the core's, from its netlist in {about['library']}, glitches included, and "
        "its memories' (docs/explanation/energy.md). energy_pj of layers and totals is the core's "
        "alone."
    ]
    lines.append(_data_remark(about["data"]))
    clock = document["platform"]["clock_hz"]
    if about["clock_hz"] < clock:
        lines.append(
            f"That netlist reaches {about['clock_hz'] / 1e6:,.1f} MHz, less than the platform's "
            f"{clock / 1e6:,.1f} MHz."
        )
    lines += _memory_remarks(about)
    lines.append(
        f"An operation is half a MAC: a MAC of an 8-bit weight, of which k bits are used, counts "
        f"as {about['operations_per_mac']} operations at every k. Zero delay: without glitches. "
        "Wires x0, x2: at 0 and 2 times the estimate, which is in all else once."
    )
    lines.append(
        "MAC (1, 8) is the conventional core of multiply-accumulators, dot (4, 8) the core of dot "
        "products; both take a weight in one cycle at every k, its low bits zero: same library, "
        "flow, workload, clock and memories."
    )
    lines += [
        f"No {entry['name']} core of {entry['lanes']} lanes x {entry['planes']} planes beside it: "
        f"{entry['why']}."
        for entry in about["beside"]
        if entry["why"]
    ]
    lines.append(f"Not in the energies: {'; '.join(about['not_in_it'])}.")
    return lines


def _data_remark(data: Document | None) -> str:
    if data is None:
        return (
            "Data toggle as in the layers that the figures come from, in each layer alike: for "
            "a network of your own, --data gives them (docs/explanation/energy.md)."
        )
    images = data["images"]
    return (
        f"Data toggle as in the network's own layers, with its activations on {images} "
        f"image{'s' if images > 1 else ''}."
    )


def _memory_remarks(about: Document) -> Sequence[str]:
    lines = []
    for name, memory in about["memories"].items():
        what = "DRAM" if name == "dram" else f"Scratchpad of {name}"
        kind = "published figures" if memory["published"] else "the macros' Liberty files"
        lines.append(
            f"{what}: {memory['read_pj']:.3g} pJ to read a byte, {memory['write_pj']:.3g} to "
            f"write, by {kind}: {memory['about']}."
        )
    return lines
