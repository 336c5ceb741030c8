"""What `truncmac report` shows of a workload on a platform, and the forms that it writes."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rich.table import Table

from truncmac.golden import DIGITS, images_by_name
from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.layers import LayerSwitching, layer_energies
from truncmac.sim.energy.model import Characterisation, available, load, read
from truncmac.sim.energy.network_data import IMAGES, NetworkData
from truncmac.sim.energy.summary import SwitchingOn, energy_summary
from truncmac.sim.schedule.analysis import Analysis, analyse
from truncmac.sim.schedule.folding import Folding, Shape, foldings, shapes, square_array
from truncmac.sim.schedule.platforms import Memory, Platform, platform_by_name
from truncmac.sim.schedule.rivals import scale_sim_cycles
from truncmac.sim.schedule.schedule import Goal, Layers
from truncmac.sim.workloads.names import network_of, workload_by_name
from truncmac.terminal import STYLE, Terminal
from truncmac.version import __version__

from .columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of
from .energy import energy_remarks, energy_tables

__all__ = ["FORMATS", "VERSION", "Request", "as_dictionary", "platform_of", "report"]

VERSION = 1  # of the JSON: counts up when a figure is renamed, removed or means something else
KIB = 1024
WORTH_SAYING = 0.005  # of the cycles that another shape saves
console = Terminal()
Document = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What is asked for; None is the platform's own.

    Attributes
    ----------
    network : as `workload_by_name` takes it
    platform : name
    data : images of the network's; by default digits has its own, others none
    energy : a library whose figures the package has, a file of `truncmac characterise`, or none
    sizes : of the array, by field of `ArrayConfig`
    """

    network: str
    platform: str
    sizes: Mapping[str, int]
    clock_mhz: float | None
    dram_gbs: float | None
    activation_kib: float | None
    weight_kib: float | None
    bits: Sequence[int]
    images: int
    goal: Goal
    energy: str = "none"
    data: Path | None = None


def platform_of(request: Request) -> Platform:
    """The platform with what the request changes of it."""
    platform = platform_by_name(request.platform).with_sizes(request.sizes)
    own = platform.memory
    memory = Memory(
        _bytes(request.activation_kib, own.activation_bytes),
        _bytes(request.weight_kib, own.weight_bytes),
        own.dram_bytes_per_s if request.dram_gbs is None else request.dram_gbs * 1e9,
    )
    clock = platform.clock_hz if request.clock_mhz is None else request.clock_mhz * 1e6
    return replace(platform, clock_hz=clock, memory=memory)


def _bytes(kib: float | None, default: int) -> int:
    if kib is None:
        return default
    if not 0 < kib < 1 << 30:
        raise ValueError(f"A scratchpad must have more than 0 and less than 2**30 KiB, not {kib}")
    return round(kib * KIB)


def report(request: Request, form: str | None, out: Path | None) -> None:
    """Print or write one form; or print tables, and write the page and its numbers to a folder."""
    if form is not None and form not in FORMATS:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}, not {form!r}")
    document = document_of(request)
    if form is not None:
        _write_one(FORMATS[form](document), out)
        return
    folder = out or Path("build/report")
    name = re.sub(r"[^\w.-]+", "_", document["workload"]["name"])
    # The page first: what it lacks is told before anything is printed
    page = html(document)
    console.print(*tables(document), sep="\n")
    for kind, text in (("html", page), ("json", as_json(document))):
        path = folder / f"{name}.{kind}"
        write_bytes(path, text.encode())
        console.print(f"Written: {path}", soft_wrap=True)


def document_of(request: Request) -> Document:
    """All figures of what is asked for."""
    workload, platform = workload_by_name(request.network), platform_of(request)
    layers = Layers.of(workload, request.images)
    figures, why = _figures(request, platform, layers)
    data = _data(request)
    switching, energy = _switching(data, request.bits), None
    if figures is not None:
        own = switching(platform.config)
        energy = layer_energies(layers, figures, platform.clock_hz, own)
    found = analyse(
        workload,
        platform,
        request.bits,
        images=request.images,
        goal=request.goal,
        energy=energy,
    )
    about: Document = {"library": None, "why": why, "clock_hz": None, "data": None}
    if figures is not None:
        about |= {"library": figures.library, "clock_hz": 1e12 / figures.period_ps}
        about |= energy_summary(found, figures, switching)
        about["data"] = None if data is None else {"images": len(data.images)}
    return as_dictionary(found) | {"energy": about}


def _figures(
    request: Request, platform: Platform, layers: Layers
) -> tuple[Characterisation | None, str]:
    """The energies' figures; or none, and why."""
    if request.energy == "none":
        return None, "none were asked for"
    config = platform.config
    if request.energy.endswith(".json"):
        figures = read(Path(request.energy))
    elif (request.energy, config.lanes, config.planes) in available():
        figures = load(config.lanes, config.planes, request.energy)
    elif request.energy not in (known := sorted({name for name, _, _ in available()})):
        raise ValueError(
            f"--energy must be one of {', '.join(known)}, none, or a .json file of truncmac "
            f"characterise, not {request.energy!r}"
        )
    else:
        return None, (
            f"no figures of {config.lanes} lanes x {config.planes} planes in {request.energy}; "
            "truncmac characterise makes them"
        )
    wanted = {int(k) for bits in request.bits for k in layers.bits(bits)}
    missing = sorted(wanted - set(figures.bits))
    if missing:
        ks = ", ".join(map(str, missing))
        return None, f"no figures for k = {ks} in {figures.library}"
    return figures, ""


def _data(request: Request) -> NetworkData | None:
    """The network with images, if there are any, and energies to follow them."""
    if request.data is not None and request.energy == "none":
        raise ValueError("--data must come with energies, which follow it; not with --energy none")
    network = network_of(request.network)
    if network is None:
        if request.data is not None:
            raise ValueError(
                f"--data must come with an exported network's file or digits: of "
                f"{request.network} the layers' sizes alone are known"
            )
        return None
    if request.data is None and request.network != DIGITS:
        return None
    images, _ = images_by_name(request.network, request.data, network, examples=IMAGES)
    return NetworkData.of(network, images, request.images)


def _switching(data: NetworkData | None, bits: Sequence[int]) -> SwitchingOn:
    @cache
    def switching(config: ArrayConfig) -> LayerSwitching | None:
        if data is None:
            return None
        with console.status("Counting what toggles in the layers ..."):
            return data.switching(config, bits)

    return switching


def _write_one(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="")
        return
    write_bytes(out, text.encode())
    console.print(f"Written: {out}", soft_wrap=True)


def as_dictionary(found: Analysis) -> Document:
    """All figures, as the JSON has them."""
    workload, platform, bits = found.workload, found.platform, found.bits
    config = platform.config
    others = shapes(workload, config, bits, images=found.images)
    array = asdict(config) | {"peak_macs": config.peak_macs}
    return {
        "version": VERSION,
        "truncmac": __version__,
        "workload": {
            "name": workload.name,
            "layers": len(workload.layers),
            "macs": workload.macs,
        },
        "platform": {"name": platform.name, "clock_hz": platform.clock_hz}
        | asdict(platform.memory),
        "array": array,
        "images": found.images,
        "goal": found.goal,
        "bits": list(bits),
        "totals": found.totals(),
        "layers": found.rows(),
        "reference": _reference(found, others),
        "shapes": [_shape(shape, bits) for shape in others],
        "folding": [_folding(f, bits) for f in foldings(workload, config, bits)],
    }


def _by_k(bits: Sequence[int], values: Sequence[float]) -> dict[str, float]:
    return {str(k): value for k, value in zip(bits, values, strict=True)}


def _shape(shape: Shape, bits: Sequence[int]) -> Document:
    names = ("rows", "cols", "requantisers")
    return {name: getattr(shape.config, name) for name in names} | {
        "cycles": _by_k(bits, shape.cycles)
    }


def _folding(folding: Folding, bits: Sequence[int]) -> Document:
    return {
        "layer": folding.layer.name,
        "images": folding.images,
        "alone": _by_k(bits, folding.alone),
        "folded": _by_k(bits, folding.folded),
        "columns_fill": folding.columns_fill,
    }


def _reference(found: Analysis, others: Sequence[Shape]) -> Document:
    """SCALE-Sim's cycles on the 8-bit array of equal throughput, if it is one of whole MACs."""
    config = found.platform.config
    (ours,) = [shape.cycles for shape in others if shape.config == config]
    entry: Document = {"ours": _by_k(found.bits, ours), "rows": None, "cols": None, "cycles": None}
    if float(config.peak_macs).is_integer():
        rows, cols = square_array(int(config.peak_macs))
        layers = [replace(layer, rows=layer.rows * found.images) for layer in found.workload.layers]
        cycles = scale_sim_cycles(layers, rows, cols)
        entry |= {"rows": rows, "cols": cols, "cycles": cycles}
    return entry


def remarks(document: Document) -> list[str]:
    """What the tables beside the figures say, in sentences."""
    lines = []
    reference = document["reference"]
    if reference["cycles"] is not None:
        ratios = ", ".join(
            f"{reference['cycles'] / cycles:.2f} at k = {k}"
            for k, cycles in reference["ours"].items()
        )
        lines.append(
            f"SCALE-Sim's weight-stationary array of {reference['rows']} x {reference['cols']} "
            f"8-bit MACs, as many MACs a cycle as this one at k = 8, takes "
            f"{reference['cycles']:,} cycles. In times of this array's: {ratios}."
        )
    lines += _better_shapes(document)
    if document["folding"]:
        lines.append(
            f"The rows of {len(document['folding'])} of {document['workload']['layers']} layers "
            "do not fill the array: several images beside each other (--images) do."
        )
    return lines + energy_remarks(document)


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
        f"The same PEs as {rows} x {cols} would need fewer cycles: {', '.join(at_k)}"
        + (f" (with {count} requantisers, not {own})." if count != own else ".")
        for (rows, cols, count), at_k in gains.items()
    ] or [f"No other shape of as many PEs saves {WORTH_SAYING:.1%} of the cycles."]


def as_json(document: Document) -> str:
    """The figures as JSON."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def as_csv(document: Document) -> str:
    """A line for each layer and each k, then one for the total of each k: whole figures."""
    text = io.StringIO()
    keys = list(dict.fromkeys(["scope", *document["layers"][0], *document["totals"][0]]))
    writer = csv.DictWriter(text, keys, lineterminator="\n")
    writer.writeheader()
    for scope, rows in (("layer", document["layers"]), ("total", document["totals"])):
        writer.writerows({"scope": scope} | row for row in rows)
    return text.getvalue()


def as_markdown(document: Document) -> str:
    """Tables as people read them."""
    parts = [f"# {_escaped(title(document))}", "\n".join(f"- {line}" for line in about(document))]
    for heading, columns, rows in (
        ("Totals", TOTAL_COLUMNS, document["totals"]),
        ("Layers", LAYER_COLUMNS, document["layers"]),
    ):
        shown = columns_of(columns, rows)
        cells = [[column.show(row) for column in shown] for row in rows]
        parts += [f"## {heading}", _markdown([c.title for c in shown], cells)]
    for heading, titles, rows in energy_tables(document):
        parts += [f"## {_escaped(heading)}", _markdown(titles, rows)]
    parts += ["## Beside others", *remarks(document)]
    parts += [_markdown(*shape_cells(document))]
    if document["folding"]:
        parts += ["## Images on idle rows", _markdown(*folding_cells(document))]
    return "\n\n".join(parts) + "\n"


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _escaped(text: str) -> str:
    """A line of Markdown that shows as it is."""
    return re.sub(r"([|\\`*_<&\[])", r"\\\1", " ".join(text.split()))


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


TERMINAL_TOTALS = {
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


def tables(document: Document) -> list[Table | str]:
    """For the terminal: totals, where the cycles go, and each layer's cycles."""
    totals = document["totals"]
    columns = [c for c in columns_of(TOTAL_COLUMNS, totals) if c.key in TERMINAL_TOTALS]
    cells = [[column.show(row) for column in columns] for row in totals]
    shown = [_table([TERMINAL_TOTALS[c.key] for c in columns], cells, title(document))]
    lost = [c for c in TOTAL_COLUMNS if c.key.startswith(("lost_", "ideal_c"))]
    cells = [
        [f"{row['k']}", *(f"{row[column.key] / row['cycles']:.1%}" for column in lost)]
        for row in totals
    ]
    shown.append(_table(["k", *(c.title for c in lost)], cells, "Where the cycles go"))
    shown.append(_layer_table(document, "cycles", ("rows", "reduction", "columns")))
    shown.append(_layer_table(document, "utilisation", ()))
    if document["folding"]:
        shown.append(_table(*folding_cells(document), "Images on idle rows: utilisation"))
    shown += [_table(titles, rows, heading) for heading, titles, rows in energy_tables(document)]
    return [*shown, *remarks(document)]


def _layer_table(document: Document, key: str, sizes: Sequence[str]) -> Table:
    """A line for each layer, with a figure of it at each k beside each other."""
    columns = {column.key: column for column in LAYER_COLUMNS}
    bits, count = document["bits"], document["workload"]["layers"]
    titles = ["layer", *(columns[size].title for size in sizes), *(f"k = {k}" for k in bits)]
    rows = []
    for index in range(count):
        at_k = document["layers"][index::count]
        cells = [columns[name].show(at_k[0]) for name in ("layer", *sizes)]
        rows.append([*cells, *(columns[key].show(row) for row in at_k)])
    return _table(titles, rows, f"Layers: {columns[key].title}")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], heading: str) -> Table:
    table = Table(title=heading, collapse_padding=True, **STYLE)
    for name in titles:
        table.add_column(name, justify="left" if name in ("layer", "bound", "core") else "right")
    for row in rows:
        table.add_row(*row)
    return table


def as_table(document: Document) -> str:
    """The terminal's tables as plain text."""
    text = io.StringIO()
    plain = Terminal(file=text, width=console.width)
    plain.print(*tables(document), sep="\n")
    return text.getvalue()


def html(document: Document) -> str:
    """The page."""
    from .page import page

    return page(document)


FORMATS: Mapping[str, Callable[[Document], str]] = {
    "html": html,
    "json": as_json,
    "md": as_markdown,
    "csv": as_csv,
    "table": as_table,
}
