"""The report in sentences: what was analysed, and what the tables beside the figures say."""

from collections.abc import Sequence

from truncmac.golden.text import visible
from truncmac.sim.schedule.platforms import KIB

from .document import Document

__all__ = ["about", "remarks", "title"]

NAMES_SHOWN = 3
WORTH_SAYING = 0.005  # of the cycles that another shape saves


def title(document: Document) -> str:
    """What was analysed, in a line."""
    array, platform = document["array"], document["platform"]
    images = document["images"]
    return (
        f"{document['workload']['name']} on {array['rows']} x {array['cols']} PEs of "
        f"{array['lanes']} lanes x {array['planes']} planes ({platform['name']}), "
        f"{images} image{'s' if images > 1 else ''}"
    )


def about(document: Document) -> list[str]:
    """The platform and the workload, in lines."""
    array, platform, workload = (document[name] for name in ("array", "platform", "workload"))
    return [
        f"{array['peak_macs']:,g} 8-bit MACs a cycle at k = 8, {array['requantisers']} "
        f"requantisers, {platform['clock_hz'] / 1e6:,g} MHz",
        f"scratchpads of {platform['activation_bytes'] / KIB:,g} KiB for activations and "
        f"{platform['weight_bytes'] / KIB:,g} KiB for weights, "
        f"{platform['dram_bytes_per_s'] / 1e9:,g} GB/s of DRAM",
        f"{workload['layers']} layers of weights, {workload['macs'] / 1e6:,.2f} million MACs an "
        f"image; each layer's order for the least {document['goal']}",
    ]


def remarks(document: Document) -> list[str]:
    """What the tables beside the figures say, in sentences."""
    lines = _left_out(document)
    reference = document["reference"]
    if reference["cycles"] is not None:
        ratios = ", ".join(
            f"{reference['cycles'] / cycles:.2f} at k = {k}"
            for k, cycles in reference["ours"].items()
        )
        lines.append(
            f"SCALE-Sim's weight-stationary array of {reference['rows']} x {reference['cols']} "
            f"8-bit MACs, as many MACs a cycle as this one at k = 8, takes "
            f"{reference['cycles']:,} cycles. Divided by this array's own: {ratios}."
        )
    lines += _better_shapes(document)
    if document["folding"]:
        lines.append(
            f"The rows of {len(document['folding'])} of {document['workload']['layers']} layers "
            "do not fill the array; several images side by side (--images) would."
        )
    return lines + _energy_remarks(document)


def _left_out(document: Document) -> list[str]:
    """What of the workload is not in the figures, with its MACs where they are known."""
    workload = document["workload"]
    groups: dict[tuple[str, str], list[Document]] = {}
    for item in workload["left_out"]:
        groups.setdefault((item["operation"], item["why"]), []).append(item)
    if not groups:
        return []
    macs = sum(item["macs"] or 0 for item in workload["left_out"])
    share = macs / (macs + workload["macs"])
    lines = [f"Not in these figures: {macs / 1e6:,.2f} million MACs, {share:.1%} of all known."]
    for (operation, why), items in groups.items():
        known = [item["macs"] for item in items if item["macs"] is not None]
        count = f"{sum(known) / 1e6:,.2f} million MACs" if known else "MACs unknown"
        if known and len(known) < len(items):
            count += f" of {len(known)} of them"
        names = ", ".join(visible(item["name"]) for item in items[:NAMES_SHOWN])
        more = f" and {len(items) - NAMES_SHOWN} more" if len(items) > NAMES_SHOWN else ""
        lines.append(f"Left out: {operation} {names}{more}: {why}; {count}.")
    return lines


def _better_shapes(document: Document) -> list[str]:
    """The best other shape of as many PEs, with the k at which it is."""
    here, own = document["reference"]["ours"], document["array"]["requantisers"]
    gains: dict[tuple[int, int, int], list[str]] = {}
    for k in map(str, document["bits"]):
        best = min(document["shapes"], key=lambda shape: shape["cycles"][k])
        less = 1 - best["cycles"][k] / here[k]
        if less >= WORTH_SAYING:
            shape = (best["rows"], best["cols"], best["requantisers"])
            gains.setdefault(shape, []).append(f"{less:.1%} at k = {k}")
    return [
        f"Arranged as {rows} x {cols}, the same PEs would save cycles: {', '.join(at_k)}"
        + (f" (with {count} requantisers, not {own})." if count != own else ".")
        for (rows, cols, count), at_k in gains.items()
    ] or [f"No other shape of as many PEs saves {WORTH_SAYING:.1%} of the cycles."]


def _energy_remarks(document: Document) -> list[str]:
    """Where the energies come from and what is not in them, or why there are none."""
    about = document.get("energy", {"library": None, "why": ""})
    if about["library"] is None:
        return [f"No energies: {about['why']}."] if about["why"] else []
    lines = [
        f"The energies are the core's, from its netlist in {about['library']} with glitches, and "
        "those of its memories (docs/explanation/energy.md). The energy_pj of layers and totals is "
        "the core's alone."
    ]
    lines.append(_data_remark(about["data"], about["measured_on"]))
    clock = document["platform"]["clock_hz"]
    if about["clock_hz"] < clock:
        lines.append(
            f"That netlist reaches {about['clock_hz'] / 1e6:,.1f} MHz, less than the platform's "
            f"{clock / 1e6:,.1f} MHz."
        )
    lines += _memory_remarks(about)
    lines.append(
        f"An operation is half a MAC: a MAC of an 8-bit weight, of which k bits are used, counts "
        f"as {about['operations_per_mac']} operations at every k. Zero delay leaves out "
        "the glitches. Wires x0 and x2 take the estimate of the wires 0 and 2 times, all else once."
    )
    lines.append(
        "MAC (1, 8) is the conventional core of multiply-accumulators, and dot (4, 8) is a core of "
        "dot products. Both take a weight in one cycle at every k, with its low bits zero; their "
        "library, flow, workload, clock and memories are the same."
    )
    lines += [
        f"No {entry['name']} core of {entry['lanes']} lanes x {entry['planes']} planes beside it: "
        f"{entry['why']}."
        for entry in about["beside"]
        if entry["why"]
    ]
    lines.append(f"Not in the energies: {'; '.join(about['not_in_it'])}.")
    return lines


def _data_remark(data: Document | None, measured_on: str) -> str:
    """Which activations the energies are of."""
    if data is None:
        return (
            "Data toggle, in every layer alike, as in the layers that the figures come from, "
            f"{measured_on}. For a network of your own, give its images with --data "
            "(docs/explanation/energy.md)."
        )
    return (
        f"Data toggle as in the network's own layers, with {data['about']}. The figures come from "
        f"{measured_on}; wider codes take more energy (docs/explanation/energy.md)."
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
