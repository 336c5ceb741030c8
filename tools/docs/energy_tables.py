"""Tables of docs/explanation/energy.md, from the figures that come with the package."""

from tools.energy_runs import read_table
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.energy.figures import DEFAULT_LIBRARY, available
from truncmac.sim.energy.macros import load_srams
from truncmac.sim.energy.model import PARTS, load
from truncmac.sim.energy.places import Counts
from truncmac.sim.energy.runs import layer_error, network_errors, without_stalls

WIDTHS = (8, 4, 2, 1)
BEATS = 36  # of a tile: a reduction of 576 on 16 lanes


def energy_tables():
    """Every shape in every library, the breakdown of the main ones, and the memory macros."""
    libraries = dict.fromkeys(library for library, _, _ in available())
    parts = [shapes(library) for library in libraries]
    return "\n".join([*parts, against(), breakdown(), errors(), srams()])


def shapes(library):
    """What was measured of each shape at 8 x 8."""
    rows = [
        "| lanes, planes | area, um2 a MAC/cycle | clock, ns | k = 8 | k = 4 | k = 2 | k = 1 |",
        "|---|---|---|---|---|---|---|",
    ]
    shapes = [shape for name, *shape in available() if name == library]
    own = [load(*shape, library).figures for shape in shapes]
    own.sort(key=lambda figures: -figures.planes)
    for figures in own:
        array = figures.array(8, 8)
        area = array.area_um2 / array.config.peak_macs
        cells = [f"{figures.lanes}, {figures.planes}", f"{area:,.0f}"]
        cells.append(f"{array.period_ps / 1e3:.2f}")
        for k in WIDTHS:
            measured = figures.bits[k].measured[array.name]
            cells.append(f"{measured.glitches_pj:.2f} ({measured.stated_pj:.2f})")
        rows.append(f"| {' | '.join(cells)} |")
    return (
        f"**{own[0].library}**: the whole core at 8 x 8 PEs, default requantisers: area by its "
        "8-bit MACs a cycle; clock period; pJ/MAC on the layers of digits that follow k, glitches "
        "included (without).\n" + "\n" + "\n".join(rows) + "\n"
    )


def against():
    """The truncatable core beside the dot-product core of the same throughput at k = 8."""
    cores = [load(4, 8).figures, load(16, 2).figures]
    arrays = [core.array(8, 8) for core in cores]
    energies = {}
    for k in WIDTHS:
        own = [core.bits[k].measured[arrays[0].name] for core in cores]
        energies[k] = [(measured.glitches_pj, measured.stated_pj) for measured in own]
    rows = ["| | (4, 8) | (16, 2) | ratio | aim |", "|---|---|---|---|---|"]
    first, second = energies[8]
    ratio = _pair(_over(second, first))
    rows.append(f"| k = 8, pJ/MAC | {_pair(first)} | {_pair(second)} | {ratio} | 0.95 |")
    for k, aim in ((4, "0.55"), (2, "0.35"), (1, "0.25")):
        own = [_pair(_over(energies[k][i], energies[8][i])) for i in range(2)]
        ratio = _pair(_over(energies[k][1], energies[k][0]))
        rows.append(
            f"| k = {k}, of its own k = 8 | {own[0]} | {own[1]} | {ratio} | {aim} of its own |"
        )
    for what, values, digits, aim in (
        ("area, mm2", [array.area_um2 / 1e6 for array in arrays], 3, "1.15"),
        ("clock period, ns", [array.period_ps / 1e3 for array in arrays], 2, "1.00"),
    ):
        cells = " | ".join(f"{value:.{digits}f}" for value in values)
        rows.append(f"| {what} | {cells} | {values[1] / values[0]:.2f} | {aim} |")
    return (
        "(16, 2) against (4, 8), whose throughput at k = 8 is the same; IHP SG13G2, both at 8 x 8 "
        "with all edges, on the layers of digits that follow k; glitches included, in brackets "
        "without. `ratio` is (16, 2) over (4, 8):\n\n" + "\n".join(rows) + "\n"
    )


def _over(values, others):
    return tuple(value / other for value, other in zip(values, others, strict=True))


def _pair(values):
    return f"{values[0]:.2f} ({values[1]:.2f})"


def breakdown():
    """Parts of the energy of a MAC at 8 x 8 on long tiles, glitches included."""
    rows = [f"| lanes, planes | k | {' | '.join(PARTS)} | sum |", "|---" * (len(PARTS) + 3) + "|"]
    for lanes, planes in ((4, 8), (16, 2), (8, 1)):
        config = ArrayConfig(8, 8, lanes, planes)
        beats = BEATS * 16 // lanes
        macs = config.rows * config.cols * lanes * beats
        for k in WIDTHS:
            chunks = beats * ceil_div(k, planes)
            parts = load(lanes, planes).energy(config, Counts(chunks, chunks, beats, 1), k)
            values = [value / macs for value in parts.values()]
            cells = " | ".join(f"{value:.3f}" for value in [*values, sum(values)])
            rows.append(f"| {lanes}, {planes} | {k} | {cells} |")
    return (
        "Where it goes, ihp-sg13g2, 8 x 8 PEs, a reduction of 576, pJ/MAC, glitches included:\n\n"
        + "\n".join(rows)
        + "\n"
    )


def errors():
    """The largest errors on runs that the figures were not made from."""
    rows = ["| library | lanes, planes | network | worst layer |", "|---|---|---|---|"]
    table = read_table()
    for library, lanes, planes in available():
        figures = load(lanes, planes, library)
        held = [run for run in table.runs_of(library, lanes, planes) if _in_table(figures, run)]
        networks = [entry.error for entry in network_errors(figures, held)]
        layer = max(held, key=lambda run: abs(layer_error(figures, run)))
        rows.append(
            f"| {library} | {lanes}, {planes} | {max(networks, key=abs):+.1%} | "
            f"{layer.network}/{layer.layer}, {layer_error(figures, layer):+.1%} |"
        )
    return (
        "The model's largest errors against the netlist on layers of resnet20 (made-up weights), "
        "at each k; the aims are 3% of a network and 5% of a layer:\n\n" + "\n".join(rows) + "\n"
    )


def _in_table(figures, run):
    """Whether a run without pauses is of a network that no figure was made from."""
    own = [array.config for array in figures.figures.sizes]
    return run.held_out and not run.paused and run.config in own


def stalls():
    """A layer with pauses that no figure comes from, and what it would be were stalls free."""
    rows = [
        "| PEs | k | cycles | waiting | held | error | were stalls free |",
        "|---|---|---|---|---|---|---|",
    ]
    figures = load(16, 2)
    free = without_stalls(figures)
    paused = [run for run in read_table().runs_of(DEFAULT_LIBRARY, 16, 2) if run.paused]
    for k in (8, 2):
        for run in sorted(paused, key=lambda run: -run.config.rows):
            if run.network_bits == k:
                rows.append(
                    f"| {run.config.rows} x {run.config.cols} | {k} | {run.counts.cycles:.0f} "
                    f"| {run.counts.waiting:.0f} | {run.counts.held:.0f} "
                    f"| {layer_error(figures, run):+.1%} | {layer_error(free, run):+.1%} |"
                )
    return "\n".join(rows) + "\n"


def srams():
    """Memory macros."""
    rows = ["| macro | words x bits | read, pJ | write, pJ | area, mm2 |", "|---|---|---|---|---|"]
    rows += [
        f"| {m.name} | {m.words} x {m.bits} | {m.read_pj:.1f} | {m.write_pj:.1f} | "
        f"{m.area_um2 / 1e6:.3f} |"
        for m in load_srams()
    ]
    return "Memory macros of ihp-sg13g2:\n\n" + "\n".join(rows)
